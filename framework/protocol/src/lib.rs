//! Daystar's wire protocol without any I/O: bytes go in, frames and events come out.
//!
//! A session is one bidirectional QUIC stream, opened by the client with the ALPN [`handshake::ALPN`]. Both
//! directions carry frames: a `u32` little-endian length of what follows, one byte of kind, a body. The frames
//! of either direction are [`to_server::ToServer`] and [`to_client::ToClient`]; [`server_session`] and
//! [`client_session`] know which may come when, and [`retained`] what must be sent again when the session goes on
//! over another connection. Nothing here reads a socket or a clock, or allocates
//! by a length that was not checked first.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod batch;
pub mod client_session;
pub mod close;
pub mod fingerprint;
pub mod frame;
pub mod handshake;
pub mod message;
pub mod reject;
pub mod retained;
pub mod server_session;
pub mod to_client;
pub mod to_server;
