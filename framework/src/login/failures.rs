//! Failed logins: who has had too many waits, longer each time.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quick_cache::unsync::Cache;

use crate::login::attempt::LoginError;
use crate::login::network_of::network_of;

/// How many logins may fail, of one account and from one network.
///
/// An attempt counts as failed when it begins, and is taken back when it succeeds: so a thousand at once are not a thousand for the
/// price of one.
pub(super) struct Failures {
    accounts: Mutex<Table<String>>,
    networks: Mutex<Table<IpAddr>>,
}

/// How many are free, and how long the wait becomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) free: u32,
    pub(super) wait_max: Duration,
}

impl Failures {
    /// With what an account and what a network may fail.
    pub(super) fn new(account: Patience, network: Patience) -> Self {
        Self {
            accounts: Mutex::new(Table::new(account)),
            networks: Mutex::new(Table::new(network)),
        }
    }

    /// Counts an attempt at `account` from `address`.
    ///
    /// # Errors
    /// [`LoginError::TooSoon`]: it is not to be tried.
    pub(super) fn begin(
        &self,
        account: &str,
        address: IpAddr,
        now: Instant,
    ) -> Result<(), LoginError> {
        // The network first: one that has had too many must not make an account's owner wait.
        self.networks.lock().begin(network_of(address), now)?;
        let counted = self.accounts.lock().begin(account.to_owned(), now);
        if counted.is_err() {
            // Nothing was tried, so it is nobody's failure: whoever keeps an account waiting from elsewhere must not make its
            // owner's whole network wait.
            self.give_back(address);
        }
        counted
    }

    /// The attempt has succeeded: nothing of the account is held against anybody, and the network has one fewer.
    pub(super) fn succeeded(&self, account: &str, address: IpAddr) {
        self.accounts.lock().of.remove(account);
        self.give_back(address);
    }

    /// Counts one less for the network of `address`.
    fn give_back(&self, address: IpAddr) {
        if let Some(mut record) = self.networks.lock().of.get_mut(&network_of(address)) {
            record.failed = record.failed.saturating_sub(1);
            // It was let through, so this wait is its own.
            record.not_before = record.since;
        }
    }

    /// Counts the making of an account from `address`: nobody's password is tried, so no account's record is touched.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(super) fn begin_new(&self, address: IpAddr, now: Instant) -> Result<(), LoginError> {
        self.networks.lock().begin(network_of(address), now)
    }
}

struct Table<K> {
    of: Cache<K, Record>,
    patience: Patience,
}

#[derive(Clone, Copy)]
struct Record {
    failed: u32,
    /// Of the first that counts.
    since: Instant,
    not_before: Instant,
}

impl<K: Hash + Eq> Table<K> {
    fn new(patience: Patience) -> Self {
        Self { of: Cache::new(REMEMBERED_MAX), patience }
    }

    fn begin(&mut self, key: K, now: Instant) -> Result<(), LoginError> {
        let known = self.of.get(&key).copied();
        let is_remembered =
            |record: &Record| now.duration_since(record.since) < MEMORY || now < record.not_before;
        let known = known.filter(is_remembered);
        let mut record = known.unwrap_or(Record { failed: 0, since: now, not_before: now });
        if let Some(wait) = record.not_before.checked_duration_since(now).filter(|w| !w.is_zero()) {
            return Err(LoginError::TooSoon { wait });
        }
        record.failed = record.failed.saturating_add(1);
        if let Some(beyond) = record.failed.checked_sub(self.patience.free) {
            let wait = Duration::from_secs(1 << beyond.min(DOUBLINGS_MAX));
            record.not_before = now + wait.min(self.patience.wait_max);
        }
        self.of.insert(key, record);
        Ok(())
    }
}

/// How many accounts and networks are remembered: those that come again stay longest. A few megabytes at most.
const REMEMBERED_MAX: usize = 32 * 1024;

/// So long after the first that failed, all is forgotten.
const MEMORY: Duration = Duration::from_secs(3600);

