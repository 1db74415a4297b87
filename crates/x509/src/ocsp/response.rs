//! Responses as others made them (RFC 6960 section 4.2): read once, verified over the octets that were received.

mod describe;
mod error;
mod verify;

use std::fmt;
use std::ops::Range;

use time::OffsetDateTime;

use super::{CertId, CertStatus, ErrorStatus, Nonce, ResponderId};
use crate::asn1::{DerError, Reader, bit_octets, tag, unsigned};
use crate::certificate::range_in;
use crate::crl::read_reason;
use crate::extension::{Extension, oids};
use crate::tbs::read_extensions;
use crate::validity::read_generalized_time;
use crate::{Certificate, artifact};
pub use error::ResponseError;
pub use verify::{Expected, Verified};

/// A successful response of the type id-pkix-ocsp-basic, as received. That it can be parsed says nothing about who made it: see
/// [`verify`](Self::verify).
#[derive(Clone)]
pub struct OcspResponse {
    der: Box<[u8]>,
    tbs: Range<usize>,
    algorithm: Range<usize>,
    signature: Range<usize>,
    responder: ResponderId,
    produced_at: OffsetDateTime,
    responses: Vec<SingleResponse>,
    extensions: Vec<Extension>,
    nonce: Option<Nonce>,
    certificates: Vec<Certificate>,
}

/// What a response says of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleResponse {
    /// The certificate.
    pub cert_id: CertId,
    /// Its status.
    pub status: CertStatus,
    /// The moment that the status is of.
    pub this_update: OffsetDateTime,
    /// When there will be newer information at the latest.
    pub next_update: Option<OffsetDateTime>,
    /// Its extensions, such as the archive cutoff.
    pub extensions: Vec<Extension>,
}

impl OcspResponse {
    /// Most octets of a response. Those with one answer and a certificate have about two thousand.
    pub const MAX_LEN: usize = 256 * 1024;
    /// Most certificates in a response, each of which could be that of the responder.
    pub const MAX_CERTIFICATES: usize = 10;

    /// Reads the DER of a response.
    ///
    /// # Errors
    /// [`ResponseError::Refused`] if the responder answered with an error; others say which part is not what it must be.
    pub fn from_der(der: &[u8]) -> Result<Self, ResponseError> {
        if der.len() > Self::MAX_LEN {
            return Err(ResponseError::TooLong(der.len()));
        }
        Self::read(der).map_err(|error| match artifact::of(der) {
            Some(other) if other != artifact::OCSP_RESPONSE => ResponseError::NotAResponse(other),
            _ => error,
        })
    }

    fn read(der: &[u8]) -> Result<Self, ResponseError> {
        let within = |part| move |source| ResponseError::Der { part, source };
        let basic = read_envelope(der)?;
        let mut parts = Reader::within(basic, tag::SEQUENCE).map_err(within("BasicOCSPResponse"))?;
        let tbs = parts.any().map_err(within("tbsResponseData"))?;
        let algorithm = parts.any().map_err(within("signatureAlgorithm"))?;
        let signature = parts.expect(tag::BIT_STRING).and_then(bit_octets);
        let signature = signature.map_err(within("signature"))?;
        let certificates = parts
            .optional(tag::context_constructed(0))
            .map_err(within("certs"))?;
        parts.finish().map_err(within("BasicOCSPResponse"))?;
        let mut fields = tbs
            .expect(tag::SEQUENCE)
            .map(Reader::new)
            .map_err(within("tbsResponseData"))?;
        read_version(&mut fields).map_err(within("version"))?;
        let responder = ResponderId::read(&mut fields).map_err(within("responderID"))?;
        let produced_at = read_moment(&mut fields).map_err(within("producedAt"))?;
        let list = fields.enter(tag::SEQUENCE).map_err(within("responses"))?;
        let extensions = fields.optional(tag::context_constructed(1));
        let extensions = read_optional(extensions, "responseExtensions")?;
        fields.finish().map_err(within("tbsResponseData"))?;
        Ok(Self {
            tbs: range_in(der, tbs.whole),
            algorithm: range_in(der, algorithm.whole),
            signature: range_in(der, signature),
            responder,
            produced_at,
            responses: read_responses(list)?,
            nonce: Nonce::find(&extensions)?,
            extensions,
            certificates: certificates.map_or(Ok(Vec::new()), read_certificates)?,
            der: der.into(),
        })
    }

    /// The octets as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Who the response says that it is from.
    #[must_use]
    pub fn responder(&self) -> &ResponderId {
        &self.responder
    }

    /// When the response was signed.
    #[must_use]
    pub fn produced_at(&self) -> OffsetDateTime {
        self.produced_at
    }

    /// The answers in their order.
    #[must_use]
    pub fn responses(&self) -> &[SingleResponse] {
        &self.responses
    }

    /// The nonce, if the response has one.
    #[must_use]
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// Whether the responder says that it answers `revoked` for serial numbers that were never issued (RFC 6960 section 4.4.8).
    #[must_use]
    pub fn has_extended_revoke(&self) -> bool {
        self.extensions
            .iter()
            .any(|extension| extension.oid() == oids::OCSP_EXTENDED_REVOKE)
    }

    /// The extensions of the response, the nonce among them.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The certificates that came with the response.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }
}

impl SingleResponse {
    /// Up to when statuses of expired certificates are kept (RFC 6960 section 4.4.4); `None` if it is missing or malformed.
    #[must_use]
    pub fn archive_cutoff(&self) -> Option<OffsetDateTime> {
        let mut extensions = self.extensions.iter();
        let cutoff = extensions.find(|extension| extension.oid() == oids::OCSP_ARCHIVE_CUTOFF)?;
        let content = Reader::single(cutoff.value_der(), tag::GENERALIZED_TIME).ok()?;
        read_generalized_time(content).ok()
    }

