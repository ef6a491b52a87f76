//! Managed types that are made for many tasks at once.

pub(crate) mod counter;
