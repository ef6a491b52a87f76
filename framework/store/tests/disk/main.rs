//! What disks do to a world: the power goes, writes fail, files are damaged. Told as stories; one file each.
//!
//! The processes that write a world run with the recorder (`framework/store/recorder`) preloaded, so that every
//! write and sync of theirs is seen, and can be made to fail. Whatever opens a world that may be damaged runs in a
//! process of its own, because what LMDB makes of a damaged file may be the end of the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod checker;
mod damage;
mod faults;
mod fuzz;
mod killed;
mod phases;
mod power_cut;
mod process;
mod recording;
mod story;
mod writer;
