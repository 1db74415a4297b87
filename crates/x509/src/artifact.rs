//! What octets are instead of what was asked for. Asked only once they were refused: what people send by mistake is named, and
//! what is broken keeps its own message.

use crate::asn1::{Reader, tag};
use crate::kind::{SignedStructure, classify};
use crate::ocsp::OcspRequest;

pub(crate) const CERTIFICATE: &str = "a certificate";
pub(crate) const REQUEST: &str = "a certificate signing request (CSR)";
pub(crate) const CRL: &str = "a certificate revocation list (CRL)";
pub(crate) const OCSP_RESPONSE: &str = "an OCSP response";
pub(crate) const PKCS12: &str = "a PKCS#12 file";
pub(crate) const PKCS7: &str = "a PKCS#7 bundle";
pub(crate) const JAVA_KEYSTORE: &str = "a Java keystore";
const PRIVATE_KEY: &str = "a private key";
const PEM_TEXT: &str = "PEM, which is not DER";
const WEB_PAGE: &str = "a web page";

/// Content of the object identifiers of PKCS#7 and CMS: 1.2.840.113549.1.7.
const PKCS7_ARC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];

/// The kind of object that octets encode, told by how they begin; `None` if that does not decide it.
#[must_use]
pub fn of(octets: &[u8]) -> Option<&'static str> {
    if let Some(other) = by_head(octets) {
        return Some(other);
    }
    let parts = Reader::within(octets, tag::SEQUENCE).ok()?;
    if parts.peek() == Some(tag::ENUMERATED) {
        return Some(OCSP_RESPONSE);
    }
    if OcspRequest::from_der(octets).is_ok() {
        return Some("an OCSP request");
    }
    match parts.peek()? {
        tag::INTEGER => numbered(parts),
        tag::SEQUENCE => nested(&parts),
        _ => None,
    }
}

/// What is told by its first octets, whatever the form of the lengths: many files are in BER, or in no ASN.1 at all.
fn by_head(octets: &[u8]) -> Option<&'static str> {
    let head = octets.get(..24).unwrap_or(octets);
    let text = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    let begins = |with: &[u8]| {
        text.get(..with.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(with))
    };
    if begins(b"-----BEGIN ") {
        return Some(PEM_TEXT);
    }
    if begins(b"<!DOCTYPE") || begins(b"<html") {
        return Some(WEB_PAGE);
    }
    if head.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) || head.starts_with(&[0xce, 0xce, 0xce, 0xce]) {
        return Some(JAVA_KEYSTORE);
    }
    // The length has at most five octets.
    let content = head.strip_prefix(&[tag::SEQUENCE])?;
    let content = match content.split_first()? {
        (0..=0x80, content) => content,
        (many, digits) => digits.get(usize::from(many & 0x7f)..)?,
    };
    match content {
        [tag::INTEGER, 1, 3, tag::SEQUENCE, ..] => Some(PKCS12),
        [tag::OID, 9, oid @ ..] if oid.starts_with(PKCS7_ARC) => Some(PKCS7),
        _ => None,
    }
}

/// What begins with an INTEGER: keys with their version in front, or their numbers, and requests for timestamps.
fn numbered(mut fields: Reader<'_>) -> Option<&'static str> {
    let version = fields.any().ok()?;
    let second = fields.any().ok()?;
    let rest = std::iter::from_fn(|| fields.any().ok()).count();
    match second.tag {
        // PKCS#8, and the imprint of RFC 3161 section 2.4.1: an algorithm, and an algorithm with a digest.
        tag::SEQUENCE => match Reader::new(second.content).peek()? {
            tag::OID => Some(PRIVATE_KEY),
            tag::SEQUENCE => Some("a timestamp request"),
            _ => None,
        },
        // SEC 1.
        tag::OCTET_STRING => Some(PRIVATE_KEY),
        // PKCS#1, and DSA with two numbers less.
        tag::INTEGER if matches!(version.content, [0 | 1]) && rest >= 4 => Some(PRIVATE_KEY),
        tag::INTEGER if rest == 0 => match second.content {
            [2 | 5] => Some("a set of Diffie-Hellman parameters"),
            _ => Some(
                "a public key in the form of PKCS#1 (convert it with `openssl rsa -RSAPublicKey_in -pubout`)",
            ),
        },
        _ => None,
    }
}

/// What begins with a SEQUENCE: what is signed, and what names an algorithm in front.
fn nested(parts: &Reader<'_>) -> Option<&'static str> {
    let mut fields = parts.clone();
    let first = fields.any().ok()?;
    match Reader::new(first.content).peek()? {
        explicit if explicit == tag::context_constructed(0) => return Some(CERTIFICATE),
        tag::OID if fields.any().ok()?.tag == tag::BIT_STRING => return Some("a public key"),
        tag::OID => return Some("an encrypted private key"),
        tag::INTEGER if is_timestamp(fields) => return Some("a timestamp response"),
        _ => {}
    }
    match classify(first.whole)? {
        SignedStructure::Crl => Some(CRL),
        SignedStructure::CertificateRequest => Some(REQUEST),
        SignedStructure::Certificate => Some(CERTIFICATE),
        SignedStructure::OcspResponse => None,
    }
}

/// Whether a ContentInfo is all that follows the status (RFC 3161 section 2.4.2). A refusal has none.
fn is_timestamp(mut fields: Reader<'_>) -> bool {
    if fields.is_empty() {
        return true;
    }
    let token = fields.any().ok().filter(|_| fields.is_empty());
    token.is_some_and(|token| by_head(token.whole) == Some(PKCS7))
}
