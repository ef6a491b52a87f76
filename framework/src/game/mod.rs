//! What game code sees.

pub(crate) mod accounts;
pub(crate) mod any_ref;
mod by_id;
pub(crate) mod channel;
pub(crate) mod closure;
pub(crate) mod collections;
pub(crate) mod ctx;
pub(crate) mod due;
pub(crate) mod events;
pub(crate) mod external;
#[cfg(test)]
pub(crate) mod idle;
pub(crate) mod manner;
pub(crate) mod names;
pub(crate) mod plan;
pub(crate) mod problems;
pub(crate) mod references;
pub(crate) mod removal;
pub(crate) mod rules;
pub(crate) mod session;
pub(crate) mod survey;
pub(crate) mod sweep;
pub(crate) mod task;
pub(crate) mod task_record;
pub(crate) mod walk;
pub(crate) mod world;
pub(crate) mod world_time;
