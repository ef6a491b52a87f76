//! What one network (an IPv4 address, a /64 of IPv6) may have and do at once, and what one site (a /48 of IPv6) may.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use quick_cache::unsync::Cache;
use smallvec::SmallVec;
use tokio::time::Instant;

use crate::login::network_of::{NETWORKS_OF_SITE, network_of, site_of};
use crate::net::limits::Limits;
use crate::net::pace::{Pace, Rate};

/// Counts connections, those of them that have not joined yet, sessions that wait for their client, and logins, by network and by
/// site.
pub(super) struct Addresses {
    connections: Counts,
    joining: Counts,
    /// As many may wait as may be connected.
    waiting: Counts,
    connections_max: usize,
    joining_max: usize,
    logins: Mutex<Cache<Origin, Pace>>,
    network_rate: Rate,
    site_rate: Rate,
    is_loopback_limited: bool,
}

/// Where something comes from, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    Network(IpAddr),
    Site(IpAddr),
}

/// A connection's place among those of its network and its site, or among those that have not joined; or that of a session which
/// waits.
pub(super) struct Place(Option<(Arc<Addresses>, Kind, Origins)>);

/// What a place is for.
#[derive(Clone, Copy)]
enum Kind {
    Connected,
    Joining,
    Waiting,
}

type Counts = Mutex<HashMap<Origin, usize>>;

type Origins = SmallVec<[Origin; 2]>;

impl Addresses {
    pub(super) fn new(limits: &Limits) -> Self {
        let (per_second, burst) = (limits.logins_per_minute / 60.0, limits.logins_burst);
        Self {
            connections: Counts::default(),
            joining: Counts::default(),
            waiting: Counts::default(),
            connections_max: limits.connections_per_network_max,
            joining_max: limits.handshakes_per_network_max,
            logins: Mutex::new(Cache::new(REMEMBERED_MAX)),
            network_rate: Rate::new(per_second, burst),
            site_rate: Rate::new(
                per_second * f64::from(NETWORKS_OF_SITE),
                burst.saturating_mul(NETWORKS_OF_SITE),
            ),
            is_loopback_limited: limits.is_loopback_limited,
        }
    }

    /// What counts of an address; nothing if it is not limited.
    fn origins(&self, address: IpAddr) -> Origins {
        if !self.is_loopback_limited && address.to_canonical().is_loopback() {
            return Origins::new();
        }
        let site = site_of(address).map(Origin::Site);
        std::iter::once(Origin::Network(network_of(address))).chain(site).collect()
    }

    /// All that may belong to one customer, and counts as one where many compete: the site, where there is one. `None` if the
    /// address is not limited.
    pub(super) fn widest_origin(&self, address: IpAddr) -> Option<Origin> {
        self.origins(address).pop()
    }

    fn max(&self, kind: Kind, origin: Origin) -> usize {
        let of_network = match kind {
            Kind::Connected | Kind::Waiting => self.connections_max,
            Kind::Joining => self.joining_max,
        };
        match origin {
            Origin::Network(_) => of_network,
            Origin::Site(_) => of_network.saturating_mul(NETWORKS_OF_SITE as usize),
        }
    }

    /// Whether so many connections come from there that it is time to ask whether they really do.
    pub(super) fn is_crowded(&self, address: IpAddr) -> bool {
        let origins = self.origins(address);
        [Kind::Connected, Kind::Joining].into_iter().any(|kind| {
            let counts = self.counts(kind).lock();
            origins.iter().any(|origin| {
                counts.get(origin).is_some_and(|count| *count >= self.max(kind, *origin) / 2)
            })
        })
    }

    /// A place for one more connection from there; `None` if there are too many.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        self.place(Kind::Connected, address)
    }

    /// A place for one more of them that has not joined yet; `None` if there are too many.
    pub(super) fn begin(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        self.place(Kind::Joining, address)
    }

    /// A place for one more session that waits for its client, who was connected from there; `None` if there are too many.
    pub(super) fn wait(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        self.place(Kind::Waiting, address)
    }

    fn counts(&self, kind: Kind) -> &Counts {
        match kind {
            Kind::Connected => &self.connections,
            Kind::Joining => &self.joining,
            Kind::Waiting => &self.waiting,
        }
    }

    fn place(self: &Arc<Self>, kind: Kind, address: IpAddr) -> Option<Place> {
        let origins = self.origins(address);
        if origins.is_empty() {
            return Some(Place(None));
        }
        let mut counts = self.counts(kind).lock();
        // First looked at and then counted, so that a refusal leaves nothing behind.
        let has_room =
            |origin: &Origin| counts.get(origin).copied().unwrap_or(0) < self.max(kind, *origin);
        if !origins.iter().all(has_room) {
            return None;
        }
        for origin in &origins {
            *counts.entry(*origin).or_default() += 1;
        }
        Some(Place(Some((Arc::clone(self), kind, origins))))
    }

    /// Counts a login from there; `false` if there were too many lately, and this one is not to be tried.
    pub(super) fn may_log_in(&self, address: IpAddr) -> bool {
        let now = Instant::now();
        let mut logins = self.logins.lock();
        // A network that has had its share is not counted against its site: it cannot use up what its neighbours have.
        self.origins(address).iter().all(|origin| {
            let mut pace = logins.get(origin).copied().unwrap_or_else(|| Pace::new(now));
            let rate = match origin {
                Origin::Network(_) => &self.network_rate,
                Origin::Site(_) => &self.site_rate,
            };
            let may = pace.try_count(rate, now);
            logins.insert(*origin, pace);
            may
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((addresses, kind, origins)) = self.0.take() else { return };
        let mut counts = addresses.counts(kind).lock();
        for origin in origins {
            if let Some(count) = counts.get_mut(&origin) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&origin);
                }
            }
        }
    }
}

