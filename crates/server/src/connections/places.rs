//! Limits how many connections come from one address.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gametriggers_types::{AddressKey, NetworkAddress};

/// The numbers of connections of all addresses.
#[derive(Clone)]
pub(super) struct Places {
    /// The limit for one address; `None` if there is no limit.
    limit: Option<usize>,
    /// Contains only addresses that have connections, so it never has more items than there are connections.
    held: Arc<Mutex<HashMap<AddressKey, usize>>>,
}

/// A connection's place, given back when this value is dropped.
pub(super) struct Place {
    of: Option<(Places, AddressKey)>,
}

impl Places {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self { limit, held: Arc::default() }
    }

    /// A place for a connection from `peer`; `None` if its address has no places left. Loopback addresses are not
    /// limited, because such connections come from a proxy on this machine.
    pub(super) fn take(&self, peer: Option<SocketAddr>) -> Option<Place> {
        let (Some(limit), Some(peer)) = (self.limit, peer) else { return Some(Place { of: None }) };
        if peer.ip().to_canonical().is_loopback() {
            return Some(Place { of: None });
        }
        let whence = NetworkAddress::from(peer.ip()).key();
        let mut held = self.held();
        let count = held.entry(whence).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Place { of: Some((self.clone(), whence)) })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<AddressKey, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((places, whence)) = &self.of else { return };
        let mut held = places.held();
        if let Some(count) = held.get_mut(whence) {
            *count -= 1;
            if *count == 0 {
                held.remove(whence);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_no_more_and_nothing_is_kept_of_those_who_left() {
        let places = Places::new(Some(2));
        let take = |address: &str| places.take(Some(SocketAddr::new(address.parse().unwrap(), 1)));
        let (first, second) = (take("2001:db8::1"), take("2001:db8::ffff:1"));
        assert!(first.is_some() && second.is_some());
        assert!(take("2001:db8::2").is_none(), "one /64 is one client");
        assert!(take("2001:db8:0:1::2").is_some());
        let mapped = [take("192.0.2.1"), take("::ffff:192.0.2.1")];
        assert!(take("192.0.2.1").is_none(), "an IPv4 address is the same in either form");
        drop(first);
        assert!(take("2001:db8::2").is_some());
        drop((second, mapped));
        assert!(places.held().is_empty());
        let own: Vec<_> = (0..9).map(|_| take("127.0.0.1")).collect();
        assert!(own.iter().all(Option::is_some));
        assert!(Places::new(None).take(None).is_some());
    }
}
