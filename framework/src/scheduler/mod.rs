//! Runs work on worker threads, in order within a lane, at its time, and knows no game.

mod guests;
pub(crate) mod kinds;
pub(crate) mod queue;
pub(crate) mod timer;
pub(crate) mod worker;
