//! One subtree of name constraints: its forms, its text, its DER, and which names are within it (RFC 5280 section 4.2.1.10).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use data_encoding::HEXLOWER;

use super::ExtensionError;
use crate::asn1::{DerError, Reader, Tlv, Writer, ia5, tag};
use crate::name::DistinguishedName;
use crate::san::{EmailAddress, a_labels, is_lax_host, shown};

pub(super) const OTHER_NAME: u8 = tag::context_constructed(0);
pub(super) const EMAIL: u8 = tag::context(1);
pub(super) const DNS: u8 = tag::context(2);
pub(super) const DIRECTORY: u8 = tag::context_constructed(4);
pub(super) const URI: u8 = tag::context(6);
pub(super) const IP: u8 = tag::context(7);
pub(super) const REGISTERED_ID: u8 = tag::context(8);

/// A subtree. Text forms: `dns:example.test` (the domain and all below it), `ip:10.0.0.0/8`,
/// `email:user@example.test` (one mailbox), `email:example.test` (one host), `email:.example.test` (all hosts below),
/// `uri:example.test` (one host), `uri:.example.test` (all hosts below), `dirname:O=Example,C=DE`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subtree(Base);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Base {
    /// Lower case. Foreign bases may be empty (all names) or begin with a dot (names below only).
    Dns(String),
    Ip {
        network: IpAddr,
        mask: IpAddr,
    },
    /// `local@host`, `host` or `.domain`; host in lower case.
    Email(String),
    Uri(String),
    Directory(DistinguishedName),
    /// A GeneralName that is not judged here, as DER with its tag.
    Opaque(u8, Vec<u8>),
}

/// A name as subtrees see it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    Dns(&'a str),
    Ip(IpAddr),
    /// Local part if it is ASCII, and domain.
    Email(Option<&'a str>, &'a str),
    Uri(Option<&'a str>),
    Directory(&'a DistinguishedName),
    /// A name whose form cannot be compared, by the tag of its kind.
    Opaque(u8),
}

impl Subject<'_> {
    fn tag(&self) -> u8 {
        match self {
            Self::Dns(_) => DNS,
            Self::Ip(_) => IP,
            Self::Email(..) => EMAIL,
            Self::Uri(_) => URI,
            Self::Directory(_) => DIRECTORY,
            Self::Opaque(tag) => *tag,
        }
    }
}

impl Subtree {
    /// A directory subtree: the name itself and all names that begin with its parts.
    #[must_use]
    pub fn directory(base: DistinguishedName) -> Self {
        Self(Base::Directory(base))
    }

    fn tag(&self) -> u8 {
        match &self.0 {
            Base::Dns(_) => DNS,
            Base::Ip { .. } => IP,
            Base::Email(_) => EMAIL,
            Base::Uri(_) => URI,
            Base::Directory(_) => DIRECTORY,
            Base::Opaque(tag, _) => *tag,
        }
    }

    /// Whether this is an iPAddress that is not an address and mask.
    pub(super) fn is_broken_address(&self) -> bool {
        match &self.0 {
            Base::Opaque(IP, der) => !matches!(Reader::single(der, IP).map(<[u8]>::len), Ok(8 | 32)),
            Base::Dns(_)
            | Base::Ip { .. }
            | Base::Email(_)
            | Base::Uri(_)
            | Base::Directory(_)
            | Base::Opaque(..) => false,
        }
    }

    /// Whether the subtree restricts names of this kind at all.
    pub(super) fn is_about(&self, subject: &Subject<'_>) -> bool {
        self.tag() == subject.tag()
    }

    /// Whether the name is certainly within the subtree: the test for permitted subtrees.
    pub(super) fn contains(&self, subject: &Subject<'_>) -> bool {
        match (&self.0, subject) {
            (Base::Dns(base), Subject::Dns(name)) => {
                base.is_empty() || name == base || is_below(name, base.strip_prefix('.').unwrap_or(base))
            }
            (Base::Ip { network, mask }, Subject::Ip(address)) => {
                let (network, mask) = as_ipv4(*network, *mask, *address).unwrap_or((*network, *mask));
                masked(*address, mask) == Some(network)
            }
            (Base::Email(base), Subject::Email(local, domain)) => match base.rsplit_once('@') {
                Some((wanted, host)) => *local == Some(wanted) && *domain == host,
                None => is_host_or_below(domain, base),
            },
            (Base::Uri(base), Subject::Uri(Some(host))) => is_host_or_below(host, base),
            (Base::Directory(base), Subject::Directory(name)) => name.is_within(base),
            _ => false,
        }
    }

