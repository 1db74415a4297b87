//! IP addresses that a certificate may name: those of hosts, each in one form (RFC 5280 section 4.2.1.6).
//!
//! The same IPv4 host can be written in many IPv6 forms, and programs treat some of them as the IPv4 address: a
//! certificate for `::ffff:10.0.0.1` is accepted for 10.0.0.1. So a [`HostAddress`] never is such a form, and name
//! constraints judge the forms that foreign certificates hold as IPv4 too, see [`embedded_ipv4`].
//!
//! Loopback, link-local, private, shared and documentation addresses are allowed: a private PKI serves them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::SanError;
use super::dns::printable;

/// An address that can be a host's, in its only form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostAddress(IpAddr);

impl HostAddress {
    /// The address.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.0
    }
}

impl TryFrom<IpAddr> for HostAddress {
    type Error = SanError;

    fn try_from(address: IpAddr) -> Result<Self, SanError> {
        match why_not_a_host(address) {
            None => Ok(Self(address)),
            Some(problem) => Err(SanError::Ip {
                address: address.to_string(),
                problem,
            }),
        }
    }
}

impl FromStr for HostAddress {
    type Err = SanError;

    fn from_str(text: &str) -> Result<Self, SanError> {
        let address: IpAddr = text.parse().map_err(|_| SanError::Ip {
            address: printable(text),
            problem: "it is not an IPv4 or IPv6 address",
        })?;
        match why_not_a_host(address) {
            None => Ok(Self(address)),
            Some(problem) => Err(SanError::Ip {
                address: printable(text),
                problem,
            }),
        }
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostAddress({})", self.0)
    }
}

/// Why this address is not one that a certificate may name; `None` if it may. The rows are those of the IANA registries
/// of special-purpose addresses (RFC 6890) that no host is reached at.
#[must_use]
pub fn why_not_a_host(address: IpAddr) -> Option<&'static str> {
    if address.is_multicast() {
        return Some("it is a multicast address, not that of one host");
    }
    match address {
        IpAddr::V4(v4) => match v4.octets() {
            [0, ..] => Some("0.0.0.0 and its network mean no host (RFC 1122)"),
            [255, 255, 255, 255] => Some("it is the broadcast address, not that of one host"),
            [240..=255, ..] => Some("it is reserved (RFC 1112), no host has it"),
            [192, 0, 0, 8 | 170 | 171] => {
                Some("it is set aside for protocols (RFC 7600, RFC 7050), no host has it")
            }
            _ => None,
        },
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Some(":: means no host (RFC 4291)"),
        IpAddr::V6(v6) if embedded_ipv4(v6).next().is_some() => {
            Some("it is an IPv4 address in IPv6 form; write the IPv4 address instead")
        }
        IpAddr::V6(v6) => match v6.segments() {
            [0x100, 0, 0, 0 | 1, ..] => {
                Some("packets to it are discarded (RFC 6666, RFC 9780), no host has it")
            }
            _ => None,
        },
    }
}

/// The IPv4 addresses that are, or may be, meant by an IPv6 address: mapped, compatible and translated ones (RFC 4291,
/// RFC 2765), those of NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056) and Teredo (RFC 4380).
pub fn embedded_ipv4(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let bits = address.to_bits();
    let at = |shift: u32| {
        Some(Ipv4Addr::from_bits(
            u32::try_from(bits >> shift & 0xffff_ffff).unwrap_or_default(),
        ))
    };
    // RFC 6052 section 2.2: octet 8 stays zero, so the address is split around it.
    let split = |before: u32| {
        let kept = 64 - before;
        let high = bits >> 64 & ((1 << kept) - 1);
        let low = bits >> (56 - (32 - kept)) & ((1 << (32 - kept)) - 1);
        Some(Ipv4Addr::from_bits(
            u32::try_from(high << (32 - kept) | low).unwrap_or_default(),
        ))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None; 4],
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            [at(0), None, None, None]
        }
        // A network for translation within a site: its operator chose the length of the prefix.
        [0x64, 0xff9b, 1, ..] => [at(0), split(48), split(56), at(24)],
        [0x2002, ..] => [at(80), None, None, None],
        [0x2001, 0, ..] => [
            Some(Ipv4Addr::from_bits(
                !u32::try_from(bits & 0xffff_ffff).unwrap_or_default(),
            )),
            None,
            None,
            None,
        ],
        _ => [None; 4],
    }
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn embedded(text: &str) -> Vec<String> {
        embedded_ipv4(text.parse().unwrap())
            .map(|address| address.to_string())
            .collect()
    }

    #[test]
    fn every_form_of_an_ipv4_address_is_seen_through() {
        for text in [
            "::ffff:10.1.2.3",
            "::10.1.2.3",
            "::ffff:0:10.1.2.3",
            "64:ff9b::10.1.2.3",
            "2002:a01:203::1",
            "2001:0:1:2:3:4:f5fe:fdfc",
        ] {
            assert_eq!(embedded(text), ["10.1.2.3"], "{text}");
        }
        // The examples of RFC 6052 section 2.4 for prefixes of 48, 56, 64 and 96 bits, under the prefix of RFC 8215.
        for text in [
            "64:ff9b:1:a01:2:300::",
            "64:ff9b:1:7a0a:1:203::",
            "64:ff9b:1:7a:a:102:300:0",
            "64:ff9b:1:7a:b:c:10.1.2.3",
        ] {
            assert!(
                embedded(text).contains(&"10.1.2.3".to_owned()),
                "{text}: {:?}",
                embedded(text)
            );
        }
        for text in [
            "::",
            "::1",
            "2001:db8::10.1.2.3",
            "fe80::1",
            "fd00::ffff:10.1.2.3",
        ] {
            assert!(embedded(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn addresses_of_no_host_are_refused() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.0.8",
            "192.0.0.170",
            "::",
            "::ffff:10.0.0.1",
            "::ffff:0.0.0.0",
            "::10.0.0.1",
            "::2",
            "::ffff:0:10.0.0.1",
            "64:ff9b::1.1.1.1",
            "64:ff9b:1::1",
            "2002:a00:1::1",
            "2001::1",
            "ff02::1",
            "100::1",
            "100:0:0:1::1",
        ] {
            assert!(
                matches!(text.parse::<HostAddress>(), Err(SanError::Ip { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_that_a_private_pki_serves_pass() {
        for text in [
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.1.1",
            "192.0.2.1",
            "192.0.0.9",
            "198.18.0.1",
            "8.8.8.8",
            "::1",
            "fe80::1",
            "fd00::1",
            "2001:db8::1",
            "2600::1",
        ] {
            assert_eq!(text.parse::<HostAddress>().unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn an_address_that_passes_hides_no_other(address: IpAddr) {
            if let (Ok(host), IpAddr::V6(v6)) = (HostAddress::try_from(address), address) {
                prop_assert_eq!(embedded_ipv4(v6).count(), 0);
                prop_assert_eq!(host.ip().to_canonical(), address);
            }
        }
    }
}
