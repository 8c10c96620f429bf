//! The lab: the private "host" a lesson happens in. How it is made: store, root, network.

mod hosts;
pub mod init;
pub mod network;
pub mod root;
pub mod store;
mod store_layout;
pub mod trial;
