//! The lab: the private "host" a lesson happens in. How it is made (store, root, network) and how roles talk.

pub mod guarded;
pub mod init;
pub mod network;
pub mod protocol;
pub mod root;
pub mod store;
pub mod wire;
