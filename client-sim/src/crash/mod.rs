//! A server that is killed in the middle of the play, and what the clients must find when it is back.
//!
//! [`director`] kills the server and starts it again. Each time the play is interrupted until everybody is back and the
//! ledger has been compared with the world: [`intermission`]. [`separate`] puts it together for the demo.

pub mod arguments;
pub mod certificate;
pub mod director;
pub mod intermission;
pub mod separate;
