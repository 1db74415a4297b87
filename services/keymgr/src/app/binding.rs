//! Purpose binding: keymgr looks at what it signs, whoever asks.
//!
//! Callers send whole structures, never digests. The look is structural (which ASN.1 structure is it), not a
//! judgment on the content: whether a certificate may exist is decided by the caller's rules and lint.

use der::asn1::AnyRef;
use der::{Decode, Reader};
use x509::kind::{SignedStructure, classify};

use super::loaded::LoadedKey;
use crate::error::Error;

/// What the message is; refuses one that the key was not made for; `index` is its place in the batch.
pub(super) fn check(key: &LoadedKey, index: usize, message: &[u8]) -> Result<SignedStructure, Error> {
    let structure = classify(message);
    let what = match structure.filter(|structure| key.purpose.signs(*structure)) {
        None => describe(structure),
        Some(SignedStructure::CertificateRequest)
            if requested_key(message) != Some(key.signer.public_key().spki()) =>
        {
            "a certificate request for another key"
        }
        Some(structure) => return Ok(structure),
    };
    Err(Error::Purpose {
        index,
        name: key.name.clone(),
        purpose: key.purpose,
        what,
    })
}

fn describe(structure: Option<SignedStructure>) -> &'static str {
    match structure {
        Some(SignedStructure::Certificate) => "a certificate",
        Some(SignedStructure::Crl) => "a CRL",
        Some(SignedStructure::CertificateRequest) => "a certificate request",
        Some(SignedStructure::OcspResponse) => "an OCSP response",
        None => "what is not a certificate, CRL, certificate request, or OCSP response",
    }
}

/// The SubjectPublicKeyInfo of a CertificationRequestInfo (RFC 2986 section 4.1), as it is encoded. A
/// request proves possession of the key inside, so a key signs requests for itself only.
fn requested_key(info: &[u8]) -> Option<&[u8]> {
    let outer = AnyRef::from_der(info).ok()?;
    let mut fields = der::SliceReader::new(outer.value()).ok()?;
    AnyRef::decode(&mut fields).ok()?; // version
    AnyRef::decode(&mut fields).ok()?; // subject
    fields.tlv_bytes().ok()
}
