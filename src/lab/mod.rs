//! The lab: the private "host" a lesson happens in. How it is made: store, root, network.

mod hosts;
pub mod init;
mod layout;
pub mod network;
pub mod root;
pub mod store;
pub mod trial;
