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

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod attempt;
mod blind;
mod breaks;
mod budget;
#[expect(unsafe_code, reason = "values without a type, read without counting: see its invariants")]
mod cell;
#[cfg(all(test, not(feature = "shuttle")))]
mod coins;
mod commit;
pub mod effects;
pub mod engine;
mod entries;
pub mod error;
mod gate;
mod gone;
pub mod guard;
mod handover;
mod heat;
pub mod history;
#[cfg(all(test, not(feature = "shuttle")))]
mod holder;
pub mod job;
mod ladder;
mod limits;
mod memory;
mod names;
#[cfg(all(test, feature = "loom"))]
mod orderings;
mod pages;
mod policy;
mod recent;
#[expect(unsafe_code, reason = "a private copy is changed without counting its shares again")]
mod reclaim;
mod rerun;
mod reserve;
mod seat;
#[expect(unsafe_code, reason = "cells are given up under those who look at them")]
mod slot;
mod snapshot;
mod sync;
mod table;
mod watch;

pub use attempt::{Attempt, TaskRng};
#[cfg(feature = "breaks")]
pub use breaks::Breaks;
pub use effects::{Delivery, Durability, Effect, Effects};
pub use engine::{Counts, Engine, Settings};
pub use error::{Error, Fault};
pub use guard::{Read, Write};
pub use handover::{Changes, CommitSink, Committed, NotAccepted, TaskKeeper};
pub use history::{Difference, History, Recorded, Recorder};
pub use job::{Cause, Job, Outcome, panic_message};
pub use limits::Limits;
pub use rerun::rerun;
pub use seat::SEATS;
pub use watch::Overdue;
