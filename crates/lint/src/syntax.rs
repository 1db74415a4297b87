//! Host names, mailboxes and URIs in the forms that certificates carry (RFC 5280 section 4.2.1.6, RFC 9549).

use std::net::{Ipv4Addr, Ipv6Addr};

/// Nothing, or what is wrong with a text.
pub(crate) type Problem = Result<(), &'static str>;

/// Preferred name syntax (RFC 1034 section 3.5, RFC 1123 section 2.1). Stars pass: wildcards have lints of
/// their own.
pub(crate) fn host(name: &[u8]) -> Problem {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.ends_with(b".") {
        return Err("it ends with a dot");
    }
    if name.len() > 253 {
        return Err("it has more than 253 octets");
    }
    name.split(|octet| *octet == b'.').try_for_each(label)
}

fn label(label: &[u8]) -> Problem {
    match label {
        [] => Err("it has an empty label"),
        [b'-', ..] | [.., b'-'] => Err("a label begins or ends with a hyphen"),
        _ if label.len() > 63 => Err("a label has more than 63 octets"),
        _ if label.contains(&b'_') => Err("it holds an underscore"),
        _ if label
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || b"-*".contains(octet)) =>
        {
            Ok(())
        }
        _ => Err("it holds something else than letters, digits, hyphens and dots"),
    }
}

/// Labels with `--` in third place are valid A-labels (RFC 5890 section 2.3.1).
pub(crate) fn a_labels(name: &[u8]) -> Problem {
    let reserved = |label: &&[u8]| matches!(label, [_, _, b'-', b'-', ..]);
    for label in name.split(|octet| *octet == b'.').filter(reserved) {
        let text = std::str::from_utf8(label).map_err(|_| "a label is not ASCII")?;
        let folded = text.to_ascii_lowercase();
        if !folded.starts_with("xn--") {
            return Err("a label has `--` in third place and does not begin with `xn--`");
        }
        if !idna::domain_to_ascii_strict(&folded).is_ok_and(|back| back == folded) {
            return Err("a label begins with `xn--` and is no A-label");
        }
    }
    Ok(())
}

/// Whether a host name is, or would be taken for, an IP address: the last label is all digits.
pub(crate) fn is_address(name: &[u8]) -> bool {
    let last = name.rsplit(|octet| *octet == b'.').next().unwrap_or_default();
    let digits = !last.is_empty() && last.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(name).unwrap_or_default();
    digits || text.parse::<Ipv6Addr>().is_ok()
}

/// `local@domain` without display name or comment (RFC 5321 section 4.1.2).
pub(crate) fn mailbox(address: &[u8]) -> Problem {
    if !address.is_ascii() {
        return Err("it is not ASCII; the local part belongs into SmtpUTF8Mailbox, the domain into A-labels");
    }
    let at = address
        .iter()
        .rposition(|octet| *octet == b'@')
        .ok_or("it has no `@`")?;
    let (local, domain) = address.split_at_checked(at).unwrap_or_default();
    let domain = domain.strip_prefix(b"@").unwrap_or_default();
    if local.is_empty() || local.len() > 64 {
        return Err("its local part must have 1 to 64 octets");
    }
    let quoted = local.len() > 2 && local.starts_with(b"\"") && local.ends_with(b"\"");
    if !quoted && !is_dot_atom(local) {
        return Err("its local part is no dot-atom");
    }
    domain_of_mailbox(domain)
}

/// The part of a mailbox after the `@`.
pub(crate) fn domain_of_mailbox(domain: &[u8]) -> Problem {
    if domain.contains(&b'*') || host(domain).is_err() || a_labels(domain).is_err() {
        return Err("its domain is no host name in A-labels");
    }
    Ok(())
}

fn is_dot_atom(local: &[u8]) -> bool {
    let of_atom = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(octet);
    local
        .split(|octet| *octet == b'.')
        .all(|atom| !atom.is_empty() && atom.iter().all(of_atom))
}

/// A URI taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uri<'a> {
    pub(crate) scheme: &'a str,
    /// Between `//` and the next `/`, `?` or `#`.
    pub(crate) authority: Option<&'a str>,
}

impl<'a> Uri<'a> {
    /// Takes an absolute URI apart (RFC 3986 section 3).
    pub(crate) fn of(octets: &'a [u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(octets).map_err(|_| "it is not ASCII")?;
        check_characters(octets)?;
        let (scheme, rest) = text.split_once(':').ok_or("it has no scheme")?;
        let of_scheme = |octet: u8| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet);
        if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(of_scheme) {
            return Err("it has no scheme");
        }
        let Some(rest) = rest.strip_prefix("//") else {
            return match rest {
                "" => Err("nothing follows its scheme"),
                _ => Ok(Self {
                    scheme,
                    authority: None,
                }),
            };
        };
        Ok(Self {
            scheme,
            authority: rest.split(['/', '?', '#']).next(),
        })
    }

    pub(crate) fn has_scheme(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// Whether the host, if there is an authority, is a domain name or an IP address. Underscores pass: SPIFFE trust
    /// domains may have them.
    pub(crate) fn has_good_host(&self) -> bool {
        let Some(authority) = self.authority else {
            return true;
        };
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if let Some(bracketed) = host_and_port.strip_prefix('[') {
            return bracketed.split_once(']').is_some_and(|(address, port)| {
                address.parse::<Ipv6Addr>().is_ok()
                    && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
            });
        }
        let (name, port) = host_and_port.split_once(':').unwrap_or((host_and_port, "0"));
        let is_host = || {
            let plain = name.replace('_', "a");
            !plain.contains('*') && host(plain.as_bytes()).is_ok()
        };
        is_port(port) && (name.parse::<Ipv4Addr>().is_ok() || is_host())
    }
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|digit| digit.is_ascii_digit())
}

fn check_characters(octets: &[u8]) -> Problem {
    let mut rest = octets;
    while let Some((octet, after)) = rest.split_first() {
        rest = match octet {
            b'%' => match after {
                [a, b, after @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => after,
                _ => return Err("`%` is not followed by two hex digits"),
            },
            octet if octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(octet) => after,
            _ => return Err("it holds a character that URIs may not have"),
        };
    }
    Ok(())
}
