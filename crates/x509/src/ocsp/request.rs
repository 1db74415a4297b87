//! Requests (RFC 6960 section 4.1): read from anyone, made for clients.

mod error;
mod get;

use super::{CertId, Nonce};
use crate::Extension;
use crate::asn1::{DerError, Reader, Writer, bit_string, tag, unsigned};
use crate::extension::oids;
use crate::tbs::{read_extensions, write_extensions};
pub use error::RequestError;

/// A request as received. Its existence shows that the structure is right; whether its certificates are of anyone's CA is not
/// looked at.
///
/// Read and passed over: the name and the signature of the requestor, which only have to have their structure (nothing is
/// verified: answers do not depend on who asks, RFC 9919 section 3.1.2), and extensions that are not critical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest {
    der: Box<[u8]>,
    cert_ids: Vec<CertId>,
    nonce: Option<Nonce>,
    signed: bool,
}

impl OcspRequest {
    /// Most certificates in one request. Clients ask for one (RFC 9919 section 3.1.1) or for a chain. More would let a small
    /// request cause much work: each needs an answer of its own.
    pub const MAX_CERT_IDS: usize = 100;

    /// Reads the DER of a request. How long it may be is for the caller to bound: the work is linear in the length.
    ///
    /// # Errors
    /// [`RequestError`], whose [`status`](RequestError::status) is what to answer.
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        let within = |part| move |source| RequestError::Der { part, source };
        let mut parts = Reader::within(der, tag::SEQUENCE).map_err(within("OCSPRequest"))?;
        let mut fields = parts.enter(tag::SEQUENCE).map_err(within("tbsRequest"))?;
        let signature = parts
            .optional(tag::context_constructed(0))
            .map_err(within("optionalSignature"))?;
        parts.finish().map_err(within("OCSPRequest"))?;
        signature
            .map_or(Ok(()), check_signature)
            .map_err(within("optionalSignature"))?;
        read_version(&mut fields)?;
        fields
            .optional(tag::context_constructed(1))
            .and_then(|name| name.map_or(Ok(()), check_name))
            .map_err(within("requestorName"))?;
        let list = fields.enter(tag::SEQUENCE).map_err(within("requestList"))?;
        let extensions = fields
            .optional(tag::context_constructed(2))
            .map_err(within("requestExtensions"))?;
        fields.finish().map_err(within("tbsRequest"))?;
        let cert_ids = read_list(list)?;
        let extensions = extensions
            .map(|list| read_understood(list, "requestExtensions", of_request))
            .transpose()?
            .unwrap_or_default();
        Ok(Self {
            der: der.into(),
            cert_ids,
            nonce: Nonce::find(&extensions)?,
            signed: signature.is_some(),
        })
    }

    /// The request of a client for these certificates, unsigned. A nonce makes every answer a signature of its own: leave it out
    /// unless the answer must be of this moment.
    ///
    /// # Errors
    /// [`RequestError::NoCertId`] and [`RequestError::TooManyCertIds`].
    pub fn build(cert_ids: Vec<CertId>, nonce: Option<Nonce>) -> Result<Self, RequestError> {
        check_count(cert_ids.len())?;
        let extensions: Vec<Extension> = nonce.iter().map(Nonce::to_extension).collect();
        let der = Writer::one(tag::SEQUENCE, |out| {
            out.sequence(|tbs| {
                tbs.sequence(|list| {
                    for id in &cert_ids {
                        list.sequence(|request| request.raw(id.der()));
                    }
                });
                write_extensions(tbs, tag::context_constructed(2), &extensions);
            });
        });
        Ok(Self {
            der: der.into(),
            cert_ids,
            nonce,
            signed: false,
        })
    }

    /// The DER of the request.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificates asked for, in their order: 1 to [`Self::MAX_CERT_IDS`]. One may appear more than once.
    #[must_use]
    pub fn cert_ids(&self) -> &[CertId] {
        &self.cert_ids
    }

    /// The nonce that the response has to repeat.
    #[must_use]
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// Whether a signature is there. It was not verified.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.signed
    }
}

