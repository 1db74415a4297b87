//! A range of IP addresses in CIDR form. IPv4-mapped IPv6 addresses count as the IPv4 address that they map.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// `10.1.0.0/16`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && masked(address, self.length) == masked(self.address, self.length)
    }

    pub(super) fn contains(&self, other: &Self) -> bool {
        self.length <= other.length && self.holds(other.address)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The leading bits as a number; the others are shifted out.
fn masked(address: IpAddr, length: u8) -> u128 {
    let (bits, width) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    bits.checked_shr(width - u32::from(length)).unwrap_or(0)
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let problem = || "write ip:10.1.0.0/16, ip:2001:db8::/32 or one address".to_owned();
        let address: IpAddr = address.parse().map_err(|_| problem())?;
        if address != address.to_canonical() {
            return Err(format!(
                "write the IPv4 address {} itself",
                address.to_canonical()
            ));
        }
        let length = match length {
            Some(length) => length.parse().map_err(|_| problem())?,
            None => width(address),
        };
        if length > width(address) {
            return Err(problem());
        }
        let network = Self { address, length };
        // A host bit behind the prefix is a typing error more often than not.
        let rest = masked(address, width(address)) & !mask(address, length);
        if rest != 0 {
            return Err(format!("there are bits behind the prefix of {length}"));
        }
        Ok(network)
    }
}

fn mask(address: IpAddr, length: u8) -> u128 {
    let free = u32::from(width(address) - length);
    u128::MAX.checked_shl(free).unwrap_or(0)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if self.length < width(self.address) {
            write!(f, "/{}", self.length)?;
        }
        Ok(())
    }
}
