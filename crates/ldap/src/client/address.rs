//! Where a directory is.

use std::str::FromStr;

/// `ldap://host:port` or `ldaps://host:port`; the ports are 389 and 636 if none is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    tls: bool,
    host: String,
    port: u16,
}

/// The text is not the URL of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "takes a URL such as ldaps://ldap.example.test or ldap://127.0.0.1:389, without a user, name, or query"
)]
pub struct InvalidAddress;

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(url: &str) -> Result<Self, InvalidAddress> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidAddress)?;
        let (tls, default) = match scheme {
            "ldap" => (false, 389),
            "ldaps" => (true, 636),
            _ => return Err(InvalidAddress),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(InvalidAddress)?,
            None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or(InvalidAddress)?,
            None if port.is_empty() => default,
            None => return Err(InvalidAddress),
        };
        let is_v6 = rest.starts_with('[') && host.parse::<std::net::Ipv6Addr>().is_ok();
        let is_name = !host.is_empty()
            && host
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || b"-._".contains(&octet));
        if !is_v6 && (rest.starts_with('[') || !is_name) {
            return Err(InvalidAddress);
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port,
        })
    }
}

impl Address {
    /// A name or an address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is `ldaps://`.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether it is this machine, whatever the resolver says.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        for (url, tls, host, port) in [
            ("ldap://127.0.0.1", false, "127.0.0.1", 389),
            ("ldaps://ldap.example.test/", true, "ldap.example.test", 636),
            ("ldaps://[2001:db8::7]:1636", true, "2001:db8::7", 1636),
            ("ldap://localhost:3891", false, "localhost", 3891),
        ] {
            let address: Address = url.parse().unwrap();
            assert_eq!(
                (address.tls, address.host(), address.port()),
                (tls, host, port),
                "{url}"
            );
        }
        assert!("ldap://[::1]".parse::<Address>().unwrap().is_loopback());
        assert!(!"ldap://a.test".parse::<Address>().unwrap().is_loopback());
        for url in [
            "",
            "ldap://",
            "http://a.test",
            "ldap://a.test/dc=test",
            "ldap://u@a.test",
            "ldap://a.test:0",
            "ldap://a.test:x",
            "ldap://[::1",
            "ldap://[a.test]",
            "ldap://2001:db8::7",
            "ldap://a.test?x",
            "ldapi:///",
        ] {
            assert_eq!(url.parse::<Address>(), Err(InvalidAddress), "{url}");
        }
    }
}
