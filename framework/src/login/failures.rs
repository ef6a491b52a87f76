//! Failed logins: who has had too many waits, longer each time.

use std::hash::Hash;
use std::mem;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quick_cache::unsync::Cache;

use crate::login::attempt::LoginError;
use crate::login::network_of::{NETWORKS_OF_SITE, network_of, site_of};

/// How many logins may fail: of one account, from one network, and from one site, which has networks without number.
///
/// An attempt counts as failed when it begins, and is taken back when it succeeds or comes to nothing ([`Counted`]): so a thousand
/// at once are not a thousand for the price of one.
///
/// A network that has logged in with an account of late is its owner's. What fails elsewhere must never make it wait, or anybody could
/// keep an owner out: so its attempts at that account count apart from all others.
pub(super) struct Failures {
    /// Attempts from networks that are not the owner's.
    accounts: Mutex<Table<String>>,
    owners: Mutex<Owners>,
    /// All attempts.
    networks: Mutex<Table<IpAddr>>,
    /// Attempts from networks that are not the owner's.
    sites: Mutex<Table<IpAddr>>,
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
        let site = Patience { free: network.free.saturating_mul(NETWORKS_OF_SITE), ..network };
        Self {
            accounts: Mutex::new(Table::new(account)),
            owners: Mutex::new(Owners { of: Cache::new(REMEMBERED_MAX), patience: account }),
            networks: Mutex::new(Table::new(network)),
            sites: Mutex::new(Table::new(site)),
        }
    }

    /// Counts an attempt at `account` from `address`.
    ///
    /// # Errors
    /// [`LoginError::TooSoon`]: it is not to be tried.
    pub(super) fn begin<'a>(
        &'a self,
        account: &'a str,
        address: IpAddr,
        now: Instant,
    ) -> Result<Counted<'a>, LoginError> {
        let network = network_of(address);
        // The network first: one that has had too many must make neither its neighbours nor an account's owner wait.
        self.networks.lock().begin(network, now)?;
        let as_owner = self.owners.lock().begin(account, network, now);
        let (counted, kind) = match as_owner {
            Some(counted) => (counted, Kind::AsOwner),
            None => (self.begin_elsewhere(account, address, now), Kind::Elsewhere),
        };
        if let Err(too_soon) = counted {
            // Nothing was tried, so it is nobody's failure: whoever keeps an account waiting from elsewhere must not make its
            // owner's whole network wait.
            self.networks.lock().give_back(&network);
            return Err(too_soon);
        }
        Ok(Counted { failures: self, account, address, kind })
    }

    /// Counts an attempt from a network that is not the owner's.
    fn begin_elsewhere(
        &self,
        account: &str,
        address: IpAddr,
        now: Instant,
    ) -> Result<(), LoginError> {
        self.begin_in_site(address, now)?;
        let counted = self.accounts.lock().begin(account.to_owned(), now);
        if counted.is_err() {
            self.give_back_to_site(address);
        }
        counted
    }

    /// Counts the making of `account` from `address`: nobody's password is tried, so no account's record is touched.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(super) fn begin_new<'a>(
        &'a self,
        account: &'a str,
        address: IpAddr,
        now: Instant,
    ) -> Result<Counted<'a>, LoginError> {
        let network = network_of(address);
        self.networks.lock().begin(network, now)?;
        if let Err(too_soon) = self.begin_in_site(address, now) {
            self.networks.lock().give_back(&network);
            return Err(too_soon);
        }
        Ok(Counted { failures: self, account, address, kind: Kind::New })
    }

    fn begin_in_site(&self, address: IpAddr, now: Instant) -> Result<(), LoginError> {
        site_of(address).map_or(Ok(()), |site| self.sites.lock().begin(site, now))
    }

    fn give_back_to_site(&self, address: IpAddr) {
        if let Some(site) = site_of(address) {
            self.sites.lock().give_back(&site);
        }
    }
}

/// An attempt that has begun and counts as failed. Dropped, it counts for nothing. What is given back is what was counted, whoever
/// has become or ceased to be an owner meanwhile.
#[must_use = "dropped, it counts for nothing"]
pub(super) struct Counted<'a> {
    failures: &'a Failures,
    account: &'a str,
    address: IpAddr,
    kind: Kind,
}

