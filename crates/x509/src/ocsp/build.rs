//! Responses as a responder makes them: what is signed, and putting the signature to it (RFC 6960 section 4.2.1).

use time::OffsetDateTime;
use time::macros::datetime;

use super::{CertId, Nonce, ResponderId};
use crate::asn1::{Writer, tag};
use crate::crl::Reason;
use crate::extension::{Extension, oids};
use crate::kind::{SignedStructure, classify};
use crate::tbs::{BuildError, identifier, write_extensions};
use crate::validity::EncodedTime;
use crate::{Certificate, SignatureAlgorithm};

/// What a response says of one certificate (RFC 6960 section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertStatus {
    /// Not revoked. Say it only of serial numbers that were issued.
    Good,
    /// Revoked, or on hold.
    Revoked {
        /// Since when.
        time: OffsetDateTime,
        /// Why. `None` and [`Reason::Unspecified`] are both written as no reason.
        reason: Option<Reason>,
    },
    /// The responder does not know the certificate.
    Unknown,
}

impl CertStatus {
    /// The status `revoked` of a serial number that was never issued (RFC 6960 section 2.2): certificateHold since 1970.
    pub const NEVER_ISSUED: Self = Self::Revoked {
        time: datetime!(1970-01-01 00:00 UTC),
        reason: Some(Reason::CertificateHold),
    };
}

/// All that a response says, ready to be encoded. Times are written as GeneralizedTime in whole seconds.
#[derive(Clone, Debug)]
pub struct ResponseDataSpec {
    /// Who signs.
    pub responder: ResponderId,
    /// When it is signed.
    pub produced_at: OffsetDateTime,
    /// The answers, in the order of the request. At least one.
    pub responses: Vec<SingleResponseSpec>,
    /// The nonce of the request.
    pub nonce: Option<Nonce>,
    /// Whether to say that serial numbers that were never issued are answered with `revoked` (RFC 6960 section 4.4.8). It is said
    /// in any case where one of the answers is [`CertStatus::NEVER_ISSUED`].
    pub extended_revoke: bool,
}

/// The answer for one certificate.
#[derive(Clone, Debug)]
pub struct SingleResponseSpec {
    /// The certificate, as the request names it: it is repeated octet for octet.
    pub cert_id: CertId,
    /// Its status.
    pub status: CertStatus,
    /// The moment that the status is of.
    pub this_update: OffsetDateTime,
    /// When there will be newer information at the latest. Never left out: clients of RFC 9919 refuse answers without it.
    pub next_update: OffsetDateTime,
    /// Up to when statuses of expired certificates are kept: the time of this response less the retention (RFC 6960 section
    /// 4.4.4).
    pub archive_cutoff: Option<OffsetDateTime>,
}

impl ResponseDataSpec {
    /// The DER of the ResponseData.
    ///
    /// # Errors
    /// [`BuildError`] without an answer, for times that cannot be encoded or are in the wrong order, and for removeFromCRL, which
    /// only delta CRLs may have.
    pub fn to_tbs(&self) -> Result<Vec<u8>, BuildError> {
        if self.responses.is_empty() {
            return Err(BuildError::NoResponse);
        }
        let mut responses = Writer::with_capacity(self.responses.len() * 160);
        for response in &self.responses {
            response.write(&mut responses)?;
        }
        let responses = responses.into_vec();
        let produced_at = EncodedTime::generalized(self.produced_at)?;
        let extensions = self.extensions();
        let mut out = Writer::with_capacity(responses.len() + 256);
        out.sequence(|out| {
            self.responder.write(out);
            produced_at.write(out);
            out.sequence(|list| list.raw(&responses));
            write_extensions(out, tag::context_constructed(1), &extensions);
        });
        Ok(out.into_vec())
    }

