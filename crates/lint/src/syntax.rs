//! Host names, mailboxes and URIs in the forms that certificates carry (RFC 5280 section 4.2.1.6, RFC 9549).

use std::net::Ipv6Addr;

use x509::uri::{UriParts, encodes_controls};
use x509::{DnsName, unicode};

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
            return Err("a label begins with `xn--` and is not an A-label");
        }
        if unicode::unfit(&idna::domain_to_unicode(&folded).0).is_some() {
            return Err("a label encodes a text with an invisible character");
        }
        if folded.parse::<DnsName>().is_err() {
            return Err("a label encodes a text that no label may have (RFC 5892)");
        }
    }
    Ok(())
}

/// Whether a host name is, or would be taken for, an IP address: the last label is a number.
pub(crate) fn is_address(name: &[u8]) -> bool {
    let last = name.rsplit(|octet| *octet == b'.').next().unwrap_or_default();
    let digits = match last {
        [b'0', b'x' | b'X', hex @ ..] => hex.iter().all(u8::is_ascii_hexdigit),
        _ => !last.is_empty() && last.iter().all(u8::is_ascii_digit),
    };
    let text = std::str::from_utf8(name).unwrap_or_default();
    digits || text.parse::<Ipv6Addr>().is_ok()
}

/// `local@domain` without display name or comment (RFC 5321 section 4.1.2).
pub(crate) fn mailbox(address: &[u8]) -> Problem {
    if !address.is_ascii() {
        return Err("it is not ASCII; the local part belongs in SmtpUTF8Mailbox, the domain into A-labels");
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
    if !is_dot_atom(local) && !is_quoted(local) {
        return Err("its local part is neither a dot-atom nor a quoted string");
    }
    domain_of_mailbox(domain)
}

/// A quoted string (RFC 5321 section 4.1.2): visible characters and spaces, `"` and `\` after a `\`.
fn is_quoted(local: &[u8]) -> bool {
    let Some(mut rest) = local
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .filter(|rest| !rest.is_empty())
    else {
        return false;
    };
    while let [octet, after @ ..] = rest {
        rest = match (octet, after) {
            (b'\\', [b' '..=b'~', after @ ..]) => after,
            (b'"' | b'\\', _) => return false,
            (b' '..=b'~', _) => after,
            _ => return false,
        };
    }
    true
}

/// The part of a mailbox after the `@`.
pub(crate) fn domain_of_mailbox(domain: &[u8]) -> Problem {
    if domain.contains(&b'*') || is_address(domain) || host(domain).is_err() || a_labels(domain).is_err() {
        return Err("its domain is not a host name in A-labels");
    }
    Ok(())
}

fn is_dot_atom(local: &[u8]) -> bool {
    let of_atom = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(octet);
    local
        .split(|octet| *octet == b'.')
        .all(|atom| !atom.is_empty() && atom.iter().all(of_atom))
}

/// A URI taken apart (RFC 3986 section 3).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uri<'a>(UriParts<'a>);

impl<'a> Uri<'a> {
    /// Takes an absolute URI that says something after its scheme apart.
    pub(crate) fn of(octets: &'a [u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(octets).map_err(|_| "it is not ASCII")?;
        let parts = UriParts::parse(text)?;
        if encodes_controls(text) {
            return Err("it holds a percent-encoded control character");
        }
        if parts.authority.is_none() && parts.path.is_empty() {
            return Err("nothing follows its scheme");
        }
        Ok(Self(parts))
    }

    pub(crate) fn has_scheme(&self, scheme: &str) -> bool {
        self.0.has_scheme(scheme)
    }

    pub(crate) fn has_authority(&self) -> bool {
        self.0.authority.is_some()
    }

    pub(crate) fn has_empty_host(&self) -> bool {
        self.0
            .authority
            .is_some_and(|authority| authority.host.is_empty())
    }

    /// Whether the host, if there is an authority, is a domain name or an IP address of a host.
    pub(crate) fn check_host(&self) -> Problem {
        self.0.canonical_host().map(drop)
    }
}
