//! Hostile clients: what strangers and cheats do to a server, so that one can see how it bears it.
//!
//! Each attack is a file. [`attack::Attack::run`] lets one loose on a [`target::Target`]; [`contest`] does so to a server of its
//! own while honest clients play there, and compares how they fare. They know QUIC and the frames of the protocol, but no game:
//! the one request that they send is given to them.

pub mod arguments;
pub mod attack;
mod attackers;
pub mod contest;
mod datagrams;
mod enrolment;
mod flood;
mod garbage;
mod half_open;
mod huge_lengths;
mod logins;
pub mod notice;
mod passwords;
mod report;
mod server;
mod slow_readers;
mod slow_writers;
mod stolen_secrets;
pub mod target;
pub mod toll;
