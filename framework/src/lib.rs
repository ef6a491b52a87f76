//! Daystar: servers for online games and shared worlds.
//!
//! A game is a set of plain functions: an event arrives, objects change, messages go out. Daystar runs thousands
//! of them at once on every core, with the outcome of one at a time, keeps the objects on disk, and
//! brings them back after a crash. Start with [`Game`], then [`Ctx`].
//!
//! [`cli`] makes a program of a game, and [`Server::builder`] a server within another program. Clients use the crate `daystar-client`. The
//! book is in `docs/book`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

// The macros' generated code names `::daystar`, here as everywhere.
extern crate self as daystar;

mod admin;
#[cfg(doctest)]
mod book;
mod cli;
mod game;
pub mod login;
mod net;
mod scheduler;
mod server;

/// What one task may use, and how many tasks may wait, for [`Builder::limits`].
///
/// ```
/// use std::time::Duration;
/// use daystar::Limits;
///
/// let limits = Limits { time_max: Duration::from_secs(2), ..Limits::default() };
/// # assert!(limits.time_warn < limits.time_max);
/// ```
pub use daystar_engine::Limits;
pub use daystar_engine::{Counts, Durability, Error, Fault, Read, TaskRng, Write};
pub use daystar_macros::{external, managed, message, survey, sweep, task, walk};
pub use daystar_model::{Managed, Ref, Timestamp};
pub use daystar_protocol::message::Message;
/// What may be set about a world's files, for [`Builder::store_options`].
///
/// ```
/// use daystar::StoreOptions;
///
/// let options = StoreOptions { map_bytes_max: 1 << 40, ..StoreOptions::default() };
/// # assert!(options.map_bytes_max > StoreOptions::default().map_bytes_max);
/// ```
pub use daystar_store::Options as StoreOptions;

pub use cli::{Outcome, cli, cli_with};
pub use game::any_ref::AnyRef;
pub use game::channel::Channel;
pub use game::collections::counter::Counter;
pub use game::collections::item::{CollectionError, Item};
pub use game::collections::map::Map;
pub use game::collections::ordered_map::OrderedMap;
pub use game::collections::queue::Queue;
pub use game::collections::set::Set;
pub use game::collections::walkable::Walkable;
pub use game::ctx::Ctx;
pub use game::external::{CallKey, External};
pub use game::manner::{At, By};
pub use game::names::NameError;
pub use game::plan::{Missed, Plan, Retry};
pub use game::removal::{OnRemove, RemovalTooDeep};
pub use game::rules::{Game, Result};
pub use game::session::{Left, Session, SessionError};
pub use game::survey::Survey;
pub use game::sweep::Sweep;
pub use game::task::{Task, TaskHandle};
pub use game::walk::Walk;
pub use game::world::World;
pub use net::limits::{Limits as NetworkLimits, SlowClient};
pub use server::Server;
#[doc(hidden)]
pub use server::bare::bare_quic;
#[doc(hidden)]
pub use server::breaks::Breaks;
pub use server::builder::Builder;
pub use server::error::ServeError;
pub use server::persistence::JournalLimits;
pub use server::persistence::status::JournalStatus;
pub use server::verify::{Verified, verify};

/// What a game's files import: `use daystar::prelude::*;`.
pub mod prelude {
    pub use crate::game::any_ref::AnyRef;
    pub use crate::game::channel::Channel;
    pub use crate::game::collections::counter::Counter;
    pub use crate::game::collections::map::Map;
    pub use crate::game::collections::ordered_map::OrderedMap;
    pub use crate::game::collections::queue::Queue;
    pub use crate::game::collections::set::Set;
    pub use crate::game::ctx::Ctx;
    pub use crate::game::external::{CallKey, External};
    pub use crate::game::plan::{Missed, Plan, Retry};
    pub use crate::game::removal::OnRemove;
    pub use crate::game::rules::{Game, Result};
    pub use crate::game::session::{Left, Session};
    pub use crate::game::survey::Survey;
    pub use crate::game::sweep::Sweep;
    pub use crate::game::task::{Task, TaskHandle};
    pub use crate::game::walk::Walk;
    pub use crate::game::world::World;
    pub use crate::{bail, ensure};
    pub use daystar_engine::{Durability, Error, Read, Write};
    pub use daystar_macros::{external, managed, message, survey, sweep, task, walk};
    pub use daystar_model::{Managed, Ref, Timestamp};
    pub use daystar_protocol::message::Message;
    pub use rand::RngExt;
    pub use std::time::Duration;
}

/// What generated code, tests and benches name. Not for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::game::closure::Closure;
    pub use crate::game::removal::{Hooked, NotHooked, RemovalRegistration};
    pub use crate::game::task::{Task, TaskRegistration};
    pub use daystar_macros::{Layout, Memory, Show};
    pub use daystar_model::codec;
    pub use daystar_model::layout;
    pub use daystar_model::managed::Registration;
    pub use daystar_model::memory;
    pub use daystar_model::private::{inventory, rkyv};
    pub use daystar_model::show;
    pub use daystar_model::upgrade;
    pub use daystar_model::{Managed, RecordError, TypeDescriptor};
    pub use daystar_protocol::message::Message;
    pub use serde;
}
