//! Who may join: what turns a client's credentials into an [`Identity`], before there is a session.
//!
//! Nothing here knows the network, the scheduler or a game. An [`Authenticator`] is given what the client has shown and
//! answers, in its own time, with who it is; [`Builder::login`](crate::Builder::login) says which one a server has.
//!
//! ```
//! use daystar::login::{Authenticator, Accounts, Credentials, Identity, LoginAttempt, LoginError, LoginFuture};
//!
//! /// Lets in whoever knows the word of the day.
//! struct WordOfTheDay;
//!
//! impl Authenticator for WordOfTheDay {
//!     fn authenticate<'a>(&'a self, attempt: LoginAttempt, _: &'a dyn Accounts) -> LoginFuture<'a> {
//!         Box::pin(async move {
//!             match attempt.credentials {
//!                 Credentials::Password { account, password, .. } if password == "mellon" => {
//!                     Identity::new(account)
//!                 }
//!                 Credentials::Password { .. } => Err(LoginError::wrong("that is not the word")),
//!                 _ => Err(LoginError::OtherKind { wanted: "a name and the word of the day" }),
//!             }
//!         })
//!     }
//! }
//! ```

#![forbid(unsafe_code)]

pub(crate) mod accounts;
pub(crate) mod attempt;
pub(crate) mod development;
pub(crate) mod failures;
pub(crate) mod identity;
pub(crate) mod network_of;
pub(crate) mod passwords;
mod refresh;
pub(crate) mod tokens;

use std::future::Future;
use std::pin::Pin;

pub use accounts::{Account, Accounts, AccountsFuture, PasswordHash};
pub use attempt::{LoginAttempt, LoginError};
pub use daystar_protocol::handshake::Credentials;
pub use development::DevelopmentNames;
pub use identity::{Identity, SameIdentity};
pub use passwords::Passwords;
pub(crate) use passwords::hash_for;
pub use tokens::{TokenKeyError, Tokens};

pub(crate) use refresh::Watched;

/// What [`Authenticator::authenticate`] gives: `Box::pin(async move { .. })`.
pub type LoginFuture<'a> = Pin<Box<dyn Future<Output = Result<Identity, LoginError>> + Send + 'a>>;

/// Decides who a client is.
pub trait Authenticator: Send + Sync + 'static {
    /// Who the client is that has shown `attempt.credentials`, or why it may not join.
    ///
    /// Runs on the network's threads, many at once: it may wait as long as [`NetworkLimits`](crate::NetworkLimits) give a
    /// login, but it must not block; what computes for long belongs into `tokio::task::spawn_blocking`. It is dropped when
    /// the client goes. `accounts` are those of the server's world.
    fn authenticate<'a>(
        &'a self,
        attempt: LoginAttempt,
        accounts: &'a dyn Accounts,
    ) -> LoginFuture<'a>;

    /// Whether a client has to show that it is who it says it is. If not, a server that can be reached from other machines
    /// warns of it, and a name that is in use is not given to somebody else.
    fn is_proof(&self) -> bool {
        true
    }

    /// Reads again what may have changed: a key file. Called every few seconds, on a thread that may be blocked.
    fn refresh(&self) {}
}
