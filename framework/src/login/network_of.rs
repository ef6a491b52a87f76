//! Which part of an address is one customer's.

use std::net::IpAddr;

/// The network that counts as one: an IPv4 address, or a /64 of IPv6, of which every customer has more addresses than could be
/// remembered.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & (u128::MAX << 64)).into()),
        v4 => v4,
    }
}

/// The site that a network of IPv6 belongs to: a /48, which is what many customers are given, with 65,536 networks of their own. `None`
/// for IPv4.
pub(crate) fn site_of(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        IpAddr::V6(v6) => Some(IpAddr::V6((u128::from(v6) & (u128::MAX << 80)).into())),
        IpAddr::V4(_) => None,
    }
}

/// How many times what a network may have, do and fail a site may. Several households may share one; but who has one to himself must not
/// have all that there is.
pub(crate) const NETWORKS_OF_SITE: u32 = 4;
