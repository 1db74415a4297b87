//! Whether a certificate is for a host.

use std::net::IpAddr;

use crate::asn1::{Reader, ia5, tag};
use crate::{Certificate, DnsName, San, san};

const DNS: u8 = tag::context(2);
const IP: u8 = tag::context(7);

/// Whether the alternative names say that the certificate is for this host: a DNS name, where `*` matches one label,
/// or an address. Common names are not looked at (RFC 9525 section 6.3). `None` if the text is neither.
///
/// Names are compared as they appear in the certificate: hosts with an underscore or with a number at their end exist, and
/// so do certificates for them, though none would be issued here.
#[must_use]
pub fn is_for_host(certificate: &Certificate, host: &str) -> Option<bool> {
    let sans = certificate.sans().iter();
    if let Ok(wanted) = host.parse::<IpAddr>() {
        return Some(sans.filter_map(address).any(|address| address == wanted));
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    // What ends in a number is an address to a browser, and no name to any resolver.
    if host.starts_with("*.") || last.parse::<u64>().is_ok() || last.starts_with("0x") {
        return None;
    }
    let wanted = match host.parse::<DnsName>() {
        Ok(name) => name.to_string(),
        Err(_) if san::is_lax_host(host) => host.to_ascii_lowercase(),
        Err(_) => return None,
    };
    Some(
        sans.filter_map(dns_name)
            .any(|name| match name.strip_prefix("*.") {
                // `*.com` is everybody's.
                Some(parent) if !parent.contains('.') => false,
                Some(parent) => wanted.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => name == wanted,
            }),
    )
}

/// An iPAddress, also one that could not be issued.
fn address(san: &San) -> Option<IpAddr> {
    match san {
        San::Ip(address) => Some(address.ip()),
        San::Opaque(der) => san::read_address(Reader::single(der, IP).ok()?),
        San::Dns(_)
        | San::Email(_)
        | San::SmtpUtf8(_)
        | San::Uri(_)
        | San::DirName(_)
        | San::RegisteredId(_)
        | San::OtherName { .. } => None,
    }
}

/// A dNSName in lower case, also one that could not be issued.
fn dns_name(san: &San) -> Option<String> {
    match san {
        San::Dns(name) => Some(name.to_string()),
        San::Opaque(der) => {
            let name = ia5(Reader::single(der, DNS).ok()?).ok()?.to_ascii_lowercase();
            san::is_lax_host(name.strip_prefix("*.").unwrap_or(&name)).then_some(name)
        }
        San::Ip(_)
        | San::Email(_)
        | San::SmtpUtf8(_)
        | San::Uri(_)
        | San::DirName(_)
        | San::RegisteredId(_)
        | San::OtherName { .. } => None,
    }
}
