//! Managed types that are made for many tasks at once.

pub(crate) mod counter;
mod entries;
mod forms;
mod handle;
pub(crate) mod item;
pub(crate) mod map;
pub(crate) mod ordered_map;
pub(crate) mod queue;
mod range;
pub(crate) mod set;
pub(crate) mod tree;
pub(crate) mod walkable;
