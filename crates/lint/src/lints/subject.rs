//! What the subject may say beside the alternative names (RFC 5280 section 4.1.2.6; BR 7.1.2.7, 7.1.4.3).

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use x509::san::free_text;

use crate::catalogue::Check::Content;
use crate::catalogue::Scope::{All, EndEntity, TlsServer};
use crate::catalogue::{Lint, Verdict, error, notice};
use crate::lints::require;
use crate::oid;
use crate::text::shown;
use crate::tlv::{Reader, Tlv, tag};
use crate::view::View;

pub(super) const LINTS: &[Lint] = &[
    error(
        "cabf_cn_in_san",
        "BR 7.1.4.3",
        "A commonName of a TLS server repeats an alternative name; with nonRepudiation (OPC 10000-6) it may be free text.",
    )
    .on(TlsServer, Content(common_name_in_san)),
    error(
        "rfc5280_email_in_san",
        "RFC 5280 4.1.2.6",
        "An emailAddress in the subject repeats an rfc822Name.",
    )
    .on(EndEntity, Content(email_in_san)),
    error(
        "gigvault_cn_is_what_it_looks_like",
        "RFC 5280 4.2.1.10, 7.2; GigVault",
        "A commonName, unstructuredName or -Address that looks like a host name, address, mailbox or URI is one.",
    )
    .on(All, Content(common_name_shape)),
    notice(
        "cabf_no_common_name",
        "BR 7.1.2.7.2",
        "TLS servers have no commonName: clients look at alternative names alone.",
    )
    .on(TlsServer, Content(no_common_name)),
    notice(
        "cabf_no_organizational_unit",
        "BR 7.1.2.7.3, 7.1.2.7.4",
        "TLS servers have no organizationalUnitName.",
    )
    .on(TlsServer, Content(no_organizational_unit)),
];

fn common_name_in_san(view: &View<'_>) -> Verdict {
    for attribute in view.subject.all(oid::COMMON_NAME) {
        let text = attribute.text().unwrap_or_default();
        if signs_for_an_application(view) && !text.contains(['.', '@', ':']) {
            continue;
        }
        if !view
            .sans()
            .iter()
            .any(|san| value_of(san).is_some_and(|san| san == text))
        {
            return Err(format!(
                "commonName `{}` is not an alternative name; add it there, or leave it out",
                shown(&text)
            ));
        }
    }
    Ok(())
}

/// OPC 10000-6 section 6.2.2: the certificate of an application instance, whose commonName is a product's.
fn signs_for_an_application(view: &View<'_>) -> bool {
    const NON_REPUDIATION: u16 = 1 << 1;
    let flags = view.extensions.usage.map_or(0, |usage| usage.flags());
    flags & NON_REPUDIATION != 0 && view.sans_of(tag::URI).next().is_some()
}

fn common_name_shape(view: &View<'_>) -> Verdict {
    for attribute in free_text::ATTRIBUTES
        .iter()
        .flat_map(|kind| view.subject.all(*kind))
    {
        let text = attribute.text().unwrap_or_default();
        free_text::read(&text).map_err(|disguised| {
            format!("`{}` looks like {} and is not one", shown(&text), disguised.shape)
        })?;
    }
    Ok(())
}

/// An alternative name as people write it: addresses as in RFC 5952.
fn value_of<'a>(san: &Tlv<'a>) -> Option<Cow<'a, str>> {
    match san.tag {
        tag::DNS_NAME | tag::RFC822_NAME | tag::URI => {
            std::str::from_utf8(san.content).ok().map(Cow::Borrowed)
        }
        tag::IP_ADDRESS => {
            let v4 = || <[u8; 4]>::try_from(san.content).map(|octets| Ipv4Addr::from(octets).to_string());
            let v6 = || <[u8; 16]>::try_from(san.content).map(|octets| Ipv6Addr::from(octets).to_string());
            v4().or_else(|_| v6()).ok().map(Cow::Owned)
        }
        tag::OTHER_NAME => {
            let mut fields = Reader::new(san.content);
            fields.expect(tag::OID).ok()?;
            let value = Reader::single(fields.rest(), tag::explicit(0)).ok()?;
            let text = Reader::single(value, tag::UTF8_STRING).ok()?;
            std::str::from_utf8(text).ok().map(Cow::Borrowed)
        }
        _ => None,
    }
}

fn email_in_san(view: &View<'_>) -> Verdict {
    for attribute in view.subject.all(oid::EMAIL_ADDRESS) {
        let address = attribute.value.content;
        if !view
            .sans_of(tag::RFC822_NAME)
            .any(|san| san.eq_ignore_ascii_case(address))
        {
            let text = attribute.text().unwrap_or_default();
            return Err(format!(
                "emailAddress `{}` is not an alternative name",
                shown(&text)
            ));
        }
    }
    Ok(())
}

fn no_common_name(view: &View<'_>) -> Verdict {
    require(view.subject.all(oid::COMMON_NAME).next().is_none(), || {
        "there is a commonName".to_owned()
    })
}

fn no_organizational_unit(view: &View<'_>) -> Verdict {
    require(
        view.subject.all(oid::ORGANIZATIONAL_UNIT).next().is_none(),
        || "there is an organizationalUnitName".to_owned(),
    )
}
