//! What a program under test does to a disk: recorded, replayed up to a power cut, and made to fail.
//!
//! Three parts. A library that is preloaded into the program (`preload`, a crate of its own, because it
//! stands in for functions of the C library) writes a [`log`] of every write and sync under one folder, and
//! lets calls fail by [`faults`]. [`preload`] sets a process up for it. [`disk`] replays a log and builds
//! what the disk may hold when the power goes at any point of it.
//!
//! Linux only. The model of the disk, and what the recorder cannot see, are in
//! `docs/design/0006-power-cuts.md`.

#![forbid(unsafe_code)]

pub mod disk;
pub mod faults;
pub mod log;
pub mod preload;
