//! Thousands of simulated clients against a Daystar server, over real QUIC, in one process or several.
//!
//! Another game brings its own clients by implementing [`behaviour::Behaviour`], naming them in a [`cast::Cast`], and handing that
//! to [`program::main`], or to [`crowd::run`] in a test; `examples/ringers.rs` is one. Only [`tideland`], [`command`] and
//! [`demo`] know the sample game, and [`hostile`] where it attacks that.
//! [`network`] makes the way to the server as bad as real ones are, and [`hostile`] what it has to bear as well.
//!
//! Clients share UDP sockets, [`crew::CREW_CLIENTS_MAX`] to each, so that the limit of open files, often
//! 1,024, is none for the number of clients.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod arguments;
pub mod behaviour;
pub mod cast;
pub mod child_server;
mod client;
pub mod command;
pub mod counts;
pub mod crash;
pub mod crew;
pub mod crowd;
pub mod demo;
pub mod duration;
pub mod figures;
pub mod hostile;
pub mod ledger;
pub mod limit;
pub mod link;
pub mod marks;
pub mod mix;
pub mod network;
pub mod outcome;
pub mod part;
mod places;
pub mod plan;
pub mod program;
pub mod progress;
mod record;
mod remote;
pub mod report;
pub mod require;
mod settlement;
pub mod stage;
pub mod table;
pub mod tally;
pub mod tideland;
mod troupe;
pub mod usage;
