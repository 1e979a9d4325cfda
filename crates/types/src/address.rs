//! Reads the network addresses of callers from sockets, proxies and headers.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The error for a text that is not a network address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a network address is one of IPv4 or IPv6, with a port or without")]
pub struct InvalidNetworkAddress;

/// The network address of a caller. Two texts that write the same address in different ways give equal values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkAddress(IpAddr);

impl NetworkAddress {
    /// The address that stands for a caller whose address is unknown.
    pub const UNKNOWN: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    /// The key by which callers are told apart. Compare callers by their keys, not by their addresses.
    #[must_use]
    pub const fn key(self) -> AddressKey {
        AddressKey(match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }
}

/// Turns an IPv4 address in IPv6 form into an IPv4 address.
///
/// There are two such forms. Sockets for both families give mapped addresses (`::ffff:0:0/96`, RFC 4291). Networks
/// without IPv4 give translated addresses (`64:ff9b::/96`, RFC 6052).
impl From<IpAddr> for NetworkAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V6(v6) => match v6.segments() {
                [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                    Ipv4Addr::new(a, b, c, d).into()
                }
                _ => address,
            },
            IpAddr::V4(_) => address,
        })
    }
}

/// Reads `203.0.113.7`, `203.0.113.7:50001`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:50001`.
///
/// Spaces around the address are ignored. An IPv6 address may have a zone (`fe80::1%eth0`). The port may be a name that
/// begins with `_`, as in the header `Forwarded` (RFC 7239, section 6.2). Port and zone are dropped.
impl FromStr for NetworkAddress {
    type Err = InvalidNetworkAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let address = if let Some(bracketed) = text.strip_prefix('[') {
            let (address, rest) = bracketed.split_once(']').ok_or(InvalidNetworkAddress)?;
            let is_complete = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
            v6(address).filter(|_| is_complete).map(IpAddr::V6)
        } else if let Some((address, port)) = text.split_once(':').filter(|(_, rest)| !rest.contains(':')) {
            address.parse().ok().filter(|_| is_port(port)).map(IpAddr::V4)
        } else {
            text.parse().map(IpAddr::V4).ok().or_else(|| v6(text).map(IpAddr::V6))
        };
        address.map(Self::from).ok_or(InvalidNetworkAddress)
    }
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    match text.split_once('%') {
        Some((_, "")) => None,
        Some((address, _zone)) => address.parse().ok(),
        None => text.parse().ok(),
    }
}

fn is_port(text: &str) -> bool {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
    is_number || text.strip_prefix('_').is_some_and(|name| !name.is_empty())
}

impl fmt::Display for NetworkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One caller: an IPv4 address, or all addresses of one IPv6 /64.
///
/// A household or a rented machine gets at least a /64 and can use any address in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressKey(IpAddr);

/// Writes `203.0.113.7` or `2001:db8:0:1::/64`. Each key has exactly one text.
impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(prefix) => write!(f, "{prefix}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_way_to_write_an_address_gives_one_key() {
        for (key, texts) in [
            (
                "203.0.113.7",
                &[
                    "203.0.113.7",
                    " 203.0.113.7\t",
                    "203.0.113.7:0",
                    "203.0.113.7:50001",
                    "203.0.113.7:_hidden",
                    "::ffff:203.0.113.7",
                    "::FFFF:cb00:7107",
                    "0:0:0:0:0:ffff:203.0.113.7",
                    "[::ffff:203.0.113.7]:443",
                    "64:ff9b::203.0.113.7",
                ][..],
            ),
            (
                "2001:db8:0:1::/64",
                &[
                    "2001:db8:0:1::1",
                    "2001:0DB8:0000:0001:ffff:ffff:ffff:ffff",
                    "[2001:db8:0:1::2]",
                    "[2001:db8:0:1::3]:50001",
                    "[2001:db8:0:1::3]:_a-b.c",
                    "2001:db8:0:1::4%eth0",
                    "[2001:db8:0:1::4%25eth0]:1",
                    "2001:db8:0:1:2:3:203.0.113.7",
                ],
            ),
            ("2001:db8:0:2::/64", &["2001:db8:0:2::1"]),
            ("fe80::/64", &["fe80::1%1", "fe80::2%lo"]),
            ("::/64", &["::1", "::"]),
        ] {
            for text in texts {
                let address: NetworkAddress = text.parse().unwrap_or_else(|_| panic!("{text}"));
                assert_eq!(address.key().to_string(), key, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "localhost",
            "203.0.113",
            "203.0.113.256",
            "203.0.113.07",
            "203.0.113.7:",
            "203.0.113.7:65536",
            "203.0.113.7:+1",
            "203.0.113.7:_",
            "203.0.113.7:http",
            "203.0.113.7:1:2",
            "203.0.113.7, 203.0.113.8",
            "203.0.113.7%eth0",
            "[203.0.113.7]",
            "[203.0.113.7]:80",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]443",
            "[2001:db8::1]:",
            "[2001:db8::1]:x",
            "[2001:db8::1%]",
            "[[2001:db8::1]]",
            "2001:db8::1%",
            "2001:db8::1::2",
            ":203.0.113.7",
            "\"203.0.113.7\"",
            "\u{661}.2.3.4",
        ] {
            assert_eq!(text.parse::<NetworkAddress>(), Err(InvalidNetworkAddress), "{text:?}");
        }
    }

    proptest! {
        /// However an address is written and through whichever port it comes, it is the same caller.
        #[test]
        fn a_port_brackets_a_zone_and_mapping_change_nothing(bits: u32, port: u16, wide: u128, zone in "[a-z0-9]{1,15}") {
            let (v4, v6) = (Ipv4Addr::from_bits(bits), Ipv6Addr::from_bits(wide));
            let mapped = v4.to_ipv6_mapped();
            let expected = NetworkAddress::from(IpAddr::V4(v4));
            for text in [v4.to_string(), format!("{v4}:{port}"), format!("[{mapped}]:{port}"), format!("{mapped}%{zone}")] {
                prop_assert_eq!(text.parse(), Ok(expected));
            }
            let expected = NetworkAddress::from(IpAddr::V6(v6));
            for text in [v6.to_string(), format!("[{v6}]"), format!("[{v6}]:{port}"), format!("[{v6}%{zone}]:{port}")] {
                prop_assert_eq!(text.parse(), Ok(expected));
            }
        }

        /// All addresses of a /64 are one caller, and no others are.
        #[test]
        fn a_prefix_of_64_bits_is_one_caller(prefix: u64, host: u64, other_host: u64, flipped in 0..64_u32) {
            let address = |prefix: u64, host: u64| {
                NetworkAddress(IpAddr::V6(Ipv6Addr::from_bits(u128::from(prefix) << 64 | u128::from(host))))
            };
            let one = address(prefix, host).key();
            prop_assert_eq!(one, address(prefix, other_host).key());
            let other = address(prefix ^ (1 << flipped), host).key();
            prop_assert_ne!(one, other);
            prop_assert_ne!(one.to_string(), other.to_string());
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-fA-F.:%_\\[\\] ]{0,50}|.{0,30}") {
            if let Ok(address) = text.parse::<NetworkAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
