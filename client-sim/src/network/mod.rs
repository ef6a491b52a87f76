//! A network as it is between real homes and a real server, in this process: a relay stands between clients and their
//! server and does to their packets what bad lines do.
//!
//! [`relay::Relay`] is the UDP part, [`lane::Lane`] decides what becomes of each packet, [`conditions::Conditions`] says how
//! bad it is. None of them knows QUIC, or any game; a client of any kind goes through by connecting to the relay's address.

pub mod arguments;
pub mod conditions;
pub mod lane;
mod path;
pub mod relay;