    fn read(list: &mut Reader<'_>) -> Result<Self, ResponseError> {
        let within = |part| move |source| ResponseError::Der { part, source };
        let mut fields = list.enter(tag::SEQUENCE).map_err(within("responses"))?;
        let cert_id = CertId::read(&mut fields).map_err(within("certID"))?;
        let status = read_status(&mut fields).map_err(within("certStatus"))?;
        let this_update = read_moment(&mut fields).map_err(within("thisUpdate"))?;
        let next_update = fields
            .optional(tag::context_constructed(0))
            .and_then(|explicit| {
                explicit
                    .map(|time| read_moment(&mut Reader::new(time)))
                    .transpose()
            })
            .map_err(within("nextUpdate"))?;
        let extensions = fields.optional(tag::context_constructed(1));
        let extensions = read_optional(extensions, "singleExtensions")?;
        fields.finish().map_err(within("responses"))?;
        Ok(Self {
            cert_id,
            status,
            this_update,
            next_update,
            extensions,
        })
    }
}

/// The BasicOCSPResponse in a successful OCSPResponse.
fn read_envelope(der: &[u8]) -> Result<&[u8], ResponseError> {
    let within = |part| move |source| ResponseError::Der { part, source };
    let mut parts = Reader::within(der, tag::SEQUENCE).map_err(within("OCSPResponse"))?;
    let status = parts.expect(tag::ENUMERATED).map_err(within("responseStatus"))?;
    let bytes = parts
        .optional(tag::context_constructed(0))
        .map_err(within("responseBytes"))?;
    parts.finish().map_err(within("OCSPResponse"))?;
    match (status, bytes) {
        ([0], Some(bytes)) => {
            let mut fields = Reader::within(bytes, tag::SEQUENCE).map_err(within("responseBytes"))?;
            let kind = fields.oid().map_err(within("responseType"))?;
            if kind != oids::OCSP_BASIC {
                return Err(ResponseError::Type(kind.to_string()));
            }
            let response = fields.expect(tag::OCTET_STRING).map_err(within("response"))?;
            fields.finish().map_err(within("responseBytes"))?;
            Ok(response)
        }
        ([0], None) => Err(within("responseBytes")(DerError::Truncated)),
        ([code], _) => Err(ErrorStatus::from_code(*code).map_or_else(
            || within("responseStatus")(DerError::Value("OCSPResponseStatus")),
            ResponseError::Refused,
        )),
        _ => Err(within("responseStatus")(DerError::Value("OCSPResponseStatus"))),
    }
}

fn read_version(fields: &mut Reader<'_>) -> Result<(), DerError> {
    match fields.optional(tag::context_constructed(0))? {
        Some(explicit) if unsigned(Reader::single(explicit, tag::INTEGER)?)? != 0 => {
            Err(DerError::Value("version"))
        }
        _ => Ok(()),
    }
}

fn read_moment(fields: &mut Reader<'_>) -> Result<OffsetDateTime, DerError> {
    read_generalized_time(fields.expect(tag::GENERALIZED_TIME)?)
}

fn read_responses(mut list: Reader<'_>) -> Result<Vec<SingleResponse>, ResponseError> {
    let mut responses = Vec::with_capacity(1);
    while !list.is_empty() {
        responses.push(SingleResponse::read(&mut list)?);
    }
    Ok(responses)
}

fn read_status(fields: &mut Reader<'_>) -> Result<CertStatus, DerError> {
    let status = fields.any()?;
    match status.tag {
        good if good == tag::context(0) && status.content.is_empty() => Ok(CertStatus::Good),
        unknown if unknown == tag::context(2) && status.content.is_empty() => Ok(CertStatus::Unknown),
        revoked if revoked == tag::context_constructed(1) => {
            let mut info = Reader::new(status.content);
            let time = read_moment(&mut info)?;
            let reason = info.optional(tag::context_constructed(0))?;
            info.finish()?;
            Ok(CertStatus::Revoked {
                time,
                reason: reason.map(read_reason).transpose()?,
            })
        }
        _ => Err(DerError::Value("CertStatus")),
    }
}

/// Extensions in their explicit tag, if they are there.
fn read_optional(
    extensions: Result<Option<&[u8]>, DerError>,
    part: &'static str,
) -> Result<Vec<Extension>, ResponseError> {
    let within = |source| ResponseError::Der { part, source };
    let Some(list) = extensions.map_err(within)? else {
        return Ok(Vec::new());
    };
    read_extensions(list)
        .map_err(within)?
        .map_err(ResponseError::RepeatedExtension)
}

fn read_certificates(explicit: &[u8]) -> Result<Vec<Certificate>, ResponseError> {
    let within = |source| ResponseError::Der {
        part: "certs",
        source,
    };
    let mut list = Reader::within(explicit, tag::SEQUENCE).map_err(within)?;
    let mut certificates = Vec::new();
    while !list.is_empty() {
        if certificates.len() == OcspResponse::MAX_CERTIFICATES {
            return Err(ResponseError::TooManyCertificates);
        }
        certificates.push(Certificate::from_der(list.any().map_err(within)?.whole)?);
    }
    Ok(certificates)
}

impl fmt::Debug for OcspResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.responses.len();
        write!(f, "OcspResponse({}, {count} answers)", self.responder)
    }
}