/// Version 1 is the INTEGER 0 and the default. That some clients write the default is passed over.
fn read_version(fields: &mut Reader<'_>) -> Result<(), RequestError> {
    let read = |fields: &mut Reader<'_>| {
        let explicit = fields.optional(tag::context_constructed(0))?;
        explicit
            .map(|explicit| unsigned(Reader::single(explicit, tag::INTEGER)?))
            .transpose()
    };
    match read(fields) {
        Ok(None | Some(0)) => Ok(()),
        Ok(Some(number)) => Err(RequestError::Version(number.saturating_add(1))),
        Err(source) => Err(RequestError::Der {
            part: "version",
            source,
        }),
    }
}

fn read_list(mut list: Reader<'_>) -> Result<Vec<CertId>, RequestError> {
    let within = |part| move |source| RequestError::Der { part, source };
    let mut cert_ids = Vec::with_capacity(1);
    while !list.is_empty() {
        check_count(cert_ids.len() + 1)?;
        let mut fields = list.enter(tag::SEQUENCE).map_err(within("requestList"))?;
        cert_ids.push(CertId::read(&mut fields).map_err(within("reqCert"))?);
        let extensions = fields
            .optional(tag::context_constructed(0))
            .map_err(within("singleRequestExtensions"))?;
        fields.finish().map_err(within("requestList"))?;
        if let Some(extensions) = extensions {
            read_understood(extensions, "singleRequestExtensions", |_| false)?;
        }
    }
    check_count(cert_ids.len())?;
    Ok(cert_ids)
}

fn check_count(count: usize) -> Result<(), RequestError> {
    match count {
        0 => Err(RequestError::NoCertId),
        1..=OcspRequest::MAX_CERT_IDS => Ok(()),
        _ => Err(RequestError::TooManyCertIds),
    }
}

/// Reads extensions, of which the critical ones must be understood (RFC 6960 section 4.4).
fn read_understood(
    list: &[u8],
    part: &'static str,
    understood: fn(&Extension) -> bool,
) -> Result<Vec<Extension>, RequestError> {
    let extensions = read_extensions(list)
        .map_err(|source| RequestError::Der { part, source })?
        .map_err(RequestError::RepeatedExtension)?;
    match extensions
        .iter()
        .find(|extension| extension.critical() && !understood(extension))
    {
        Some(strange) => Err(RequestError::CriticalExtension(strange.name())),
        None => Ok(extensions),
    }
}

/// Of a request: the nonce, and a list of accepted types of responses that has the one that is made here.
fn of_request(extension: &Extension) -> bool {
    let accepts_basic = || {
        let mut types = Reader::within(extension.value_der(), tag::SEQUENCE)?;
        while !types.is_empty() {
            if types.oid()? == oids::OCSP_BASIC {
                return Ok(true);
            }
        }
        Ok::<_, DerError>(false)
    };
    match extension.oid() {
        oids::OCSP_NONCE => true,
        oids::OCSP_RESPONSE => accepts_basic() == Ok(true),
        _ => false,
    }
}

/// A GeneralName of any kind.
fn check_name(explicit: &[u8]) -> Result<(), DerError> {
    let mut fields = Reader::new(explicit);
    fields.any()?;
    fields.finish()
}

/// The structure of a Signature: algorithm, bits, and certificates.
fn check_signature(explicit: &[u8]) -> Result<(), DerError> {
    let mut fields = Reader::within(explicit, tag::SEQUENCE)?;
    fields.enter(tag::SEQUENCE)?.oid()?;
    bit_string(fields.expect(tag::BIT_STRING)?)?;
    if let Some(explicit) = fields.optional(tag::context_constructed(0))? {
        let mut certificates = Reader::within(explicit, tag::SEQUENCE)?;
        while !certificates.is_empty() {
            certificates.expect(tag::SEQUENCE)?;
        }
    }
    fields.finish()
}