    fn extensions(&self) -> Vec<Extension> {
        let mut responses = self.responses.iter();
        let extended_revoke =
            self.extended_revoke || responses.any(|single| single.status == CertStatus::NEVER_ISSUED);
        let mut extensions: Vec<Extension> = self.nonce.iter().map(Nonce::to_extension).collect();
        if extended_revoke {
            let null = Writer::primitive_of(tag::NULL, &[]);
            extensions.push(Extension::other(oids::OCSP_EXTENDED_REVOKE, false, null));
        }
        extensions
    }
}

impl SingleResponseSpec {
    fn write(&self, out: &mut Writer) -> Result<(), BuildError> {
        if self.next_update <= self.this_update {
            return Err(BuildError::UpdateOrder {
                this_update: self.this_update,
                next_update: self.next_update,
            });
        }
        let this_update = EncodedTime::generalized(self.this_update)?;
        let next_update = EncodedTime::generalized(self.next_update)?;
        let cutoff = self.archive_cutoff.map(EncodedTime::generalized).transpose()?;
        let extensions: Vec<Extension> = cutoff
            .map(|cutoff| {
                let mut value = Writer::default();
                cutoff.write(&mut value);
                Extension::other(oids::OCSP_ARCHIVE_CUTOFF, false, value.into_vec())
            })
            .into_iter()
            .collect();
        let status = self.status.to_der()?;
        out.sequence(|out| {
            out.raw(self.cert_id.der());
            out.raw(&status);
            this_update.write(out);
            out.constructed(tag::context_constructed(0), |out| next_update.write(out));
            write_extensions(out, tag::context_constructed(1), &extensions);
        });
        Ok(())
    }
}

impl CertStatus {
    fn to_der(self) -> Result<Vec<u8>, BuildError> {
        let (time, reason) = match self {
            Self::Good => return Ok(vec![tag::context(0), 0]),
            Self::Unknown => return Ok(vec![tag::context(2), 0]),
            Self::Revoked { time, reason } => (time, reason),
        };
        if reason == Some(Reason::RemoveFromCrl) {
            return Err(BuildError::RemoveFromCrlInResponse);
        }
        let time = EncodedTime::generalized(time)?;
        Ok(Writer::one(tag::context_constructed(1), |out| {
            time.write(out);
            if let Some(reason) = reason.filter(|reason| *reason != Reason::Unspecified) {
                out.constructed(tag::context_constructed(0), |out| {
                    out.primitive(tag::ENUMERATED, &[reason.code()]);
                });
            }
        }))
    }
}

/// Closes a response: ResponseData, algorithm, signature (for ECDSA the DER of r and s), and the certificates that a client needs to
/// verify it: that of a delegated responder; none where the CA signs itself. The status is `successful`.
///
/// # Errors
/// [`BuildError::NotResponseData`] if the octets are not those of a ResponseData.
pub fn assemble_response(
    tbs: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
    certificates: &[Certificate],
) -> Result<Vec<u8>, BuildError> {
    if classify(tbs) != Some(SignedStructure::OcspResponse) {
        return Err(BuildError::NotResponseData);
    }
    let algorithm = identifier(algorithm)?;
    let length: usize = certificates
        .iter()
        .map(|certificate| certificate.der().len())
        .sum();
    let mut out = Writer::with_capacity(tbs.len() + signature.len() + length + 128);
    out.sequence(|out| {
        out.primitive(tag::ENUMERATED, &[0]);
        out.constructed(tag::context_constructed(0), |explicit| {
            explicit.sequence(|bytes| {
                bytes.oid(&oids::OCSP_BASIC);
                bytes.constructed(tag::OCTET_STRING, |response| {
                    response.sequence(|basic| {
                        basic.raw(tbs);
                        basic.raw(&algorithm);
                        basic.bit_octets(signature);
                        write_certificates(basic, certificates);
                    });
                });
            });
        });
    });
    Ok(out.into_vec())
}

fn write_certificates(out: &mut Writer, certificates: &[Certificate]) {
    if !certificates.is_empty() {
        out.constructed(tag::context_constructed(0), |explicit| {
            explicit.sequence(|list| {
                certificates
                    .iter()
                    .for_each(|certificate| list.raw(certificate.der()));
            });
        });
    }
}