    /// Whether the name is or could be within the subtree: the test for excluded subtrees. A wildcard covers every
    /// name with one label in its place, and what cannot be compared counts as inside.
    pub(super) fn may_contain(&self, subject: &Subject<'_>) -> bool {
        let uncertain = match (&self.0, subject) {
            (Base::Dns(base), Subject::Dns(name)) => name
                .strip_prefix("*.")
                .zip(base.split_once('.'))
                .is_some_and(|(wildcard, (label, parent))| !label.is_empty() && parent == wildcard),
            // Only the host of a mailbox knows whether the case of its local part matters (RFC 5321 section 2.4).
            (Base::Email(base), Subject::Email(Some(local), domain)) => base
                .rsplit_once('@')
                .is_some_and(|(excluded, host)| excluded.eq_ignore_ascii_case(local) && host == *domain),
            (_, Subject::Opaque(_)) | (Base::Opaque(..), _) | (_, Subject::Uri(None)) => {
                self.is_about(subject)
            }
            _ => false,
        };
        uncertain || self.contains(subject)
    }

    /// Writes the GeneralSubtree; minimum is its DEFAULT 0 and maximum absent.
    pub(super) fn write(&self, out: &mut Writer) {
        out.sequence(|out| match &self.0 {
            Base::Dns(base) => out.primitive(DNS, base.as_bytes()),
            Base::Email(base) => out.primitive(EMAIL, base.as_bytes()),
            Base::Uri(base) => out.primitive(URI, base.as_bytes()),
            Base::Directory(name) => out.constructed(DIRECTORY, |out| out.raw(name.der())),
            Base::Ip { network, mask } => out.primitive(IP, &[octets(*network), octets(*mask)].concat()),
            Base::Opaque(_, der) => out.raw(der),
        });
    }

    /// Reads a GeneralSubtree. Names that are not understood stay opaque and are judged by refusal; so is a subtree
    /// with a minimum or maximum, which RFC 5280 forbids.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        let mut fields = reader.enter(tag::SEQUENCE)?;
        let base = fields.any()?;
        let opaque = || Base::Opaque(base.tag, base.whole.to_vec());
        // The default, which DER leaves out and some write.
        let mut rest = fields.clone();
        if matches!(rest.optional(tag::context(0)), Ok(Some([0]))) {
            fields = rest;
        }
        let understood = if fields.is_empty() { understood(base) } else { None };
        while !fields.is_empty() {
            fields.any()?;
        }
        Ok(Self(understood.unwrap_or_else(opaque)))
    }
}

/// Whether a base is a host, or a dot and a domain, in the spelling in which names are compared; it need not be one that
/// could be issued. Another spelling, such as a dot at its end, would never be equal to a name, and what it excludes would
/// not be excluded.
fn is_canonical(base: &str) -> bool {
    is_lax_host(base.strip_prefix('.').unwrap_or(base))
}

fn understood(base: Tlv<'_>) -> Option<Base> {
    let text = || ia5(base.content).ok().map(str::to_ascii_lowercase);
    match base.tag {
        DNS => text()
            .filter(|base| base.is_empty() || is_canonical(base))
            .map(Base::Dns),
        URI => text().filter(|base| is_canonical(base)).map(Base::Uri),
        EMAIL => {
            let given = ia5(base.content).ok()?;
            let (local, host) = given
                .rsplit_once('@')
                .map_or((None, given), |(local, host)| (Some(local), host));
            // `@host` is not foreseen; all who take it, take it for the host.
            let local = local.filter(|local| !local.is_empty());
            let host = host.to_ascii_lowercase();
            match local {
                Some(local) => is_lax_host(&host).then(|| Base::Email(format!("{local}@{host}"))),
                None => is_canonical(&host).then_some(Base::Email(host)),
            }
        }
        DIRECTORY => DistinguishedName::from_der(base.content)
            .ok()
            .map(Base::Directory),
        IP => {
            let (network, mask) = base.content.split_at(base.content.len() / 2);
            let (network, mask) = (address(network)?, address(mask)?);
            // Some issuers leave host bits in the network; only the masked part means anything.
            Some(Base::Ip {
                network: masked(network, mask)?,
                mask,
            })
        }
        _ => None,
    }
}

/// Whether `name` is `parent` with at least one more label.
fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent)
        .is_some_and(|front| front.len() > 1 && front.ends_with('.'))
}

/// The rule for hosts in mail addresses and URIs: `.domain` means hosts below it, anything else one host.
fn is_host_or_below(host: &str, base: &str) -> bool {
    match base.strip_prefix('.') {
        Some(parent) => is_below(host, parent),
        None => host == base,
    }
}

fn masked(address: IpAddr, mask: IpAddr) -> Option<IpAddr> {
    match (address, mask) {
        (IpAddr::V4(address), IpAddr::V4(mask)) => Some((address & mask).into()),
        (IpAddr::V6(address), IpAddr::V6(mask)) => Some((address & mask).into()),
        _ => None,
    }
}