/// What an attempt was counted as, besides as the network's.
#[derive(Clone, Copy)]
enum Kind {
    /// In the owner's own record for the account.
    AsOwner,
    /// In the account's and the site's.
    Elsewhere,
    /// In the site's: it makes the account.
    New,
}

impl Counted<'_> {
    /// It stays counted.
    pub(super) fn failed(self) {
        mem::forget(self);
    }

    /// The network is the owner's from now on, and has one fewer, unless it has made the account. If the attempt was one from
    /// elsewhere, the account is cleared for all others, too.
    pub(super) fn succeeded(self) {
        self.succeeded_at(Instant::now());
    }

    fn succeeded_at(self, now: Instant) {
        let Self { failures, account, address, kind } = self;
        let network = network_of(address);
        failures.owners.lock().succeeded(account, network, now);
        match kind {
            // What was counted as the owner's clears nothing else: an owner who comes every day must not give those who guess
            // elsewhere their guesses back.
            Kind::AsOwner => failures.networks.lock().give_back(&network),
            Kind::Elsewhere => {
                failures.networks.lock().give_back(&network);
                failures.accounts.lock().of.remove(account);
                failures.give_back_to_site(address);
            }
            // Stays counted: accounts cost room for ever.
            Kind::New => {}
        }
        self.failed();
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let Self { failures, account, address, kind } = *self;
        let network = network_of(address);
        failures.networks.lock().give_back(&network);
        match kind {
            Kind::AsOwner => failures.owners.lock().give_back(account, network),
            Kind::Elsewhere => {
                failures.accounts.lock().give_back(&account.to_owned());
                failures.give_back_to_site(address);
            }
            Kind::New => failures.give_back_to_site(address),
        }
    }
}

struct Table<K> {
    of: Cache<K, Record>,
    patience: Patience,
}

impl<K: Hash + Eq> Table<K> {
    fn new(patience: Patience) -> Self {
        Self { of: Cache::new(REMEMBERED_MAX), patience }
    }

    fn begin(&mut self, key: K, now: Instant) -> Result<(), LoginError> {
        let mut record = self.of.get(&key).copied().unwrap_or(Record::new(now));
        record.begin(self.patience, now)?;
        self.of.insert(key, record);
        Ok(())
    }

    /// Counts one less.
    fn give_back(&mut self, key: &K) {
        if let Some(mut record) = self.of.get_mut(key) {
            record.give_back();
        }
    }
}

#[derive(Clone, Copy)]
struct Record {
    failed: u32,
    /// Of the first that counts.
    since: Instant,
    not_before: Instant,
}

impl Record {
    fn new(now: Instant) -> Self {
        Self { failed: 0, since: now, not_before: now }
    }

    /// Counts one more. What is refused leaves the record as it was.
    fn begin(&mut self, patience: Patience, now: Instant) -> Result<(), LoginError> {
        if let Some(wait) = self.not_before.checked_duration_since(now).filter(|w| !w.is_zero()) {
            return Err(LoginError::TooSoon { wait });
        }
        if self.failed == 0 || now.duration_since(self.since) >= MEMORY {
            *self = Self::new(now);
        }
        self.failed = self.failed.saturating_add(1);
        if let Some(beyond) = self.failed.checked_sub(patience.free) {
            let wait = Duration::from_secs(1 << beyond.min(DOUBLINGS_MAX));
            self.not_before = now + wait.min(patience.wait_max);
        }
        Ok(())
    }

    fn give_back(&mut self) {
        self.failed = self.failed.saturating_sub(1);
        // It was let through, so this wait is its own.
        self.not_before = self.since;
    }
}

/// The networks that are accounts' owners', by account and no more than [`NETWORKS_OF_OWNER`] of each: by network, one account of his
/// own and a site would be enough for somebody to have all others forgotten.
struct Owners {
    of: Cache<String, Vec<Owner>>,
    patience: Patience,
}

struct Owner {
    network: IpAddr,
    /// When it last logged in.
    succeeded: Instant,
    failures: Record,
}

