//! The network: QUIC connections, logins, outgoing queues and channels. Knows neither store nor game.
//!
//! What is above plugs in through [`handler::SessionHandler`]; what comes down goes through [`outbox::Outbox`] and
//! [`channels::Switchboard`]. A session costs two tasks, one that reads and one that writes, and no task per frame. It
//! outlives its connection ([`resume`]).

#![forbid(unsafe_code)]

mod addresses;
pub(crate) mod certificate;
pub(crate) mod channels;
mod connection;
pub(crate) mod endpoint;
mod fanout;
pub(crate) mod handler;
mod handshakes;
pub(crate) mod limits;
pub(crate) mod login;
pub(crate) mod meters;
pub(crate) mod outbox;
mod pace;
mod reader;
pub(crate) mod resets;
pub(crate) mod resume;
mod session;
mod socket;
#[cfg(test)]
mod tests;
mod throttle;
pub(crate) mod watermark;
mod writer;