/// How many networks' logins are remembered; those that come again stay longest.
const REMEMBERED_MAX: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(limits: Limits) -> Arc<Addresses> {
        Arc::new(Addresses::new(&limits))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_its_places_and_gets_them_back() {
        let limits = Limits { connections_per_network_max: 2, ..Limits::default() };
        let addresses = addresses(limits);
        let first = addresses.enter(ip("2001:db8::1")).unwrap();
        assert!(addresses.is_crowded(ip("2001:db8::2")));
        let _second = addresses.enter(ip("2001:db8::2")).unwrap();
        assert!(addresses.enter(ip("2001:db8::3")).is_none(), "one /64 is one network");
        let _other = addresses.enter(ip("2001:db8:0:1::1")).unwrap();
        drop(first);
        drop(addresses.enter(ip("2001:db8::3")).unwrap());
        drop((_second, _other));
        assert!(addresses.connections.lock().is_empty(), "an empty network is kept");
    }

    #[test]
    fn as_many_sessions_of_a_network_may_wait_as_may_be_connected() {
        let limits = Limits { connections_per_network_max: 2, ..Limits::default() };
        let addresses = addresses(limits);
        let network = || ip("2001:db8::1");
        let waiting: Vec<_> = (0..5).filter_map(|_| addresses.wait(network())).collect();
        assert_eq!(waiting.len(), 2);
        let back: Vec<_> = (0..5).filter_map(|_| addresses.enter(network())).collect();
        assert_eq!(back.len(), 2, "those that wait do not keep anybody from coming back");
        assert!(addresses.wait(ip("2001:db8:9::1")).is_some(), "nor from waiting elsewhere");
        drop(waiting);
        assert!(addresses.wait(network()).is_some());
        drop(back);
        let [connections, waiting] = [&addresses.connections, &addresses.waiting];
        assert!(connections.lock().is_empty() && waiting.lock().is_empty());
    }

    #[test]
    fn of_a_networks_connections_only_so_many_may_be_joining() {
        let limits = Limits { handshakes_per_network_max: 4, ..Limits::default() };
        let addresses = addresses(limits);
        let network = || ip("192.0.2.1");
        let mut joining: Vec<_> = (0..9).filter_map(|_| addresses.begin(network())).collect();
        assert_eq!(joining.len(), 4);
        assert!(addresses.enter(network()).is_some(), "more may be connected");
        joining.truncate(2);
        assert!(addresses.is_crowded(network()), "from half of it on");
        joining.truncate(1);
        assert!(!addresses.is_crowded(network()));
        drop(joining);
        assert!(addresses.joining.lock().is_empty());
    }

    #[test]
    fn a_site_with_many_networks_has_no_more_than_a_few_of_them() {
        let limits = Limits {
            connections_per_network_max: 2,
            logins_burst: 1,
            logins_per_minute: 0.1,
            ..Limits::default()
        };
        let addresses = addresses(limits);
        let network = |number: u16| ip(&format!("2001:db8:7:{number:x}::1"));
        let places: Vec<_> =
            (0..100).filter_map(|number| addresses.enter(network(number))).collect();
        assert_eq!(places.len(), 2 * NETWORKS_OF_SITE as usize);
        assert!(addresses.is_crowded(network(200)));
        let logins = (0..100).filter(|number| addresses.may_log_in(network(*number))).count();
        assert_eq!(logins, NETWORKS_OF_SITE as usize);
        let elsewhere = ip("2001:db8:8::1");
        assert!(addresses.enter(elsewhere).is_some() && addresses.may_log_in(elsewhere));
        drop(places);
        assert!(addresses.connections.lock().is_empty(), "an empty site is kept");
    }

    #[test]
    fn this_machine_is_limited_only_when_told() {
        for is_loopback_limited in [false, true] {
            let limits =
                Limits { connections_per_network_max: 1, is_loopback_limited, ..Limits::default() };
            let addresses = addresses(limits);
            let _first = addresses.enter(ip("127.0.0.1")).unwrap();
            assert_eq!(addresses.enter(ip("127.0.0.1")).is_none(), is_loopback_limited);
        }
    }

    #[test]
    fn logins_are_counted_by_network() {
        let limits = Limits { logins_burst: 3, logins_per_minute: 1.0, ..Limits::default() };
        let addresses = addresses(limits);
        let tries: Vec<_> = (0..5).map(|_| addresses.may_log_in(ip("192.0.2.1"))).collect();
        assert_eq!(tries, [true, true, true, false, false]);
        assert!(addresses.may_log_in(ip("192.0.2.2")));
    }
}
