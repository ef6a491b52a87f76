//! What the benches over the network are measured against: quinn and nothing else.

pub(crate) mod clients;
pub(crate) mod server;
