//! Functions of the C library under the names that programs know them by, for `LD_PRELOAD`.
//!
//! Each does what it always does, and beyond that writes to the log what happened to files under the
//! recorded folder, or fails when a rule says so. A program that does not set the folder's environment
//! variable notices nothing. How it is set up is in `daystar_recorder::preload`.
//!
//! Call and entry of the log happen under one lock, so that the log's order is the order in which things took place.

#![cfg(target_os = "linux")]

mod descriptors;
mod faults;
mod names;
mod paths;
mod reads;
mod recorder;
mod syncs;
mod system;
mod writes;