/// A network of IPv4-mapped addresses as the network of IPv4 addresses that it means, to compare an IPv4 address with.
fn as_ipv4(network: IpAddr, mask: IpAddr, address: IpAddr) -> Option<(IpAddr, IpAddr)> {
    let (IpAddr::V6(network), IpAddr::V6(mask), IpAddr::V4(_)) = (network, mask, address) else {
        return None;
    };
    if mask.to_bits() >> 32 != u128::MAX >> 32 {
        return None;
    }
    let low = u32::try_from(mask.to_bits() & u128::from(u32::MAX)).ok()?;
    Some((network.to_ipv4_mapped()?.into(), Ipv4Addr::from_bits(low).into()))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(|octets| IpAddr::V4(octets.into()));
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| IpAddr::V6(octets.into())))
        .ok()
}

/// The length of a mask of leading ones.
fn prefix_of(mask: IpAddr) -> Option<u32> {
    let (ones, bits) = match mask {
        IpAddr::V4(mask) => (mask.to_bits().leading_ones(), mask.to_bits().count_ones()),
        IpAddr::V6(mask) => (mask.to_bits().leading_ones(), mask.to_bits().count_ones()),
    };
    (ones == bits).then_some(ones)
}

fn mask_of(network: IpAddr, prefix: u32) -> Option<IpAddr> {
    match network {
        IpAddr::V4(_) => {
            let hosts = 32_u32.checked_sub(prefix)?;
            Some(Ipv4Addr::from_bits(u32::MAX.checked_shl(hosts).unwrap_or(0)).into())
        }
        IpAddr::V6(_) => {
            let hosts = 128_u32.checked_sub(prefix)?;
            Some(Ipv6Addr::from_bits(u128::MAX.checked_shl(hosts).unwrap_or(0)).into())
        }
    }
}

impl fmt::Display for Subtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Base::Dns(base) => write!(f, "dns:{}", base.escape_debug()),
            Base::Email(base) => write!(f, "email:{}", base.escape_debug()),
            Base::Uri(base) => write!(f, "uri:{}", base.escape_debug()),
            Base::Directory(name) => write!(f, "dirname:{name}"),
            Base::Ip { network, mask } => match prefix_of(*mask) {
                Some(prefix) => write!(f, "ip:{network}/{prefix}"),
                None => write!(f, "ip:{network}/{mask}"),
            },
            Base::Opaque(_, der) => write!(f, "opaque:{}", HEXLOWER.encode(der)),
        }
    }
}

impl FromStr for Subtree {
    type Err = ExtensionError;

    fn from_str(text: &str) -> Result<Self, ExtensionError> {
        let refuse = |problem| ExtensionError::Subtree {
            subtree: shown(text),
            problem,
        };
        let (kind, base) = text
            .split_once(':')
            .ok_or_else(|| refuse("begin with dns:, ip:, email:, uri: or dirname:"))?;
        let base = match kind.to_ascii_lowercase().as_str() {
            "dns" => Base::Dns(a_labels(base).map_err(refuse)?),
            "ip" => network(base).map_err(refuse)?,
            "email" if base.contains('@') => Base::Email(base.parse::<EmailAddress>()?.to_string()),
            "email" => Base::Email(host_or_below(base).map_err(refuse)?),
            "uri" => Base::Uri(host_or_below(base).map_err(refuse)?),
            "dirname" => Base::Directory(
                base.parse()
                    .map_err(|_| refuse("write a name by RFC 4514, such as O=Example,C=DE"))?,
            ),
            _ => return Err(refuse("begin with dns:, ip:, email:, uri: or dirname:")),
        };
        Ok(Self(base))
    }
}

/// `host` or `.domain`, in A-labels.
fn host_or_below(text: &str) -> Result<String, &'static str> {
    match text.strip_prefix('.') {
        Some(parent) => a_labels(parent).map(|parent| format!(".{parent}")),
        None => a_labels(text),
    }
}

fn network(text: &str) -> Result<Base, &'static str> {
    const PROBLEM: &str = "write a network such as 10.0.0.0/8 or 2001:db8::/32";
    let (network, prefix) = text.split_once('/').ok_or(PROBLEM)?;
    let network: IpAddr = network.parse().map_err(|_| PROBLEM)?;
    let prefix: u32 = prefix.parse().map_err(|_| PROBLEM)?;
    let mask = mask_of(network, prefix).ok_or("the prefix is longer than the address")?;
    if masked(network, mask) != Some(network) {
        return Err("the address has bits outside the prefix");
    }
    if matches!(network, IpAddr::V6(v6) if prefix >= 96 && v6.to_ipv4_mapped().is_some()) {
        return Err("it is an IPv4 network in IPv6 form; write the IPv4 network instead");
    }
    Ok(Base::Ip { network, mask })
}

#[cfg(test)]
mod tests;
