//! The forms of general names, kind by kind, in whatever extension they appear (RFC 5280 section 4.2.1.6, RFC 9525, RFC 9549,
//! RFC 9598, SPIFFE).

use std::net::IpAddr;

use x509::San;
use x509::san::address::why_not_a_host;
use x509::san::{ID_ON_DNS_SRV, SanError};

use crate::catalogue::Check::Content;
use crate::catalogue::Scope::All;
use crate::catalogue::{Lint, Verdict, error, warn};
use crate::form::is_oid;
use crate::lints::require;
use crate::oid;
use crate::syntax::{self, Problem, Uri};
use crate::text::shown_octets;
use crate::tlv::{Reader, tag};
use crate::view::name::Name;
use crate::view::{NAME_CONSTRAINTS, POINTERS, SUBJECT_ALT_NAME, View};

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_dns_syntax",
        "RFC 5280 4.2.1.6; RFC 1034 3.5; RFC 1123 2.1",
        "Host names have the preferred name syntax: labels of letters, digits and inner hyphens, no dot at the end.",
    )
    .on(All, Content(|view| each(view, tag::DNS_NAME, dns_syntax))),
    error(
        "rfc9549_dns_a_labels",
        "RFC 9549 2.3; RFC 5890 2.3.1",
        "Labels with `--` in third place are A-labels.",
    )
    .on(All, Content(|view| each(view, tag::DNS_NAME, syntax::a_labels))),
    error(
        "rfc9525_wildcard_form",
        "RFC 9525 6.3; BR 7.1.2.7.12",
        "`*` appears only as the whole leftmost label.",
    )
    .on(All, Content(|view| each(view, tag::DNS_NAME, wildcard_form))),
    warn(
        "cabf_wildcard_below_one_label",
        "BR 3.2.2.6",
        "A wildcard is followed by two labels or more.",
    )
    .on(All, Content(|view| each(view, tag::DNS_NAME, wildcard_base))),
    error(
        "cabf_dns_is_no_address",
        "RFC 5280 4.2.1.6; BR 7.1.2.7.12",
        "IP addresses are iPAddress names and not host names.",
    )
    .on(All, Content(|view| each(view, tag::DNS_NAME, dns_is_no_address))),
    warn(
        "gigvault_dns_lower_case",
        "RFC 5890 2.3.2.1; GigVault",
        "Host names are in lower case, so that equal names are equal octets.",
    )
    .on(All, Content(|view| each(view, tag::DNS_NAME, dns_lower_case))),
    error(
        "rfc5280_ip_length",
        "RFC 5280 4.2.1.6",
        "Addresses have 4 or 16 octets.",
    )
    .on(All, Content(|view| each(view, tag::IP_ADDRESS, ip_length))),
    error(
        "gigvault_ip_of_a_host",
        "RFC 6890; RFC 4291 2.5.2, 2.5.5; RFC 1122 3.2.1.3",
        "Addresses are those of hosts: not unspecified, multicast, broadcast, reserved, or IPv4 in IPv6.",
    )
    .on(All, Content(|view| each(view, tag::IP_ADDRESS, ip_of_a_host))),
    error(
        "rfc5280_email_syntax",
        "RFC 5280 4.2.1.6; RFC 9598 3; RFC 9549 2.5",
        "rfc822Names are local@domain in ASCII, without display name, the domain in A-labels.",
    )
    .on(All, Content(|view| each(view, tag::RFC822_NAME, syntax::mailbox))),
    error(
        "rfc9598_smtp_utf8_mailbox",
        "RFC 9598 3",
        "SmtpUTF8Mailboxes are UTF8Strings whose local part is not ASCII and whose domain is in A-labels.",
    )
    .on(All, Content(smtp_utf8_mailboxes)),
    error(
        "rfc5280_uri_absolute",
        "RFC 5280 4.2.1.6; RFC 3986 4.3",
        "URIs are absolute, in ASCII, and say something after their scheme.",
    )
    .on(All, Content(|view| each(view, tag::URI, uri_absolute))),
    error(
        "rfc5280_uri_host",
        "RFC 5280 4.2.1.6, 7.4",
        "The host of a URI is a host name or an IP address.",
    )
    .on(All, Content(|view| each(view, tag::URI, uri_host))),
    error(
        "spiffe_id_form",
        "SPIFFE-ID 2",
        "spiffe: URIs have a lower-case trust domain and a plain path: no port, user, query, fragment or escape.",
    )
    .on(All, Content(|view| each(view, tag::URI, spiffe_id))),
    error(
        "spiffe_id_only_uri",
        "X509-SVID 2",
        "A spiffe: URI is the only URI.",
    )
    .on(All, Content(spiffe_only_uri)),
    error(
        "rfc5280_directory_name_form",
        "RFC 5280 4.2.1.6",
        "directoryNames are names and not empty.",
    )
    .on(All, Content(|view| each(view, tag::DIRECTORY_NAME, directory_name))),
    error(
        "rfc5280_registered_id_form",
        "RFC 5280 4.2.1.6; X.690 8.19",
        "registeredIDs are object identifiers.",
    )
    .on(All, Content(|view| each(view, tag::REGISTERED_ID, registered_id))),
    error(
        "rfc5280_other_name_form",
        "RFC 5280 4.2.1.6",
        "otherNames are an object identifier and one value of the form that its type wants: user principal name, SRVName.",
    )
    .on(All, Content(|view| each(view, tag::OTHER_NAME, other_name))),
    error(
        "gigvault_san_known_kind",
        "RFC 5280 4.2.1.6; GigVault",
        "x400Address, ediPartyName, and unknown kinds do not appear.",
    )
    .on(All, Content(known_kind)),
];