/// A wait of more than a month would be one for ever.
const DOUBLINGS_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn failures(free: u32) -> Failures {
        let strict = Patience { free, wait_max: Duration::from_secs(8) };
        Failures::new(strict, Patience { free: 1000, wait_max: Duration::from_secs(8) })
    }

    fn wait(outcome: Result<(), LoginError>) -> u64 {
        match outcome {
            Err(LoginError::TooSoon { wait }) => wait.as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_wait_grows_to_its_limit() {
        let failures = failures(3);
        let mut now = Instant::now();
        for _ in 0..3 {
            assert_eq!(failures.begin("ann", HERE, now), Ok(()));
        }
        for seconds in [1, 2, 4, 8, 8, 8] {
            assert_eq!(wait(failures.begin("ann", HERE, now)), seconds);
            // To ask again meanwhile makes it no longer.
            assert_eq!(wait(failures.begin("ann", HERE, now)), seconds);
            assert_eq!(failures.begin("bob", HERE, now), Ok(()), "another account waits, too");
            failures.succeeded("bob", HERE);
            now += Duration::from_secs(seconds);
            assert_eq!(failures.begin("ann", HERE, now), Ok(()));
        }
    }

    #[test]
    fn who_makes_accounts_gets_no_guesses_back() {
        let (failures, now) = (failures(2), Instant::now());
        for _ in 0..2 {
            assert_eq!(failures.begin("ann", HERE, now), Ok(()));
        }
        assert_eq!(failures.begin_new(HERE, now), Ok(()));
        assert_eq!(wait(failures.begin("ann", HERE, now)), 1);
    }

    /// Somebody elsewhere keeps ann waiting, and her own client tries again and again.
    #[test]
    fn an_account_that_has_to_wait_does_not_make_its_owners_network_wait() {
        let strict = Patience { free: 3, wait_max: Duration::from_secs(8) };
        let (failures, now) = (Failures::new(strict, strict), Instant::now());
        let elsewhere = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));
        for _ in 0..3 {
            assert_eq!(failures.begin("ann", elsewhere, now), Ok(()));
        }
        for _ in 0..50 {
            assert_eq!(wait(failures.begin("ann", HERE, now)), 1);
        }
        assert_eq!(failures.begin("bob", HERE, now), Ok(()), "nobody has tried a password here");
    }

    /// One password in two is mistyped in a school: all of it waits at last, but no longer than the one who is right.
    #[test]
    fn a_network_that_also_succeeds_is_not_locked_out() {
        let strict = Patience { free: 3, wait_max: Duration::from_secs(900) };
        let failures = Failures::new(Patience { free: 1000, ..strict }, strict);
        let mut now = Instant::now();
        for pupil in 0..20 {
            let account = format!("pupil{pupil}");
            while failures.begin(&account, HERE, now).is_err() {
                now += Duration::from_secs(1);
            }
            failures.succeeded(&account, HERE);
            assert_eq!(failures.begin("next", HERE, now), Ok(()), "its own wait holds nobody up");
            failures.succeeded("next", HERE);
        }
    }

    #[test]
    fn success_and_time_make_all_well_again() {
        let failures = failures(2);
        let now = Instant::now();
        for _ in 0..20 {
            assert_eq!(failures.begin("ann", HERE, now), Ok(()));
            failures.succeeded("ann", HERE);
        }
        for _ in 0..2 {
            assert_eq!(failures.begin("ann", HERE, now), Ok(()));
        }
        assert_eq!(wait(failures.begin("ann", HERE, now)), 1);
        let later = now + MEMORY;
        for _ in 0..2 {
            assert_eq!(failures.begin("ann", HERE, later), Ok(()));
        }
    }

    #[test]
    fn one_network_is_one_however_many_addresses_it_has() {
        let failures = Failures::new(
            Patience { free: 1000, wait_max: Duration::from_secs(8) },
            Patience { free: 2, wait_max: Duration::from_secs(8) },
        );
        let now = Instant::now();
        let near = |last: u16| IpAddr::from([0x2001, 0xdb8, 1, 2, 3, 4, 5, last]);
        assert_eq!(failures.begin("a", near(1), now), Ok(()));
        assert_eq!(failures.begin("b", near(2), now), Ok(()));
        assert_eq!(wait(failures.begin("c", near(3), now)), 1);
        let far = IpAddr::from([0x2001, 0xdb8, 1, 3, 3, 4, 5, 6]);
        assert_eq!(failures.begin("c", far, now), Ok(()));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(network_of(mapped), HERE);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let failures = failures(2);
        let now = Instant::now();
        for number in 0..3 * REMEMBERED_MAX {
            let address = IpAddr::from((number as u32).to_be_bytes());
            assert_eq!(failures.begin(&number.to_string(), address, now), Ok(()));
        }
        assert!(failures.accounts.lock().of.len() <= REMEMBERED_MAX);
        assert!(failures.networks.lock().of.len() <= REMEMBERED_MAX);
    }
}
