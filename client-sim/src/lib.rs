//! Thousands of simulated clients against a Daystar server, over real QUIC, in one process.
//!
//! Another game brings its own clients by implementing [`behaviour::Behaviour`] and handing it to
//! [`crowd::run`]; only [`tideland`], [`command`] and [`demo`] know the sample game.
//! [`network`] makes the way to the server as bad as real ones are, and [`hostile`] what it has to bear as well.
//!
//! Clients share UDP sockets, [`crowd::CREW_CLIENTS_MAX`] to each, so that the limit of open files, often
//! 1,024, is none for the number of clients.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod behaviour;
mod client;
pub mod command;
pub mod crowd;
pub mod demo;
pub mod duration;
pub mod hostile;
pub mod link;
pub mod network;
pub mod outcome;
pub mod progress;
pub mod require;
pub mod table;
pub mod tally;
pub mod tideland;
