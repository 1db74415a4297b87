//! Tells the structures that a CA signs apart, by their shape alone.
//!
//! The key manager binds keys to purposes: a key for OCSP must never sign what someone could use as a certificate.
//! So a structure is recognized only if all of its fields are where they must be, and no octets are accepted
//! as two kinds. The contents of names, extensions and keys are not judged here.

use crate::asn1::{DerError, Reader, bit_octets, integer, tag, unsigned};
use crate::name::DistinguishedName;

/// What a signature is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignedStructure {
    /// TBSCertificate (RFC 5280 section 4.1).
    Certificate,
    /// TBSCertList (RFC 5280 section 5.1).
    Crl,
    /// CertificationRequestInfo (RFC 2986 section 4.1).
    CertificateRequest,
    /// ResponseData of a BasicOCSPResponse (RFC 6960 section 4.2.1).
    OcspResponse,
}

type Shape = fn(Reader<'_>) -> Result<(), DerError>;

const SHAPES: [(SignedStructure, Shape); 4] = [
    (SignedStructure::Certificate, certificate),
    (SignedStructure::Crl, crl),
    (SignedStructure::CertificateRequest, request),
    (SignedStructure::OcspResponse, ocsp_response),
];

const WRONG: DerError = DerError::Value("structure");

/// The kind of a structure to be signed, in DER; `None` for anything else.
#[must_use]
pub fn classify(tbs_der: &[u8]) -> Option<SignedStructure> {
    let fields = Reader::within(tbs_der, tag::SEQUENCE).ok()?;
    let mut fitting = SHAPES.iter().filter(|(_, shape)| shape(fields.clone()).is_ok());
    match (fitting.next(), fitting.next()) {
        (Some((kind, _)), None) => Some(*kind),
        _ => None,
    }
}

fn certificate(mut fields: Reader<'_>) -> Result<(), DerError> {
    if let Some(version) = fields.optional(tag::context_constructed(0))? {
        // v1 is the default and so never encoded.
        if !matches!(unsigned(Reader::single(version, tag::INTEGER)?)?, 1 | 2) {
            return Err(WRONG);
        }
    }
    integer(fields.expect(tag::INTEGER)?)?;
    algorithm(&mut fields)?;
    name(&mut fields)?;
    let mut validity = fields.enter(tag::SEQUENCE)?;
    time(&mut validity)?;
    time(&mut validity)?;
    validity.finish()?;
    name(&mut fields)?;
    public_key(&mut fields)?;
    fields.optional(tag::context(1))?;
    fields.optional(tag::context(2))?;
    if let Some(extensions) = fields.optional(tag::context_constructed(3))? {
        all(Reader::within(extensions, tag::SEQUENCE)?, extension)?;
    }
    fields.finish()
}

fn crl(mut fields: Reader<'_>) -> Result<(), DerError> {
    if let Some(version) = fields.optional(tag::INTEGER)?
        && unsigned(version)? != 1
    {
        return Err(WRONG);
    }
    algorithm(&mut fields)?;
    name(&mut fields)?;
    time(&mut fields)?;
    if matches!(fields.peek(), Some(tag::UTC_TIME | tag::GENERALIZED_TIME)) {
        time(&mut fields)?;
    }
    if let Some(revoked) = fields.optional(tag::SEQUENCE)? {
        all(Reader::new(revoked), |entry| {
            integer(entry.expect(tag::INTEGER)?)?;
            time(entry)?;
            match entry.optional(tag::SEQUENCE)? {
                Some(extensions) => all(Reader::new(extensions), extension),
                None => Ok(()),
            }
        })?;
    }
    if let Some(extensions) = fields.optional(tag::context_constructed(0))? {
        all(Reader::within(extensions, tag::SEQUENCE)?, extension)?;
    }
    fields.finish()
}

fn request(mut fields: Reader<'_>) -> Result<(), DerError> {
    if unsigned(fields.expect(tag::INTEGER)?)? != 0 {
        return Err(WRONG);
    }
    name(&mut fields)?;
    public_key(&mut fields)?;
    if let Some(attributes) = fields.optional(tag::context_constructed(0))?
        && !attributes.is_empty()
    {
        all(Reader::new(attributes), |attribute| {
            attribute.oid()?;
            attribute.expect(tag::SET).map(|_| ())
        })?;
    }
    fields.finish()
}

fn ocsp_response(mut fields: Reader<'_>) -> Result<(), DerError> {
    let responder = fields.any()?;
    let mut id = Reader::new(responder.content);
    match responder.tag {
        by_name if by_name == tag::context_constructed(1) => name(&mut id)?,
        by_key if by_key == tag::context_constructed(2) => {
            id.expect(tag::OCTET_STRING)?;
        }
        _ => return Err(WRONG),
    }
    id.finish()?;
    fields.expect(tag::GENERALIZED_TIME)?;
    all(fields.enter(tag::SEQUENCE)?, single_response)?;
    if let Some(extensions) = fields.optional(tag::context_constructed(1))? {
        all(Reader::within(extensions, tag::SEQUENCE)?, extension)?;
    }
    fields.finish()
}

fn single_response(response: &mut Reader<'_>) -> Result<(), DerError> {
    let mut id = response.enter(tag::SEQUENCE)?;
    algorithm(&mut id)?;
    id.expect(tag::OCTET_STRING)?;
    id.expect(tag::OCTET_STRING)?;
    integer(id.expect(tag::INTEGER)?)?;
    id.finish()?;
    let status = response.any()?.tag;
    if ![tag::context(0), tag::context_constructed(1), tag::context(2)].contains(&status) {
        return Err(WRONG);
    }
    response.expect(tag::GENERALIZED_TIME)?;
    response.optional(tag::context_constructed(0))?;
    if let Some(extensions) = response.optional(tag::context_constructed(1))? {
        all(Reader::within(extensions, tag::SEQUENCE)?, extension)?;
    }
    Ok(())
}

/// One or more SEQUENCEs, each read to its end by `element`.
fn all(
    mut list: Reader<'_>,
    element: impl Fn(&mut Reader<'_>) -> Result<(), DerError>,
) -> Result<(), DerError> {
    loop {
        let mut fields = list.enter(tag::SEQUENCE)?;
        element(&mut fields)?;
        fields.finish()?;
        if list.is_empty() {
            return Ok(());
        }
    }
}

fn algorithm(fields: &mut Reader<'_>) -> Result<(), DerError> {
    let mut identifier = fields.enter(tag::SEQUENCE)?;
    identifier.oid()?;
    if !identifier.is_empty() {
        identifier.any()?;
    }
    identifier.finish()
}

fn name(fields: &mut Reader<'_>) -> Result<(), DerError> {
    DistinguishedName::from_der(fields.any()?.whole)
        .map(|_| ())
        .map_err(|_| WRONG)
}

fn public_key(fields: &mut Reader<'_>) -> Result<(), DerError> {
    let mut key = fields.enter(tag::SEQUENCE)?;
    algorithm(&mut key)?;
    bit_octets(key.expect(tag::BIT_STRING)?)?;
    key.finish()
}

fn time(fields: &mut Reader<'_>) -> Result<(), DerError> {
    match fields.any()?.tag {
        tag::UTC_TIME | tag::GENERALIZED_TIME => Ok(()),
        _ => Err(WRONG),
    }
}

fn extension(fields: &mut Reader<'_>) -> Result<(), DerError> {
    fields.oid()?;
    fields.optional(tag::BOOLEAN)?;
    fields.expect(tag::OCTET_STRING).map(|_| ())
}

#[cfg(test)]
mod tests;
