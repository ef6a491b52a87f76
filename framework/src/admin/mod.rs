//! What an operator sees of a running server.

pub(crate) mod prometheus;
