//! The lab: the private "host" a lesson happens in. How it is made: store, root, network.

pub mod init;
pub mod network;
pub mod root;
mod stage;
pub mod store;
