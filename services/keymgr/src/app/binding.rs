//! What is signed for whom: keymgr looks at what it signs, whoever asks.
//!
//! Two things decide, and both must allow it: what the caller is for ([`Caller`]), and what the key was made for ([`Purpose`]).
//! Callers send whole structures, never digests. The look is structural (which ASN.1 structure is it), not a
//! judgment on the content: whether a certificate may exist is decided by the caller's rules and lint.

use der::asn1::AnyRef;
use der::{Decode, Reader};
use x509::kind::{SignedStructure, classify};

use super::loaded::LoadedKey;
use crate::domain::{Caller, Purpose};
use crate::error::Error;

/// Who asks, under which settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct SigningContext {
    pub(super) caller: Caller,
    /// `keymgr.ca_keys_sign_ocsp`.
    pub(super) ca_keys_sign_ocsp: bool,
}

impl SigningContext {
    fn signs(self, purpose: Purpose, structure: SignedStructure) -> bool {
        let direct = self.ca_keys_sign_ocsp
            && purpose == Purpose::CertificateAuthority
            && structure == SignedStructure::OcspResponse;
        direct || purpose.signs(structure)
    }
}

/// What the message is; refuses one that the caller may not have signed, or that the key was not made for; `index` is its place in
/// the batch.
pub(super) fn check(
    key: &LoadedKey,
    asked: SigningContext,
    index: usize,
    message: &[u8],
) -> Result<SignedStructure, Error> {
    let structure = classify(message);
    let refused = |what| {
        Err(Error::Purpose {
            index,
            name: key.name.clone(),
            purpose: key.purpose,
            what,
        })
    };
    let Some(structure) = structure else {
        return refused(describe(None));
    };
    let what = describe(Some(structure));
    // Of a CRL more is looked at than its structure, and only SignCrl does.
    if structure == SignedStructure::Crl || !asked.caller.signs(structure) {
        let method = "by Sign or SignBatch";
        return Err(asked
            .caller
            .denied(format!("have {what} signed {method} (message {index})")));
    }
    if !asked.signs(key.purpose, structure) {
        return refused(what);
    }
    let own = || requested_key(message) == Some(key.signer.public_key().spki());
    if structure == SignedStructure::CertificateRequest && !own() {
        return refused("a certificate request for another key");
    }
    Ok(structure)
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
