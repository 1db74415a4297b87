//! What DER is instead of what was asked for. Asked only once it was refused: what people send by mistake is named, and what
//! is broken keeps its own message.

use crate::asn1::{Reader, tag};
use crate::kind::{SignedStructure, classify};
use crate::ocsp::OcspRequest;

/// The kind of object that octets encode, told by how they begin; `None` if that does not decide it.
pub(crate) fn of(octets: &[u8]) -> Option<&'static str> {
    if is_pkcs12(octets) {
        return Some(PKCS12);
    }
    let parts = Reader::within(octets, tag::SEQUENCE).ok()?;
    if parts.peek() == Some(tag::ENUMERATED) {
        return Some(OCSP_RESPONSE);
    }
    if OcspRequest::from_der(octets).is_ok() {
        return Some("an OCSP request");
    }
    before_signature(&parts).or_else(|| {
        let tbs = parts.clone().any().ok()?;
        match classify(tbs.whole)? {
            SignedStructure::Crl => Some(CRL),
            SignedStructure::CertificateRequest => Some("a certificate signing request (CSR)"),
            SignedStructure::Certificate => Some(CERTIFICATE),
            SignedStructure::OcspResponse => None,
        }
    })
}

pub(crate) const CERTIFICATE: &str = "a certificate";
pub(crate) const CRL: &str = "a certificate revocation list (CRL)";
pub(crate) const OCSP_RESPONSE: &str = "an OCSP response";
pub(crate) const PKCS12: &str = "a PKCS#12 file";

/// Keys, certificates of version 3 and PKCS#12 files, whose first fields tell them from all else.
pub(crate) fn before_signature(parts: &Reader<'_>) -> Option<&'static str> {
    let mut fields = parts.clone();
    let first = fields.any().ok()?;
    if first.tag == tag::INTEGER {
        // PKCS#8, SEC 1 and PKCS#1 keys and PKCS#12 files begin with their version.
        return Some(match (first.content, fields.any().ok()?.tag) {
            ([3], tag::SEQUENCE) => PKCS12,
            _ => "a private key",
        });
    }
    let mut inner = Reader::new(first.expect(tag::SEQUENCE).ok()?);
    match inner.any().ok()?.tag {
        explicit if explicit == tag::context_constructed(0) => Some(CERTIFICATE),
        tag::OID if fields.any().ok()?.tag == tag::BIT_STRING => Some("a public key"),
        tag::OID => Some("an encrypted private key"),
        _ => None,
    }
}

/// Version 3 and a ContentInfo, whatever the form of the lengths: many are in BER.
fn is_pkcs12(octets: &[u8]) -> bool {
    let header = octets.get(..12).unwrap_or(octets);
    octets.first() == Some(&tag::SEQUENCE)
        && header
            .windows(4)
            .any(|window| matches!(window, [tag::INTEGER, 1, 3, tag::SEQUENCE]))
}