impl Owner {
    fn is_remembered(&self, now: Instant) -> bool {
        now.duration_since(self.succeeded) < OWNER_MEMORY
    }
}

impl Owners {
    /// Counts an attempt; `None`, and nothing is counted, if the network is not the owner's.
    fn begin(
        &mut self,
        account: &str,
        network: IpAddr,
        now: Instant,
    ) -> Option<Result<(), LoginError>> {
        let mut owners = self.of.get_mut(account)?;
        let owner = owners.iter_mut().find(|owner| owner.network == network)?;
        owner.is_remembered(now).then(|| owner.failures.begin(self.patience, now))
    }

    /// Counts one less for the network, if it is still known.
    fn give_back(&mut self, account: &str, network: IpAddr) {
        let Some(mut owners) = self.of.get_mut(account) else { return };
        if let Some(owner) = owners.iter_mut().find(|owner| owner.network == network) {
            owner.failures.give_back();
        }
    }

    /// The network is the owner's from now on, with nothing held against it.
    fn succeeded(&mut self, account: &str, network: IpAddr, now: Instant) {
        // Changed in its place: put in anew, it would be among the first that are forgotten.
        if !self.of.contains_key(account) {
            self.of.insert(account.to_owned(), Vec::new());
        }
        let Some(mut owners) = self.of.get_mut(account) else { return };
        owners.retain(|owner| owner.is_remembered(now));
        let known = owners.iter().position(|owner| owner.network == network);
        // In the order of their successes, so that the first is the one to forget.
        if let Some(place) = known.or((owners.len() == NETWORKS_OF_OWNER).then_some(0)) {
            owners.remove(place);
        }
        owners.push(Owner { network, succeeded: now, failures: Record::new(now) });
    }
}

/// How many accounts, networks, sites and accounts with owners are remembered, of each: those that come again stay longest. Some
/// twenty megabytes at most, nearly all of them for owners who come from several networks.
const REMEMBERED_MAX: usize = 32 * 1024;

/// So long after the first that failed, all is forgotten.
const MEMORY: Duration = Duration::from_secs(3600);

