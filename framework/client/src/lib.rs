//! The Rust client of a Daystar server.
//!
//! ```no_run
//! # use daystar_protocol::message::Message;
//! # #[derive(serde::Serialize, serde::Deserialize)] pub enum Request { Look }
//! # #[derive(Debug, serde::Serialize, serde::Deserialize)] pub enum Event { Seen(String) }
//! # impl Message for Request { const NAME: &'static str = "Request"; }
//! # impl Message for Event { const NAME: &'static str = "Event"; }
//! use daystar_client::{Client, Incoming, Trust};
//!
//! # async fn play() -> Result<(), Box<dyn std::error::Error>> {
//! let server = "127.0.0.1:4455".parse()?;
//! let builder = Client::<Request, Event>::builder(server).game("hamlet").name("ann");
//! let (client, mut events) = builder.trust(Trust::Anyone).connect().await?;
//! let answer = client.call(&Request::Look).await?; // resolves when the request has taken effect
//! println!("I see {answer:?}");
//! while let Some(Incoming::Event(event)) = events.next().await {
//!     println!("{event:?}");
//! }
//! # Ok(()) }
//! ```
//!
//! When the connection is lost, the client comes back by itself and goes on where it was: nothing that was sent is lost or comes
//! twice, and calls under way are answered. [`Client::state`] tells a program that wants to show it.
//!
//! A connection costs three tasks. Thousands of clients in one program should share a few sockets,
//! made by [`socket::shared`].

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod authorities;
pub mod builder;
pub mod client;
mod dial;
pub mod error;
pub mod events;
mod link;
mod outgoing;
mod pending;
mod reader;
mod session;
pub mod socket;
pub mod state;
#[doc(hidden)]
pub mod tls;
pub mod traffic;

pub use authorities::{Authorities, AuthoritiesError};
pub use builder::{ClientBuilder, Trust};
pub use client::{Client, UnderWay};
pub use daystar_protocol::close::CloseCode;
pub use daystar_protocol::fingerprint::Fingerprint;
pub use daystar_protocol::handshake::Credentials;
pub use daystar_protocol::reject::RejectCode;
pub use error::{CallError, ConnectError, Disconnected, Distrust, SendError};
pub use events::{Events, Incoming};
pub use rustls::pki_types::CertificateDer;
pub use state::ConnectionState;
#[doc(hidden)]
pub use tls::bare_quic;
