//! Daystar's stores: LMDB on disk, and memory.
//!
//! Both implement [`daystar_model::store::Store`], which is all that the engine knows of them. Both keep
//! objects as the bytes of [`daystar_model::record::Record`], so that what a test in memory loads has been
//! written and checked as it would have been on disk.

#![deny(unsafe_code)]
#![warn(missing_docs)]

mod batch;
mod breaks;
mod head;
pub mod lmdb;
pub mod memory;
mod stored;

#[cfg(feature = "breaks")]
pub use breaks::Breaks;
#[cfg(feature = "breaks")]
pub use lmdb::Pace;
pub use lmdb::{JournalDamage, LmdbStore, Moment, Options};
pub use memory::MemoryStore;
