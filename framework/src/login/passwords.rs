//! [`Passwords`]: accounts of the world, each with a password.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use daystar_protocol::handshake::Credentials;
use tokio::sync::Semaphore;

use crate::login::accounts::{Account, Accounts, PasswordHash};
use crate::login::attempt::{LoginAttempt, LoginError};
use crate::login::failures::{Counted, Failures, Patience};
use crate::login::identity::{Identity, NAME_CHARS_MAX, check_name};
use crate::login::{Authenticator, LoginFuture};

/// Lets in who knows the password of an account. Accounts are objects of the world ([`Account`]); passwords are kept as argon2id
/// hashes, computed away from the network's and the game's threads, a few at a time.
///
/// Whether an account is unknown or its password wrong, a client is told the same, and it takes the same time. Who fails
/// often waits, longer each time: by account, by network and by site (a /48 of IPv6), so that neither one password is tried with
/// many accounts nor many with one.
pub struct Passwords {
    is_open: bool,
    cost: Params,
    failures: Failures,
    /// Those that compute.
    at_once: Arc<Semaphore>,
    /// Those, and who waits for them.
    in_line: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// Passwords of accounts that are there already; see [`registration`](Self::registration).
    pub fn new() -> Self {
        let at_once = available_parallelism().map_or(1, usize::from).div_ceil(2);
        Self {
            is_open: false,
            cost: Params::default(),
            failures: Failures::new(ACCOUNT_PATIENCE, NETWORK_PATIENCE),
            at_once: Arc::new(Semaphore::new(at_once)),
            in_line: Arc::new(Semaphore::new(IN_LINE_MAX)),
        }
    }

    /// Whether clients may make accounts by joining under a name that has none. Not unless set.
    pub fn registration(mut self, is_open: bool) -> Self {
        self.is_open = is_open;
        self
    }

    /// How dear a new hash is: so many KiB of memory, passed over so many times; 19 MiB and two unless set. Old hashes stay as dear
    /// as they were.
    ///
    /// # Errors
    /// Argon2 allows no such cost.
    pub fn cost(mut self, memory_kib: u32, passes: u32) -> Result<Self, LoginError> {
        self.cost = Params::new(memory_kib, passes, 1, None).map_err(failed)?;
        Ok(self)
    }

    /// How many hashes are computed at once, at least one; half as many as there are cores unless set.
    pub fn at_once(mut self, count: usize) -> Self {
        self.at_once = Arc::new(Semaphore::new(count.clamp(1, IN_LINE_MAX)));
        self
    }

    async fn make(
        &self,
        name: String,
        password: String,
        accounts: &dyn Accounts,
        counted: Counted<'_>,
    ) -> Result<Identity, LoginError> {
        let taken = || LoginError::Refused(format!("there is an account called `{name}` already"));
        if accounts.find(&name).await?.is_some() {
            counted.failed();
            return Err(taken());
        }
        let cost = self.cost.clone();
        let hash = self.compute(move || hash_password(cost, &password));
        let password = PasswordHash::new(hash.await??);
        let account = Account { name: name.clone(), password, roles: Vec::new() };
        // From here on the account may be made though nobody waits for it any more, and accounts cost room for ever: a drop gives
        // nothing back now.
        let counted = ManuallyDrop::new(counted);
        let added = accounts.add(account).await;
        let counted = ManuallyDrop::into_inner(counted);
        if !added? {
            counted.failed();
            return Err(taken());
        }
        counted.succeeded();
        Identity::new(name)
    }

    async fn check(
        &self,
        name: String,
        password: String,
        accounts: &dyn Accounts,
    ) -> Result<Identity, LoginError> {
        let known = accounts.find(&name).await?;
        let hash = match &known {
            Some(account) => account.password.phc().to_owned(),
            // Of a password that nobody has, so that it takes as long.
            None => decoy(&self.cost),
        };
        let cost = self.cost.clone();
        let is_right = self.compute(move || {
            let hash = phc::PasswordHash::new(&hash).map_err(failed)?;
            Ok(argon2(cost).verify_password(password.as_bytes(), &hash).is_ok())
        });
        let is_right = is_right.await??;
        match known {
            Some(account) if is_right => Ok(Identity::new(account.name)?.with_roles(account.roles)),
            _ => Err(LoginError::wrong("there is no such account, or its password is another")),
        }
    }

