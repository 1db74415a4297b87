//! GeneralNames in DER, both ways (RFC 5280 section 4.2.1.6).

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{DnsName, EmailAddress, HostAddress, ID_ON_SMTP_UTF8_MAILBOX, San, SanError, Uri};
use crate::Oid;
use crate::asn1::{DerError, Reader, Tlv, Writer, ia5, tag};
use crate::name::DistinguishedName;

/// The most names that a request or an issued certificate may have.
pub const MAX_SANS: usize = 100;

const OTHER_NAME: u8 = tag::context_constructed(0);
const RFC822_NAME: u8 = tag::context(1);
const DNS_NAME: u8 = tag::context(2);
const DIRECTORY_NAME: u8 = tag::context_constructed(4);
const URI: u8 = tag::context(6);
const IP_ADDRESS: u8 = tag::context(7);
const REGISTERED_ID: u8 = tag::context(8);
const EXPLICIT_VALUE: u8 = tag::context_constructed(0);

/// Encodes GeneralNames in the order given; a name that occurs twice is written once.
///
/// # Errors
/// [`SanError::Empty`] without any name, [`SanError::TooMany`] over [`MAX_SANS`] of them.
pub fn encode(sans: &[San]) -> Result<Vec<u8>, SanError> {
    if sans.is_empty() {
        return Err(SanError::Empty);
    }
    let distinct = distinct(sans.iter());
    if distinct.len() > MAX_SANS {
        return Err(SanError::TooMany);
    }
    Ok(Writer::one(tag::SEQUENCE, |out| {
        distinct.iter().for_each(|san| write(out, san))
    }))
}

/// Decodes GeneralNames of a request: every name must be one that could be issued. Names are made canonical and
/// each is kept once, in order of first appearance.
///
/// # Errors
/// Names not refused by their kind only: [`SanError::Empty`], and [`SanError::TooMany`] over [`MAX_SANS`] entries.
pub fn decode(der: &[u8]) -> Result<Vec<San>, SanError> {
    let mut names = Reader::within(der, tag::SEQUENCE)?;
    let mut sans = Vec::new();
    while !names.is_empty() {
        if sans.len() == MAX_SANS {
            return Err(SanError::TooMany);
        }
        sans.push(parse(names.any()?)?);
    }
    if sans.is_empty() {
        Err(SanError::Empty)
    } else {
        Ok(distinct(sans.into_iter()))
    }
}

/// Decodes GeneralNames of a foreign certificate: an entry that breaks the rules of its kind becomes
/// [`San::Opaque`], any number of entries is taken, duplicates stay.
///
/// # Errors
/// [`SanError::Der`] if the octets are not a SEQUENCE of DER values.
pub fn decode_lenient(der: &[u8]) -> Result<Vec<San>, SanError> {
    let mut names = Reader::within(der, tag::SEQUENCE)?;
    let mut sans = Vec::new();
    while !names.is_empty() {
        let name = names.any()?;
        sans.push(parse(name).unwrap_or_else(|_| San::Opaque(name.whole.to_vec())));
    }
    Ok(sans)
}

fn distinct<T: Clone + Eq + std::hash::Hash>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    items.filter(|item| seen.insert(item.clone())).collect()
}

/// Writes one GeneralName.
pub(crate) fn write(out: &mut Writer, san: &San) {
    match san {
        San::Dns(name) => out.primitive(DNS_NAME, name.as_str().as_bytes()),
        San::Ip(address) => match address.ip() {
            IpAddr::V4(address) => out.primitive(IP_ADDRESS, &address.octets()),
            IpAddr::V6(address) => out.primitive(IP_ADDRESS, &address.octets()),
        },
        San::Email(address) => out.primitive(RFC822_NAME, address.as_str().as_bytes()),
        San::SmtpUtf8(address) => {
            let value = Writer::primitive_of(tag::UTF8_STRING, address.as_str().as_bytes());
            write_other_name(out, &ID_ON_SMTP_UTF8_MAILBOX, &value);
        }
        San::Uri(uri) => out.primitive(URI, uri.as_str().as_bytes()),
        San::DirName(name) => out.constructed(DIRECTORY_NAME, |out| out.raw(name.der())),
        San::RegisteredId(oid) => out.primitive(REGISTERED_ID, oid.as_bytes()),
        San::OtherName { oid, value_der } => write_other_name(out, oid, value_der),
        San::Opaque(der) => out.raw(der),
    }
}

fn write_other_name(out: &mut Writer, oid: &Oid, value_der: &[u8]) {
    out.constructed(OTHER_NAME, |out| {
        out.oid(oid);
        out.constructed(EXPLICIT_VALUE, |out| out.raw(value_der));
    });
}

