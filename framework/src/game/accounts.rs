//! Accounts in the world: how they are found by name, and the jobs that find, make and change them.

use std::marker::PhantomData;
use std::sync::Arc;

use daystar_engine::{Attempt, Error, Job};
use daystar_model::Ref;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::game::ctx::{Ctx, EventType};
use crate::game::names;
use crate::game::rules::{Game, Result};
use crate::login::{Account, PasswordHash};

/// The account called `name`.
pub(crate) fn find(ctx: &Ctx, name: &str) -> Result<Option<Ref<Account>>> {
    names::find(ctx, &bound_name(name))
}

/// Keeps a new account; `false` if there is one of its name.
fn add(ctx: &Ctx, account: &Account) -> Result<bool> {
    let is_new = find(ctx, &account.name)?.is_none();
    if is_new {
        let made = ctx.insert(account.clone())?;
        names::bind(ctx, &bound_name(&account.name), made)?;
    }
    Ok(is_new)
}

/// Takes the account called `name` and its name away; `false` if there is none.
pub(crate) fn remove(ctx: &Ctx, name: &str) -> Result<bool> {
    let Some(account) = find(ctx, name)? else { return Ok(false) };
    names::unbind(ctx, &bound_name(name))?;
    ctx.remove(account)?;
    Ok(true)
}

/// Games cannot bind such a name, so no client can have a game take one away.
fn bound_name(name: &str) -> String {
    format!("{}account/{name}", names::RESERVED)
}

/// What a job has found, for who waits for it.
pub(crate) struct Found<T>(Arc<Mutex<Option<T>>>);

impl<T> Found<T> {
    /// The last attempt is the one that committed.
    fn set(&self, found: T) {
        *self.0.lock() = Some(found);
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().take()
    }
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Found<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Finds an account by its name.
pub(crate) struct FindAccount<G> {
    name: String,
    found: Found<Option<Account>>,
    game: PhantomData<fn() -> G>,
}

impl<G: Game> FindAccount<G> {
    pub(crate) fn new(name: String, found: Found<Option<Account>>) -> Self {
        Self { name, found, game: PhantomData }
    }
}

impl<G: Game> Job for FindAccount<G> {
    fn kind(&self) -> &'static str {
        "find account"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let ctx = Ctx::new(attempt, EventType::of::<G::Event>(), None);
        let account = match find(&ctx, &self.name)? {
            Some(account) => Some(ctx.get(account)?.clone()),
            None => None,
        };
        self.found.set(account);
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self::new(self.name.clone(), Found::default())))
    }
}

/// Keeps a new account, unless there is one of its name.
pub(crate) struct AddAccount<G> {
    account: Account,
    is_added: Found<bool>,
    game: PhantomData<fn() -> G>,
}

impl<G: Game> AddAccount<G> {
    pub(crate) fn new(account: Account, is_added: Found<bool>) -> Self {
        Self { account, is_added, game: PhantomData }
    }
}

impl<G: Game> Job for AddAccount<G> {
    fn kind(&self) -> &'static str {
        "add account"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let ctx = Ctx::new(attempt, EventType::of::<G::Event>(), None);
        self.is_added.set(add(&ctx, &self.account)?);
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self::new(self.account.clone(), Found::default())))
    }
}

/// What an operator makes of an account. Passwords are hashes here, in the text that argon2 makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AccountChange {
    /// There is one, which there was not.
    Add { hash: String, roles: Vec<String> },
    /// It has another password.
    Password { hash: String },
    /// It has these roles and no others.
    Roles { roles: Vec<String> },
    /// There is none any more.
    Remove,
}

/// Makes, changes or takes away an account.
pub(crate) struct ChangeAccount<G> {
    name: String,
    change: AccountChange,
    game: PhantomData<fn() -> G>,
}

impl<G: Game> ChangeAccount<G> {
    pub(crate) fn new(name: String, change: AccountChange) -> Self {
        Self { name, change, game: PhantomData }
    }
}

impl<G: Game> Job for ChangeAccount<G> {
    fn kind(&self) -> &'static str {
        "change account"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let ctx = Ctx::new(attempt, EventType::of::<G::Event>(), None);
        let Self { name, change, .. } = self;
        let found = find(&ctx, name)?;
        let none = || Error::refused(format!("there is no account called `{name}`"));
        match change {
            AccountChange::Add { hash, roles } => {
                let (password, roles) = (PasswordHash::new(hash.clone()), roles.clone());
                if !add(&ctx, &Account { name: name.clone(), password, roles })? {
                    let taken = format!("there is an account called `{name}` already");
                    return Err(Error::refused(taken));
                }
            }
            AccountChange::Password { hash } => {
                let mut account = ctx.get_mut(found.ok_or_else(none)?)?;
                account.password = PasswordHash::new(hash.clone());
            }
            AccountChange::Roles { roles } => {
                ctx.get_mut(found.ok_or_else(none)?)?.roles.clone_from(roles);
            }
            AccountChange::Remove => {
                if !remove(&ctx, name)? {
                    return Err(none());
                }
            }
        }
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self::new(self.name.clone(), self.change.clone())))
    }
}
