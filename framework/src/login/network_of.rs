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
