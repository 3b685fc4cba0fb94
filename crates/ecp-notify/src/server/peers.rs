//! The number of connections per peer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts open connections by peer.
#[derive(Clone)]
pub(super) struct Peers {
    limit: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// The peer has reached its limit.
pub(super) struct TooMany;

/// A counted connection of a peer, released when it is dropped.
pub(super) struct Place {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    /// Counts with a limit for each peer, 0 for none.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, open: Arc::default() }
    }

    /// Counts a new connection, `None` without a limit.
    pub(super) fn enter(&self, address: IpAddr) -> Result<Option<Place>, TooMany> {
        if self.limit == 0 {
            return Ok(None);
        }
        let peer = peer(address);
        let mut open = self.lock();
        let connections = open.entry(peer).or_default();
        if *connections >= self.limit {
            return Err(TooMany);
        }
        *connections += 1;
        drop(open);
        Ok(Some(Place { peers: self.clone(), peer }))
    }

    /// The counts are consistent at any time, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.peers.lock();
        if let Some(connections) = open.get_mut(&self.peer) {
            *connections -= 1;
            if *connections == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

/// An IPv4 address, also if written as IPv6, or a network of 64 bits, the least that a provider
/// gives to a customer.
fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_an_ipv4_address_or_an_ipv6_network() {
        let table = [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ];
        for (address, expected) in table {
            assert_eq!(peer(address.parse().unwrap()), expected.parse::<IpAddr>().unwrap());
        }
    }

    #[test]
    fn what_ends_makes_room_and_is_not_remembered() {
        let peers = Peers::new(2);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let enter = || peers.enter(address).ok().flatten();
        let (first, second) = (enter(), enter());
        assert!(first.is_some() && second.is_some() && enter().is_none());
        assert!(peers.enter("192.0.2.2".parse().unwrap()).is_ok());
        drop(first);
        assert!(enter().is_some());
        drop(second);
        assert!(peers.lock().is_empty(), "{:?}", peers.lock());
        let none = Peers::new(0);
        assert!(none.enter(address).is_ok_and(|place| place.is_none()));
    }
}