/// Passes if `check` does for all names of a kind, in whatever extension. The subtrees of nameConstraints have other
/// forms, and the URIs of pointers their own rules.
fn each(view: &View<'_>, kind: u8, check: impl Fn(&[u8]) -> Problem) -> Verdict {
    for (place, name) in &view.general_names {
        let elsewhere = *place == NAME_CONSTRAINTS || kind == tag::URI && POINTERS.contains(place);
        if name.tag != kind || elsewhere {
            continue;
        }
        check(name.content).map_err(|problem| match kind {
            tag::DNS_NAME | tag::RFC822_NAME | tag::URI => {
                format!("{}`{}`: {problem}", at(place), shown_octets(name.content))
            }
            _ => format!("{}{problem}", at(place)),
        })?;
    }
    Ok(())
}

fn at(place: &str) -> String {
    match place {
        SUBJECT_ALT_NAME => String::new(),
        other => format!("{other}: "),
    }
}

fn dns_syntax(name: &[u8]) -> Problem {
    syntax::host(name)
}

fn wildcard_form(name: &[u8]) -> Problem {
    let base = name.strip_prefix(b"*.").unwrap_or(name);
    if base.contains(&b'*') {
        Err("`*` is not the whole leftmost label")
    } else {
        Ok(())
    }
}

fn wildcard_base(name: &[u8]) -> Problem {
    match name.strip_prefix(b"*.") {
        Some(base) if !base.contains(&b'.') => Err("it covers a whole top-level domain"),
        _ => Ok(()),
    }
}

fn dns_is_no_address(name: &[u8]) -> Problem {
    if syntax::is_address(name) {
        Err("it is an address, or would be taken for one")
    } else {
        Ok(())
    }
}

