//! One host of the API, or all that a wildcard of its certificate covers.

use std::net::IpAddr;

use x509::{DnsName, San};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Dns(String),
    /// Every name of one more label. The certificate of the API is good for all of them, so a client may call it by any.
    OneBelow(String),
    Ip(IpAddr),
}

impl Host {
    /// `None` for what names no host.
    pub(super) fn of(san: &San) -> Option<Self> {
        match san {
            San::Dns(name) if name.is_wildcard() => Some(Self::OneBelow(host(name.base()))),
            San::Dns(name) => Some(Self::Dns(host(name.as_str()))),
            San::Ip(address) => Some(Self::Ip(address.ip().to_canonical())),
            San::Email(_)
            | San::SmtpUtf8(_)
            | San::Uri(_)
            | San::DirName(_)
            | San::RegisteredId(_)
            | San::OtherName { .. }
            | San::Opaque(_) => None,
        }
    }

    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Dns(name) | Self::OneBelow(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::Ip(address) => address.is_loopback() || address.is_unspecified(),
        }
    }

    /// Whether a client could take the name, or one that it covers, for this host.
    pub(super) fn is_named_by(&self, san: &San) -> bool {
        match san {
            San::Dns(name) => self.meets(name),
            San::Ip(address) => self.is_address(address.ip()),
            San::Uri(uri) => {
                let host = uri
                    .host()
                    .map(|host| host.trim_start_matches('[').trim_end_matches(']'));
                // OPC UA applications are called by their host: `urn:<host>:…`.
                let namespace = || uri.canonical().split(':').nth(1);
                host.or_else(namespace).is_some_and(|host| self.is_spelled(host))
            }
            San::DirName(name) => {
                name.attributes().any(|(_, value)| self.is_spelled(&value))
                    || super::domains_of(name).any(|domain| self.is_spelled(&domain))
            }
            San::Email(_)
            | San::SmtpUtf8(_)
            | San::RegisteredId(_)
            | San::OtherName { .. }
            | San::Opaque(_) => san.service_host().is_some_and(|host| self.is_spelled(host)),
        }
    }

    /// Whether a text as a whole is a name of this host.
    pub(super) fn is_spelled(&self, text: &str) -> bool {
        let text = host(text.trim());
        match (text.parse::<IpAddr>(), text.parse::<DnsName>()) {
            (Ok(address), _) => self.is_address(address),
            (_, Ok(name)) => self.meets(&name),
            // An underscore, say: no host name to us, perhaps one to others.
            _ => match self {
                Self::Dns(own) => *own == text,
                Self::OneBelow(base) => parent(&text) == Some(base),
                Self::Ip(_) => false,
            },
        }
    }

    /// Whether there is a name that both cover.
    fn meets(&self, asked: &DnsName) -> bool {
        let base = host(asked.base());
        match (self, asked.is_wildcard()) {
            (Self::Dns(own), false) | (Self::OneBelow(own), true) => *own == base,
            (Self::Dns(own), true) => parent(own) == Some(&base),
            (Self::OneBelow(own), false) => parent(&base) == Some(own),
            (Self::Ip(_), _) => false,
        }
    }

    fn is_address(&self, address: IpAddr) -> bool {
        *self == Self::Ip(address.to_canonical())
    }
}

/// Without its leftmost label.
fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent)
}

/// Lower case, without trailing dots.
pub(super) fn host(text: &str) -> String {
    text.trim_end_matches('.').to_ascii_lowercase()
}
