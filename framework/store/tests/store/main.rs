//! What the stores promise, told as stories; one file each.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod backup;
mod basics;
mod before_damage;
mod beside;
mod compact;
mod crash;
mod damage;
mod folder;
mod full;
mod journal;
mod model;
mod pacing;
mod permission;
mod resident;
mod room;
mod support;
mod types;
