//! Daystar's transactional engine: many attempts at once, with the outcome of one at a time.
//!
//! A [`Job`] is run as an [`Attempt`] that reads one consistent moment of the world and changes private
//! copies. Its commit locks what it writes, takes the next [`CommitNumber`](daystar_model::CommitNumber),
//! checks that what it read is still so, and installs. An attempt that met another's commit is run again.
//! The scheme is that of TL2 (D. Dice, O. Shalev, N. Shavit, "Transactional Locking II", DISC 2006), with
//! several versions for read-only jobs and snapshot extension (T. Riegel, P. Felber, C. Fetzer, "A Lazy
//! Snapshot Algorithm with Eager Validation", DISC 2006).
//!
//! The engine knows neither network nor disk: changes and effects leave through a [`CommitSink`], and
//! objects arrive through a [`Store`](daystar_model::Store).

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod attempt;
mod cell;
mod commit;
pub mod effects;
pub mod engine;
mod entries;
pub mod error;
mod gate;
pub mod guard;
mod handover;
mod heat;
pub mod job;
mod ladder;
mod snapshot;
mod sync;
mod table;
mod thread;

pub use attempt::{Attempt, TaskRng};
pub use effects::{Effect, Effects};
#[cfg(feature = "breaks")]
pub use engine::Breaks;
pub use engine::{Counts, Engine, Limits, Settings};
pub use error::{Error, Fault};
pub use guard::{Read, Write};
pub use handover::{CommitSink, Committed};
pub use job::{Cause, Job, Outcome};
