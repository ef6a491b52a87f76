//! [`Account`]: what is kept of somebody with a password, as an object of the world.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use daystar_macros::{Memory, managed};
use daystar_model::layout::{Layout, Parts};
use daystar_model::show::{Show, Value};

use crate::login::attempt::LoginError;

/// Somebody who joins with a password: an object of the world, stored, backed up and replayed with it. Game code finds it with
/// [`Ctx::account`](crate::Ctx::account), to give it roles.
#[managed(name = "daystar.Account")]
pub struct Account {
    /// What it is called; never changes.
    pub name: String,
    /// What its password is checked by.
    pub password: PasswordHash,
    /// The roles that its sessions have from their next login on.
    pub roles: Vec<String>,
}

/// An argon2id hash with its parameters and salt. Shown nowhere, neither by `inspect` nor in a log.
#[derive(Clone, PartialEq, Eq, Memory, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct PasswordHash {
    phc: String,
}

impl PasswordHash {
    /// Of the text that argon2 makes.
    pub(crate) fn new(phc: String) -> Self {
        Self { phc }
    }

    pub(super) fn phc(&self) -> &str {
        &self.phc
    }
}

impl Layout for PasswordHash {
    fn describe(_: &mut Parts) -> String {
        "PasswordHash".to_owned()
    }
}

impl Show for PasswordHash {
    const IS_TEXT: bool = true;

    fn show(&self) -> Value {
        Value::String(HIDDEN.to_owned())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

const HIDDEN: &str = "(hidden)";

/// What [`Accounts`] give.
pub type AccountsFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, LoginError>> + Send + 'a>>;

/// The accounts of a server's world. Each call is a task of its own.
pub trait Accounts: Send + Sync {
    /// The account of that name.
    fn find<'a>(&'a self, name: &'a str) -> AccountsFuture<'a, Option<Account>>;

    /// Keeps a new account; `false` when there is one of that name.
    fn add(&self, account: Account) -> AccountsFuture<'_, bool>;
}
