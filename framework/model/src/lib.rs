//! The words that Daystar's parts share: ids, references, commit numbers, managed values, a stored
//! record's bytes, and the [`Store`] trait. It does no I/O and starts no threads.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "breaks")]
#[doc(hidden)]
pub mod breaks;
#[cfg(not(feature = "breaks"))]
mod breaks;
#[doc(hidden)]
pub mod codec;
mod depth;
pub mod ids;
#[doc(hidden)]
pub mod layout;
pub mod managed;
#[doc(hidden)]
pub mod memory;
pub mod record;
pub mod reference;
#[doc(hidden)]
pub mod show;
pub mod store;
pub mod time;
#[doc(hidden)]
pub mod upgrade;

pub use ids::{CommitNumber, ObjectId, Space};
pub use managed::{Managed, Object, TypeDescriptor};
pub use record::{Record, RecordError};
pub use reference::Ref;
pub use store::{Batch, Change, Store, StoreError};
pub use time::{Clock, Dial, ManualClock, SystemClock, Timestamp};

/// What generated code names. Not for people: it changes without notice.
#[doc(hidden)]
pub mod private {
    pub use inventory;
    pub use rkyv;
    pub use serde;
}