    /// Runs `work` on a thread that may compute for long, when it is its turn.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LoginError> {
        let turn = Arc::clone(&self.at_once).acquire_owned().await.map_err(failed)?;
        // The permit goes along: a client that leaves meanwhile must not make room for one more.
        let computed = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(turn);
            outcome
        });
        computed.await.map_err(failed)
    }
}

impl Authenticator for Passwords {
    fn authenticate<'a>(
        &'a self,
        attempt: LoginAttempt,
        accounts: &'a dyn Accounts,
    ) -> LoginFuture<'a> {
        Box::pin(async move {
            let LoginAttempt { credentials, address } = attempt;
            let Credentials::Password { account, password, is_new } = credentials else {
                return Err(LoginError::OtherKind { wanted: "an account and its password" });
            };
            check_name(&account, NAME_CHARS_MAX)?;
            if is_new && !self.is_open {
                return Err(LoginError::Refused("this server makes no new accounts".to_owned()));
            }
            if is_new {
                check_password(&password)?;
            }
            let Ok(_in_line) = self.in_line.try_acquire() else { return Err(LoginError::Busy) };
            // What is counted here is given back if all of this is dropped, since the login takes too long or the client leaves.
            // That makes no guess cheaper: who leaves before the answer has learned nothing, and how much a network may have
            // computed is bounded by how often it may log in (`net::addresses`).
            if is_new {
                let counted = self.failures.begin_new(&account, address.ip(), Instant::now())?;
                return self.make(account.clone(), password, accounts, counted).await;
            }
            let counted = self.failures.begin(&account, address.ip(), Instant::now())?;
            let checked = self.check(account.clone(), password, accounts).await;
            match &checked {
                Ok(_) => counted.succeeded(),
                Err(LoginError::Failed { .. }) => drop(counted),
                Err(_) => counted.failed(),
            }
            checked
        })
    }
}

/// The hash of a new account's password, or of an account's new one, as dear as a server makes it unless told otherwise; and that
/// the account can be called so.
///
/// # Errors
/// Nobody may have such a name or such a password.
pub(crate) fn hash_for(name: &str, password: &str) -> Result<String, LoginError> {
    check_name(name, NAME_CHARS_MAX)?;
    check_password(password)?;
    hash_password(Params::default(), password)
}

fn check_password(password: &str) -> Result<(), LoginError> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(LoginError::Refused(format!(
            "a password must have at least {PASSWORD_CHARS_MIN} characters"
        )));
    }
    Ok(())
}

fn hash_password(cost: Params, password: &str) -> Result<String, LoginError> {
    let hash: Result<phc::PasswordHash, _> = argon2(cost).hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(failed)
}

fn argon2(cost: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
}

/// A hash of the given cost that no password is known to have.
fn decoy(cost: &Params) -> String {
    let (memory, passes, lanes) = (cost.m_cost(), cost.t_cost(), cost.p_cost());
    let salt = "ZGF5c3RhcmRheXN0YXI";
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${}", "A".repeat(43))
}

fn failed(cause: impl ToString) -> LoginError {
    LoginError::Failed { cause: cause.to_string() }
}

const PASSWORD_CHARS_MIN: usize = 8;

/// Logins that compute or wait for it. Each holds one of the handshakes' places, of which others want some, too.
const IN_LINE_MAX: usize = 128;

/// Short at most, or anybody could keep an account's owner out.
const ACCOUNT_PATIENCE: Patience = Patience { free: 10, wait_max: Duration::from_secs(30) };

/// Many may share an address.
const NETWORK_PATIENCE: Patience = Patience { free: 30, wait_max: Duration::from_secs(900) };

#[cfg(test)]
mod tests;
