//! What a relying party checks before it believes a response (RFC 6960 section 3.2, RFC 9919 section 5).

use time::{Duration, OffsetDateTime};

use super::{OcspResponse, ResponseError, SingleResponse};
use crate::extension::{Extension, KeyUsageFlags, oids};
use crate::ocsp::{CertStatus, IssuerIds, Nonce};
use crate::signature::Identified;
use crate::{Certificate, Eku, PublicKey, ReceivedSerial};

/// What a relying party asked, and when.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The CA that issued the certificate. It is trusted here: its own path and validity are not looked at.
    pub issuer: &'a Certificate,
    /// Serial number of the certificate that was asked for.
    pub serial: &'a ReceivedSerial,
    /// The time of the check.
    pub now: OffsetDateTime,
    /// How far the clocks of responder and relying party may be apart, zero or more.
    pub tolerance: Duration,
    /// The nonce that was sent.
    pub nonce: Option<&'a Nonce>,
}

/// An answer that was verified.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    /// The answer.
    pub single: &'a SingleResponse,
    /// The certificate of the delegated responder that signed; `None` if the CA did.
    pub delegate: Option<&'a Certificate>,
    /// Whether the delegate has id-pkix-ocsp-nocheck: its own status is not to be asked for (RFC 6960 section 4.2.2.2.1). `true`
    /// if there is no delegate.
    pub no_check: bool,
    /// Whether the response repeats the nonce. One that was sent and is missing is not an error (RFC 9919 section 5); another one
    /// is.
    pub nonce_repeated: bool,
    /// Whether the status, written as revoked, says that the CA never issued the certificate (RFC 6960 section 4.4.8).
    pub never_issued: bool,
}

impl OcspResponse {
    /// Verifies that this response answers for the certificate: signed by the CA or by a responder that the CA authorized,
    /// in date, with the nonce that was sent or none. A delegate has to be issued directly by the CA, with the purpose
    /// OCSPSigning and, where it has key usages, digitalSignature, and be valid now. That it is not revoked is not looked at.
    ///
    /// # Errors
    /// [`ResponseError`] names the first reason.
    pub fn verify<'a>(&'a self, expected: &Expected<'_>) -> Result<Verified<'a>, ResponseError> {
        let single = self.answer_for(expected)?;
        let all = self.extensions.iter().chain(&single.extensions);
        if let Some(strange) = all.into_iter().find(|extension| is_strange(extension)) {
            return Err(ResponseError::CriticalExtension(strange.name()));
        }
        let delegate = self.verify_signer(expected)?;
        check_period(single, expected)?;
        let nonce_repeated = match (expected.nonce, &self.nonce) {
            (Some(sent), Some(received)) if sent != received => return Err(ResponseError::OtherNonce),
            (Some(_), Some(_)) => true,
            _ => false,
        };
        Ok(Verified {
            single,
            delegate,
            no_check: delegate.is_none_or(|delegate| delegate.extension(oids::OCSP_NO_CHECK).is_some()),
            nonce_repeated,
            never_issued: single.status == CertStatus::NEVER_ISSUED && self.has_extended_revoke(),
        })
    }

    /// The answer for this certificate, whatever hash names it: a responder may answer by both (RFC 9919 section 3.2.1). Where the two
    /// differ, the one that says revoked.
    fn answer_for(&self, expected: &Expected<'_>) -> Result<&SingleResponse, ResponseError> {
        let ids = IssuerIds::of(expected.issuer);
        let is_asked = |single: &&SingleResponse| {
            single.cert_id.serial() == expected.serial && ids.matches(&single.cert_id)
        };
        let mut answers = self.responses.iter().filter(is_asked);
        let is_revoked = |single: &&SingleResponse| matches!(single.status, CertStatus::Revoked { .. });
        let revoked = answers.clone().find(is_revoked);
        revoked
            .or_else(|| answers.next())
            .ok_or_else(|| ResponseError::NoAnswer(expected.serial.clone()))
    }

    /// Finds who signed among the CA and the certificates in the response; `None` is the CA.
    fn verify_signer(&self, expected: &Expected<'_>) -> Result<Option<&Certificate>, ResponseError> {
        let mut refusal = None;
        if self.responder.matches(expected.issuer) {
            match self.verify_with(expected.issuer.public_key()?) {
                Ok(()) => return Ok(None),
                Err(error) => refusal = Some(error),
            }
        }
        let named = self.certificates.iter();
        for delegate in named.filter(|certificate| self.responder.matches(certificate)) {
            let verdict =
                check_delegate(delegate, expected).and_then(|()| self.verify_with(delegate.public_key()?));
            match verdict {
                Ok(()) => return Ok(Some(delegate)),
                Err(error) => refusal = Some(error),
            }
        }
        Err(refusal.unwrap_or_else(|| ResponseError::UnknownResponder(self.responder.to_string())))
    }

    fn verify_with(&self, key: &PublicKey) -> Result<(), ResponseError> {
        let algorithm = Identified::from_der(self.part(&self.algorithm))?;
        Ok(algorithm.verify(key, self.part(&self.tbs), self.part(&self.signature))?)
    }
}

/// Critical, and nothing that is known here.
fn is_strange(extension: &Extension) -> bool {
    const KNOWN: [crate::Oid; 3] = [
        oids::OCSP_NONCE,
        oids::OCSP_EXTENDED_REVOKE,
        oids::OCSP_ARCHIVE_CUTOFF,
    ];
    extension.critical() && !KNOWN.contains(&extension.oid())
}

fn check_delegate(delegate: &Certificate, expected: &Expected<'_>) -> Result<(), ResponseError> {
    let responder = || delegate.subject().to_string();
    let not_authorized = |problem| ResponseError::NotAuthorized {
        responder: responder(),
        problem,
    };
    // anyExtendedKeyUsage does not authorize: the purpose has to be named.
    if !delegate.eku().unwrap_or_default().contains(&Eku::OcspSigning) {
        return Err(not_authorized("extKeyUsage OCSPSigning is missing"));
    }
    if delegate
        .key_usage()
        .is_some_and(|usage| !usage.contains(KeyUsageFlags::DIGITAL_SIGNATURE))
    {
        return Err(not_authorized("keyUsage digitalSignature is missing"));
    }
    if !delegate.validity().contains(expected.now) {
        return Err(ResponseError::ResponderNotValid {
            responder: responder(),
            now: expected.now,
        });
    }
    delegate
        .verify_signed_by(expected.issuer)
        .map_err(|source| ResponseError::NotIssued {
            responder: responder(),
            source,
        })
}

/// Both ends are inclusive, and widened by the tolerance.
fn check_period(single: &SingleResponse, expected: &Expected<'_>) -> Result<(), ResponseError> {
    let Expected { now, tolerance, .. } = *expected;
    if single.this_update > now.saturating_add(tolerance) {
        return Err(ResponseError::NotYetValid {
            this_update: single.this_update,
            now,
        });
    }
    match single.next_update {
        None => Err(ResponseError::NoNextUpdate),
        Some(next_update) if next_update < now.saturating_sub(tolerance) => {
            Err(ResponseError::Stale { next_update, now })
        }
        Some(_) => Ok(()),
    }
}
