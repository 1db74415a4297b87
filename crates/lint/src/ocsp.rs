//! OCSP responses before they are signed.

use x509::ocsp::{HashAlgorithm, IssuerIds};
use x509::{Certificate, Eku, Validity};

use crate::catalogue::{Finding, ResponseCase};
use crate::form::Form;
use crate::linted::{Linted, Refused};
use crate::view::response::Response;

/// Who signs an OCSP response, and for which CA. Made once for a signer: it holds hashes of the issuer.
#[derive(Clone, Debug)]
pub struct ResponseContext {
    pub(crate) issuer: IssuerIds,
    /// DER of the signer's subject.
    pub(crate) signer_name: Box<[u8]>,
    /// SHA-1 of the signer's key.
    pub(crate) signer_key: Box<[u8]>,
    pub(crate) signer_validity: Validity,
    /// Why the signer may not answer for the issuer (RFC 6960 section 4.2.2.2).
    pub(crate) not_authorized: Option<&'static str>,
}

impl ResponseContext {
    /// `signer` signs answers about certificates of `issuer`: the CA itself, or a responder that it certified.
    #[must_use]
    pub fn new(signer: &Certificate, issuer: &Certificate) -> Self {
        Self {
            issuer: IssuerIds::of(issuer),
            signer_name: signer.subject().der().into(),
            signer_key: IssuerIds::of(signer).key_hash(HashAlgorithm::Sha1).into(),
            signer_validity: signer.validity(),
            not_authorized: not_authorized(signer, issuer),
        }
    }
}

fn not_authorized(signer: &Certificate, issuer: &Certificate) -> Option<&'static str> {
    if signer.spki() == issuer.spki() && signer.subject().der() == issuer.subject().der() {
        return None;
    }
    let is_issued =
        signer.issuer().der() == issuer.subject().der() && signer.verify_signed_by(issuer).is_ok();
    let has_purpose = signer
        .eku()
        .is_some_and(|purposes| purposes.contains(&Eku::OcspSigning));
    if !is_issued {
        return Some("the signer's certificate was not issued by the CA itself");
    }
    if !has_purpose || signer.is_ca() {
        return Some("the signer's certificate is not one for OCSPSigning");
    }
    None
}

/// The DER of a ResponseData, which [`lint_response`] has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseData(Vec<u8>);

impl ResponseData {
    /// The DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// The DER, to be given away.
    #[must_use]
    pub fn into_der(self) -> Vec<u8> {
        self.0
    }
}

/// Judges a ResponseData that is about to be signed.
///
/// # Errors
/// [`Refused`], if any lint of severity [`Error`](crate::Severity::Error) found something.
pub fn lint_response(tbs: Vec<u8>, context: &ResponseContext) -> Result<Linted<ResponseData>, Refused> {
    let findings = check_response(&tbs, Some(context));
    Linted::unless_refused(ResponseData(tbs), findings)
}

/// Judges the DER of a ResponseData from anywhere. Without a context, what must agree with the signer is not judged.
#[must_use]
pub fn check_response(tbs: &[u8], context: Option<&ResponseContext>) -> Vec<Finding> {
    let response = Response::decode(tbs);
    // CertIDs are repeated octet for octet; parameters of a hash that is not known here are whatever the client wrote.
    let passed_over: Vec<&[u8]> = match &response {
        Ok(response) => response.foreign_parameters().collect(),
        Err(_) => Vec::new(),
    };
    let mut form = Form::but(tbs, &passed_over);
    if let Ok(response) = &response {
        let lists = response.extension_lists();
        form.enter(
            tbs,
            lists.flat_map(|(_, list)| list).map(|extension| extension.value),
        );
    }
    ResponseCase {
        form: &form,
        response: response.as_ref().map_err(|broken| *broken),
        context,
    }
    .findings()
}
