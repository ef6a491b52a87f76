//! What one network (an IPv4 address, a /64 of IPv6) may have and do at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use quick_cache::unsync::Cache;
use tokio::time::Instant;

use crate::login::network_of::network_of;
use crate::net::limits::Limits;
use crate::net::pace::{Pace, Rate};

/// Counts connections and logins by network.
pub(super) struct Addresses {
    connections: Mutex<HashMap<IpAddr, usize>>,
    connections_max: usize,
    logins: Mutex<Cache<IpAddr, Pace>>,
    login_rate: Rate,
    is_loopback_limited: bool,
}

/// A connection's place among those of its network.
pub(super) struct Place(Option<(Arc<Addresses>, IpAddr)>);

impl Addresses {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            connections: Mutex::default(),
            connections_max: limits.connections_per_network_max,
            logins: Mutex::new(Cache::new(REMEMBERED_MAX)),
            login_rate: Rate::new(limits.logins_per_minute / 60.0, limits.logins_burst),
            is_loopback_limited: limits.is_loopback_limited,
        }
    }

    /// The network that counts, if it is limited.
    fn limited(&self, address: IpAddr) -> Option<IpAddr> {
        let network = network_of(address);
        (self.is_loopback_limited || !address.to_canonical().is_loopback()).then_some(network)
    }

    /// Whether so many connections come from there that it is time to ask whether they really do.
    pub(super) fn is_crowded(&self, address: IpAddr) -> bool {
        let count = |network| self.connections.lock().get(&network).copied();
        let count = self.limited(address).and_then(count);
        count.is_some_and(|count| count >= self.connections_max / 2)
    }

    /// A place for one more connection from there; `None` if there are too many.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let Some(network) = self.limited(address) else { return Some(Place(None)) };
        let mut connections = self.connections.lock();
        let count = connections.entry(network).or_default();
        if *count >= self.connections_max {
            // An entry that was only just made would stay for ever.
            if *count == 0 {
                connections.remove(&network);
            }
            return None;
        }
        *count += 1;
        Some(Place(Some((Arc::clone(self), network))))
    }

    /// Counts a login from there; `false` if there were too many lately, and this one is not to be tried.
    pub(super) fn may_log_in(&self, address: IpAddr) -> bool {
        let Some(network) = self.limited(address) else { return true };
        let now = Instant::now();
        let mut logins = self.logins.lock();
        let mut pace = logins.get(&network).copied().unwrap_or_else(|| Pace::new(now));
        let may = pace.try_count(&self.login_rate, now);
        logins.insert(network, pace);
        may
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((addresses, network)) = self.0.take() else { return };
        let mut connections = addresses.connections.lock();
        if let Some(count) = connections.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                connections.remove(&network);
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
