//! What game code sees.

pub(crate) mod accounts;
pub(crate) mod any_ref;
pub(crate) mod channel;
pub(crate) mod closure;
pub(crate) mod collections;
pub(crate) mod ctx;
pub(crate) mod events;
pub(crate) mod manner;
pub(crate) mod names;
pub(crate) mod problems;
pub(crate) mod removal;
pub(crate) mod rules;
pub(crate) mod session;
pub(crate) mod task;
pub(crate) mod world;