fn dns_lower_case(name: &[u8]) -> Problem {
    if name.iter().any(u8::is_ascii_uppercase) {
        Err("it has capital letters")
    } else {
        Ok(())
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

fn ip_length(octets: &[u8]) -> Problem {
    match octets.len() {
        4 | 16 => Ok(()),
        8 | 32 => Err("an address has 8 or 32 octets, which is a range and belongs in name constraints"),
        _ => Err("an address has another length"),
    }
}

fn ip_of_a_host(octets: &[u8]) -> Problem {
    address(octets).and_then(why_not_a_host).map_or(Ok(()), Err)
}

/// Identifier and value of an otherName.
fn other_name_parts(content: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let mut fields = Reader::new(content);
    let oid = fields
        .expect(tag::OID)
        .map_err(|_| "an otherName has no identifier")?;
    let value = Reader::single(fields.rest(), tag::explicit(0))
        .map_err(|_| "the value of an otherName is not tagged [0]")?;
    let mut values = Reader::new(value);
    let one = values.any().is_ok() && values.is_empty();
    if one {
        Ok((oid, value))
    } else {
        Err("an otherName must have one value")
    }
}

fn other_name(content: &[u8]) -> Problem {
    let (oid, value) = other_name_parts(content)?;
    if oid::is(oid, oid::USER_PRINCIPAL_NAME) {
        let text = Reader::single(value, tag::UTF8_STRING)
            .map_err(|_| "a user principal name is not a UTF8String")?;
        if !text.contains(&b'@') {
            return Err("a user principal name has no `@`");
        }
    }
    if oid::is(oid, ID_ON_DNS_SRV) {
        return match San::other_name(ID_ON_DNS_SRV, value.to_vec()) {
            Ok(_) => Ok(()),
            Err(SanError::OtherName(problem)) => Err(problem),
            Err(_) => Err("an SRVName is not of its form"),
        };
    }
    Ok(())
}

fn smtp_utf8_mailboxes(view: &View<'_>) -> Verdict {
    each(view, tag::OTHER_NAME, |name| match other_name_parts(name) {
        Ok((oid, value)) if oid::is(oid, oid::SMTP_UTF8_MAILBOX) => smtp_utf8_mailbox(value),
        _ => Ok(()),
    })
}

fn smtp_utf8_mailbox(value: &[u8]) -> Problem {
    let text =
        Reader::single(value, tag::UTF8_STRING).map_err(|_| "an SmtpUTF8Mailbox is not a UTF8String")?;
    let text = std::str::from_utf8(text).map_err(|_| "an SmtpUTF8Mailbox is not UTF-8")?;
    let (local, domain) = text.rsplit_once('@').ok_or("an SmtpUTF8Mailbox has no `@`")?;
    if local.is_ascii() {
        return Err("the local part of an SmtpUTF8Mailbox is ASCII: write an rfc822Name");
    }
    let unfit =
        |character: char| character.is_control() || character.is_whitespace() || character == '\u{feff}';
    if local.chars().any(unfit) {
        return Err(
            "the local part of an SmtpUTF8Mailbox holds a control character, a space or a byte order mark",
        );
    }
    syntax::domain_of_mailbox(domain.as_bytes())
}

fn uri_absolute(uri: &[u8]) -> Problem {
    Uri::of(uri).map(drop)
}

fn uri_host(uri: &[u8]) -> Problem {
    match Uri::of(uri) {
        Ok(uri) => uri.check_host(),
        Err(_) => Ok(()),
    }
}

fn is_spiffe(uri: &[u8]) -> bool {
    uri.get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"spiffe:"))
}

fn spiffe_id(id: &[u8]) -> Problem {
    if !is_spiffe(id) {
        return Ok(());
    }
    let id = std::str::from_utf8(id).map_err(|_| "it is not ASCII")?;
    let rest = id
        .strip_prefix("spiffe://")
        .ok_or("it does not begin with `spiffe://`")?;
    if id.len() > 2048 {
        return Err("it has more than 2048 octets");
    }
    let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let of_domain = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    if domain.is_empty() || domain.len() > 255 || !domain.bytes().all(of_domain) {
        return Err(
            "its trust domain must be 1 to 255 lower-case letters, digits, dots, hyphens, underscores",
        );
    }
    let of_segment = |octet: u8| octet.is_ascii_alphanumeric() || b".-_".contains(&octet);
    let mut segments = path.split('/').skip(1);
    if segments.any(|segment| matches!(segment, "" | "." | "..") || !segment.bytes().all(of_segment)) {
        return Err("its path has a segment that is empty, relative, or not plain");
    }
    Ok(())
}

fn spiffe_only_uri(view: &View<'_>) -> Verdict {
    let uris = || view.sans_of(tag::URI);
    require(!uris().any(is_spiffe) || uris().count() == 1, || {
        "there is a spiffe: URI beside others".to_owned()
    })
}

fn directory_name(der: &[u8]) -> Problem {
    match Name::from_der(der) {
        Ok(name) if !name.is_empty() => Ok(()),
        Ok(_) => Err("a directoryName is empty"),
        Err(_) => Err("a directoryName is not a name"),
    }
}

fn registered_id(content: &[u8]) -> Problem {
    if is_oid(content) {
        Ok(())
    } else {
        Err("a registeredID is not an object identifier")
    }
}

fn known_kind(view: &View<'_>) -> Verdict {
    const KINDS: [u8; 7] = [
        tag::OTHER_NAME,
        tag::RFC822_NAME,
        tag::DNS_NAME,
        tag::DIRECTORY_NAME,
        tag::URI,
        tag::IP_ADDRESS,
        tag::REGISTERED_ID,
    ];
    match view
        .general_names
        .iter()
        .find(|(_, name)| !KINDS.contains(&name.tag))
    {
        None => Ok(()),
        Some((place, name)) => Err(format!("{place} has a name with tag 0x{:02x}", name.tag)),
    }
}