/// Reads one GeneralName, strictly.
pub(crate) fn parse(name: Tlv<'_>) -> Result<San, SanError> {
    let content = name.content;
    match name.tag {
        DNS_NAME => Ok(San::Dns(ia5(content)?.parse::<DnsName>()?)),
        IP_ADDRESS => {
            let address = address(content).ok_or(SanError::Der(DerError::Value("iPAddress")))?;
            HostAddress::try_from(address).map(San::Ip)
        }
        RFC822_NAME => Ok(San::Email(ia5(content)?.parse::<EmailAddress>()?)),
        URI => Ok(San::Uri(ia5(content)?.parse::<Uri>()?)),
        DIRECTORY_NAME => {
            let name = DistinguishedName::from_der(content)?;
            // Certified as the octets that were received, but only if they could be built here.
            name.canonical()?;
            Ok(San::DirName(name))
        }
        REGISTERED_ID => Ok(San::RegisteredId(Oid::from_content(content)?)),
        OTHER_NAME => {
            let mut fields = Reader::new(content);
            let oid = fields.oid()?;
            let value = fields.expect(EXPLICIT_VALUE)?;
            fields.finish()?;
            San::other_name(oid, value.to_vec())
        }
        other => Err(SanError::Unsupported(other)),
    }
}

/// An address of 4 or 16 octets.
pub(crate) fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(|octets| IpAddr::V4(Ipv4Addr::from(octets)));
    let v6 = <[u8; 16]>::try_from(octets).map(|octets| IpAddr::V6(Ipv6Addr::from(octets)));
    v4.or(v6).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sans(texts: &[&str]) -> Vec<San> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn every_kind_comes_back() {
        let all = sans(&[
            "dns:*.example.test",
            "ip:192.0.2.1",
            "ip:2001:db8::1",
            "email:user@example.test",
            "email:üser@example.test",
            "uri:spiffe://example.test/svc/ca",
            "dirname:CN=web,O=Example",
            "rid:1.2.3.4",
            "upn:user@example.test",
            "othername:1.2.3.4=3000",
        ]);
        let der = encode(&all).unwrap();
        assert_eq!(decode(&der).unwrap(), all);
        assert_eq!(decode_lenient(&der).unwrap(), all);
    }

    #[test]
    fn a_name_stands_once() {
        let twice = sans(&["dns:a.test", "ip:::1", "dns:A.test"]);
        let der = encode(&twice).unwrap();
        assert_eq!(decode(&der).unwrap(), sans(&["dns:a.test", "ip:::1"]));
        // The same name in two spellings, as a request may have it.
        let request = [&[0x30, 16, 0x82, 6][..], b"a.test", &[0x82, 6], b"A.Test"].concat();
        assert_eq!(decode(&request).unwrap(), sans(&["dns:a.test"]));
    }

    #[test]
    fn lists_are_bounded() {
        let many = |count: usize| -> Vec<San> {
            (0..count)
                .map(|at| format!("dns:h{at}.test").parse().unwrap())
                .collect()
        };
        assert!(encode(&many(MAX_SANS)).is_ok());
        assert_eq!(encode(&many(MAX_SANS + 1)), Err(SanError::TooMany));
        let der = Writer::one(tag::SEQUENCE, |out| {
            many(10_000).iter().for_each(|san| write(out, san))
        });
        assert_eq!(decode(&der), Err(SanError::TooMany));
        assert!(SanError::TooMany.to_string().contains("100"));
        assert_eq!(decode_lenient(&der).unwrap().len(), 10_000);
        assert_eq!(encode(&[]), Err(SanError::Empty));
        assert_eq!(decode(&[0x30, 0]), Err(SanError::Empty));
    }

    #[test]
    fn a_request_is_read_strictly_and_a_certificate_leniently() {
        for (entry, what) in [
            (&b"\x82\x05a\0b.c"[..], "NUL in a DNS name"),
            (b"\x82\x09192.0.2.1", "IP as DNS name"),
            (b"\x82\x05\xc3\xbc.de", "U-label as octets"),
            (b"\x87\x03\x01\x02\x03", "address of three octets"),
            (b"\x87\x08\x0a\x00\x00\x00\xff\x00\x00\x00", "address with a mask"),
            (b"\x87\x04\0\0\0\0", "unspecified address"),
            (
                b"\x87\x10\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01",
                "IPv4 address in IPv6 form",
            ),
            (
                b"\xa4\x10\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03a\0b",
                "NUL in a directory name",
            ),
            (
                b"\xa4\x12\x30\x10\x31\x0e\x30\x0c\x06\x03\x55\x04\x03\x0c\x05a\xe2\x80\x8bb",
                "invisible character in a directory name",
            ),
            (b"\x81\x01a", "mail address without domain"),
            (b"\x86\x01a", "relative URI"),
            (b"\xa3\x00", "x400Address"),
            (b"\xa5\x00", "ediPartyName"),
            (b"\xa4\x02\x31\x00", "directory name that is none"),
            (b"\x88\x00", "empty OID"),
            (b"\xa0\x05\x06\x03\x2a\x03\x04", "otherName without value"),
            (b"\x04\x00", "not a general name"),
        ] {
            let der = Writer::one(tag::SEQUENCE, |out| out.raw(entry));
            assert!(decode(&der).is_err(), "{what}");
            assert_eq!(
                decode_lenient(&der).unwrap(),
                [San::Opaque(entry.to_vec())],
                "{what}"
            );
        }
        assert!(decode_lenient(b"\x30\x02\x82\x01").is_err());
    }
}
