//! The network against real clients over loopback, with a stand-in for the game.

mod bad_input;
mod counted;
mod joining;
mod leaving;
mod limits;
mod raw;
mod requests;
mod resuming;
mod stand_in;
mod strangers;

pub(in crate::net) use stand_in::soon;