/// So long after a network's last login with an account it is no longer the owner's: long enough for who plays at times, but an address
/// becomes somebody else's.
const OWNER_MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// At home, at work, on the way. Each has guesses of its own, so they must stay few.
const NETWORKS_OF_OWNER: usize = 4;

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

    /// An address in one of the networks of one site.
    fn rotated(number: u16) -> IpAddr {
        IpAddr::from([0x2001, 0xdb8, 7, number, 0, 0, 0, 1])
    }

    impl Failures {
        /// An attempt that fails if it is let through.
        fn fail(&self, account: &str, address: IpAddr, now: Instant) -> Result<(), LoginError> {
            self.begin(account, address, now).map(Counted::failed)
        }

        /// An attempt that is let through and succeeds.
        fn succeed(&self, account: &str, address: IpAddr, now: Instant) {
            self.begin(account, address, now).unwrap().succeeded_at(now);
        }
    }

    /// The attempt that `address` makes at ann's account fails.
    fn guess(failures: &Failures, address: IpAddr, now: Instant) -> Result<(), LoginError> {
        failures.fail("ann", address, now)
    }

    fn log_in(failures: &Failures, address: IpAddr, now: Instant) {
        failures.succeed("ann", address, now);
    }

    /// The attempt that `address` makes at ann's account cannot be checked.
    fn try_in_vain(failures: &Failures, address: IpAddr, now: Instant) {
        drop(failures.begin("ann", address, now).unwrap());
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
            assert_eq!(failures.fail("ann", HERE, now), Ok(()));
        }
        for seconds in [1, 2, 4, 8, 8, 8] {
            assert_eq!(wait(failures.fail("ann", HERE, now)), seconds);
            // To ask again meanwhile makes it no longer.
            assert_eq!(wait(failures.fail("ann", HERE, now)), seconds);
            // Another account does not wait.
            failures.succeed("bob", HERE, now);
            now += Duration::from_secs(seconds);
            assert_eq!(failures.fail("ann", HERE, now), Ok(()));
        }
    }

    #[test]
    fn who_makes_accounts_gets_no_guesses_back() {
        let (failures, now) = (failures(2), Instant::now());
        for _ in 0..2 {
            assert_eq!(failures.fail("ann", HERE, now), Ok(()));
        }
        failures.begin_new("bob", HERE, now).unwrap().succeeded_at(now);
        assert_eq!(wait(failures.fail("ann", HERE, now)), 1);
    }

    /// Somebody elsewhere keeps ann waiting, and her own client tries again and again.
    #[test]
    fn an_account_that_has_to_wait_does_not_make_its_owners_network_wait() {
        let strict = Patience { free: 3, wait_max: Duration::from_secs(8) };
        let (failures, now) = (Failures::new(strict, strict), Instant::now());
        let elsewhere = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));
        for _ in 0..3 {
            assert_eq!(failures.fail("ann", elsewhere, now), Ok(()));
        }
        for _ in 0..50 {
            assert_eq!(wait(failures.fail("ann", HERE, now)), 1);
        }
        assert_eq!(failures.fail("bob", HERE, now), Ok(()), "nobody has tried a password here");
    }

    /// One password in two is mistyped in a school: all of it waits at last, but no longer than the one who is right.
    #[test]
    fn a_network_that_also_succeeds_is_not_locked_out() {
        let strict = Patience { free: 3, wait_max: Duration::from_secs(900) };
        let failures = Failures::new(Patience { free: 1000, ..strict }, strict);
        let mut now = Instant::now();
        for pupil in 0..20 {
            let account = format!("pupil{pupil}");
            let counted = loop {
                match failures.begin(&account, HERE, now) {
                    Ok(counted) => break counted,
                    Err(_) => now += Duration::from_secs(1),
                }
            };
            counted.succeeded_at(now);
            // Its own wait holds nobody up.
            failures.succeed("next", HERE, now);
        }
    }

    #[test]
    fn success_and_time_make_all_well_again() {
        let failures = failures(2);
        let now = Instant::now();
        for _ in 0..20 {
            failures.succeed("ann", HERE, now);
        }
        for _ in 0..2 {
            assert_eq!(failures.fail("ann", HERE, now), Ok(()));
        }
        assert_eq!(wait(failures.fail("ann", HERE, now)), 1);
        let later = now + MEMORY;
        for _ in 0..2 {
            assert_eq!(failures.fail("ann", HERE, later), Ok(()));
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
        assert_eq!(failures.fail("a", near(1), now), Ok(()));
        assert_eq!(failures.fail("b", near(2), now), Ok(()));
        assert_eq!(wait(failures.fail("c", near(3), now)), 1);
        let far = IpAddr::from([0x2001, 0xdb8, 1, 3, 3, 4, 5, 6]);
        assert_eq!(failures.fail("c", far, now), Ok(()));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(network_of(mapped), HERE);
    }

    #[test]
    fn a_site_fails_no_more_often_than_a_few_of_its_networks() {
        let wait_max = Duration::from_secs(8);
        let many = Patience { free: 1000, wait_max };
        let failures = Failures::new(many, Patience { free: 2, wait_max });
        let now = Instant::now();
        let tries = |is_new: bool, number: u16| match is_new {
            true => failures.begin_new("new", rotated(number), now).map(Counted::failed),
            false => failures.fail(&format!("account{number}"), rotated(number), now),
        };
        for number in 0..8 {
            assert_eq!(tries(number % 2 == 0, number), Ok(()));
        }
        for number in 100..200 {
            assert_eq!(wait(tries(number % 2 == 0, number)), 1);
        }
        let elsewhere = IpAddr::from([0x2001, 0xdb8, 8, 0, 0, 0, 0, 1]);
        assert_eq!(failures.fail("a", elsewhere, now), Ok(()));
        // Those were refused for their site, and have failed nothing themselves.
        let later = now + Duration::from_secs(1);
        assert_eq!(failures.fail("a", rotated(100), later), Ok(()));
        assert_eq!(wait(failures.fail("a", rotated(101), later)), 2);
    }

    #[test]
    fn a_site_that_only_succeeds_or_is_not_tried_does_not_wait() {
        let strict = Patience { free: 2, wait_max: Duration::from_secs(8) };
        let (failures, now) = (Failures::new(strict, strict), Instant::now());
        for number in 0..50 {
            let account = number.to_string();
            failures.succeed(&account, rotated(number), now);
        }
        for _ in 0..2 {
            assert_eq!(guess(&failures, HERE, now), Ok(()));
        }
        for number in 0..50 {
            assert_eq!(wait(guess(&failures, rotated(number), now)), 1);
        }
        assert_eq!(failures.fail("bob", rotated(99), now), Ok(()));
    }

    /// Whoever guesses takes every attempt that there is, from ever other networks, and even from the owner's own site.
    #[test]
    fn an_owner_gets_in_while_somebody_guesses_from_everywhere() {
        let strict = Patience { free: 3, wait_max: Duration::from_secs(8) };
        let failures = Failures::new(strict, strict);
        let mut now = Instant::now();
        let (home, abroad) = (rotated(1), IpAddr::from([198, 51, 100, 7]));
        log_in(&failures, home, now);
        for number in 0..2000u16 {
            now += Duration::from_secs(1);
            let from = match number % 2 {
                0 => rotated(1000 + number),
                _ => IpAddr::from([0x2001, 0xdb8, 1000 + number, 0, 0, 0, 0, 1]),
            };
            let _ = guess(&failures, from, now);
            log_in(&failures, home, now);
            if number > 100 {
                // She who comes and goes gives nobody a guess back; from where she never was, she waits as all do.
                wait(guess(&failures, abroad, now));
            }
        }
    }

    #[test]
    fn an_owners_network_has_a_count_of_its_own() {
        let (failures, now) = (failures(3), Instant::now());
        let elsewhere = IpAddr::from([198, 51, 100, 7]);
        log_in(&failures, HERE, now);
        for _ in 0..3 {
            assert_eq!(guess(&failures, HERE, now), Ok(()));
        }
        assert_eq!(wait(guess(&failures, HERE, now)), 1, "the owner's is limited, too");
        for _ in 0..3 {
            assert_eq!(guess(&failures, elsewhere, now), Ok(()), "it was not counted elsewhere");
        }
        assert_eq!(wait(guess(&failures, elsewhere, now)), 1);
        // The owner's wait is over, and is over once and for all when the owner is right.
        let later = now + Duration::from_secs(1);
        log_in(&failures, HERE, later);
        for _ in 0..3 {
            assert_eq!(guess(&failures, HERE, later), Ok(()));
        }
        // That it is the owner's holds for the one account.
        for _ in 0..3 {
            assert_eq!(failures.fail("bob", elsewhere, now), Ok(()));
        }
        assert_eq!(wait(failures.fail("bob", HERE, now)), 1);
    }

    #[test]
    fn what_could_not_be_checked_counts_for_nothing() {
        let strict = Patience { free: 3, wait_max: Duration::from_secs(8) };
        let (failures, now) = (Failures::new(strict, strict), Instant::now());
        let elsewhere = IpAddr::from([198, 51, 100, 7]);
        for _ in 0..50 {
            try_in_vain(&failures, rotated(1), now);
            drop(failures.begin_new("bob", rotated(2), now).unwrap());
        }
        for _ in 0..3 {
            assert_eq!(guess(&failures, elsewhere, now), Ok(()));
        }
        assert_eq!(wait(guess(&failures, rotated(1), now)), 1, "it is no owner's");
        let later = now + MEMORY;
        log_in(&failures, HERE, later);
        for _ in 0..50 {
            try_in_vain(&failures, HERE, later);
        }
    }

    #[test]
    fn a_network_that_has_not_succeeded_of_late_is_held() {
        let (failures, now) = (failures(3), Instant::now());
        let elsewhere = IpAddr::from([198, 51, 100, 7]);
        let other = |number: u8| IpAddr::from([203, 0, 113, number]);
        log_in(&failures, HERE, now);
        let hold = |now| {
            for _ in 0..3 {
                assert_eq!(guess(&failures, elsewhere, now), Ok(()));
            }
            assert_eq!(wait(guess(&failures, other(100), now)), 1);
        };
        let late = now + OWNER_MEMORY - Duration::from_secs(1);
        hold(late);
        assert_eq!(guess(&failures, HERE, late), Ok(()));
        let too_late = now + OWNER_MEMORY + MEMORY;
        hold(too_late);
        assert_eq!(wait(guess(&failures, HERE, too_late)), 1);
        // Nor has one that so many others have succeeded after.
        let again = too_late + MEMORY;
        log_in(&failures, HERE, again);
        for number in 0..4 {
            log_in(&failures, other(number), again);
        }
        hold(again);
        assert_eq!(wait(guess(&failures, HERE, again)), 1);
        for number in 0..4 {
            assert_eq!(guess(&failures, other(number), again), Ok(()));
        }
    }

    #[test]
    fn what_an_owner_of_long_ago_could_not_try_counts_for_nothing() {
        let (failures, now) = (failures(3), Instant::now());
        let elsewhere = IpAddr::from([198, 51, 100, 7]);
        log_in(&failures, HERE, now);
        let later = now + OWNER_MEMORY;
        for _ in 0..3 {
            try_in_vain(&failures, HERE, later);
        }
        for _ in 0..3 {
            assert_eq!(guess(&failures, elsewhere, later), Ok(()));
        }
    }

    #[test]
    fn two_first_logins_at_once_leave_nothing_with_their_site() {
        let strict = Patience { free: 3, wait_max: Duration::from_secs(8) };
        let (failures, now) = (Failures::new(strict, strict), Instant::now());
        for number in 0..50 {
            let account = number.to_string();
            let begin = || failures.begin(&account, rotated(number), now).unwrap();
            let (one, other) = (begin(), begin());
            one.succeeded_at(now);
            other.succeeded_at(now);
        }
        assert_eq!(failures.fail("bob", rotated(99), now), Ok(()));
    }

    #[test]
    fn an_owner_who_is_forgotten_meanwhile_gives_nothing_back_to_the_site() {
        let strict = Patience { free: 2, wait_max: Duration::from_secs(8) };
        for succeeds in [true, false] {
            let (failures, now) = (Failures::new(strict, strict), Instant::now());
            log_in(&failures, rotated(1), now);
            let counted = failures.begin("ann", rotated(1), now).unwrap();
            for number in 0..4 {
                log_in(&failures, IpAddr::from([203, 0, 113, number]), now);
            }
            for number in 0..8 {
                let account = format!("account{number}");
                assert_eq!(failures.fail(&account, rotated(100 + number), now), Ok(()));
            }
            match succeeds {
                true => counted.succeeded_at(now),
                false => drop(counted),
            }
            assert_eq!(wait(failures.fail("bob", rotated(99), now)), 1);
        }
    }

    #[test]
    fn who_has_made_an_account_is_its_owner() {
        let (failures, now) = (failures(3), Instant::now());
        failures.begin_new("ann", HERE, now).unwrap().succeeded_at(now);
        let elsewhere = IpAddr::from([198, 51, 100, 7]);
        for _ in 0..3 {
            assert_eq!(guess(&failures, elsewhere, now), Ok(()));
        }
        assert_eq!(wait(guess(&failures, elsewhere, now)), 1);
        log_in(&failures, HERE, now);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let failures = failures(2);
        let now = Instant::now();
        for number in 0..3 * REMEMBERED_MAX {
            let [a, b, c, d] = (number as u32).to_be_bytes().map(u16::from);
            let address = IpAddr::from([(a << 8) | b, c, d, 0, 0, 0, 0, 1]);
            assert_eq!(failures.fail(&number.to_string(), address, now), Ok(()));
            failures.succeed(&format!("owned{number}"), address, now);
        }
        for number in 0..100 {
            log_in(&failures, rotated(number), now);
        }
        assert!(failures.accounts.lock().of.len() <= REMEMBERED_MAX);
        assert!(failures.networks.lock().of.len() <= REMEMBERED_MAX);
        assert!(failures.sites.lock().of.len() <= REMEMBERED_MAX);
        let owners = failures.owners.lock();
        assert!(owners.of.len() <= REMEMBERED_MAX);
        assert_eq!(owners.of.peek("ann").map(Vec::len), Some(NETWORKS_OF_OWNER));
    }
}
