//! Requests put together piece by piece, with a valid signature over whatever they hold.
#![expect(clippy::unwrap_used, reason = "tests")]

use der::Encode;
use x509::{KeyAlgorithm, SignatureAlgorithm};

use super::holder::Holder;

pub(crate) const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";
pub(crate) const MICROSOFT_EXTENSIONS: &str = "1.3.6.1.4.1.311.2.1.14";
pub(crate) const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";
pub(crate) const SUBJECT_ALT_NAME: &str = "2.5.29.17";

/// One DER value.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        short @ 0..=0x7f => out.push(u8::try_from(short).unwrap()),
        long => {
            let digits: Vec<u8> = long.to_be_bytes().into_iter().skip_while(|d| *d == 0).collect();
            out.push(0x80 | u8::try_from(digits.len()).unwrap());
            out.extend(digits);
        }
    }
    out.extend(content);
    out
}

pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    const_oid::ObjectIdentifier::new(dotted)
        .unwrap()
        .to_der()
        .unwrap()
}

/// An Attribute with these values.
pub(crate) fn attribute(kind: &str, values: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &[&oid(kind), &tlv(0x31, values)])
}

pub(crate) fn extension(kind: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    tlv(0x30, &[&oid(kind), critical, &tlv(0x04, &[value])])
}

/// An extensionRequest attribute.
pub(crate) fn extensions(kind: &str, extensions: &[&[u8]]) -> Vec<u8> {
    attribute(kind, &[&tlv(0x30, extensions)])
}

/// GeneralNames of dNSNames.
pub(crate) fn dns_names<T: AsRef<[u8]>>(names: &[T]) -> Vec<u8> {
    let names: Vec<_> = names.iter().map(|name| tlv(0x82, &[name.as_ref()])).collect();
    tlv(0x30, &names.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// An extensionRequest attribute that asks for these dNSNames.
pub(crate) fn dns_request<T: AsRef<[u8]>>(names: &[T]) -> Vec<u8> {
    extensions(
        EXTENSION_REQUEST,
        &[&extension(SUBJECT_ALT_NAME, false, &dns_names(names))],
    )
}

/// A Name with one common name, as UTF8String.
pub(crate) fn common_name(text: &[u8]) -> Vec<u8> {
    tlv(
        0x30,
        &[&tlv(0x31, &[&tlv(0x30, &[&oid("2.5.4.3"), &tlv(0x0c, &[text])])])],
    )
}

/// The pieces of a request, each in DER; change some and sign.
pub(crate) struct Forge {
    pub(crate) holder: Holder,
    pub(crate) version: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    /// The attributes with their `[0]` tag; may be empty.
    pub(crate) attributes: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
}

impl Forge {
    pub(crate) fn new() -> Self {
        let holder = Holder::new(KeyAlgorithm::P256);
        Self {
            version: vec![2, 1, 0],
            subject: common_name(b"web.example.test"),
            spki: holder.spki(),
            attributes: tlv(0xa0, &[]),
            algorithm: SignatureAlgorithm::EcdsaSha256.identifier().to_der().unwrap(),
            holder,
        }
    }

    pub(crate) fn with_attributes(attributes: &[&[u8]]) -> Self {
        Self {
            attributes: tlv(0xa0, attributes),
            ..Self::new()
        }
    }

    pub(crate) fn info(&self) -> Vec<u8> {
        tlv(
            0x30,
            &[&self.version, &self.subject, &self.spki, &self.attributes],
        )
    }

    pub(crate) fn sign(&self) -> Vec<u8> {
        let info = self.info();
        self.close(&info, &self.holder.sign(&info, SignatureAlgorithm::EcdsaSha256))
    }

    pub(crate) fn close(&self, info: &[u8], signature: &[u8]) -> Vec<u8> {
        tlv(0x30, &[info, &self.algorithm, &tlv(0x03, &[&[0], signature])])
    }
}
