//! Reading the fields of a TBSCertificate (RFC 5280 section 4.1.2).

use super::CertificateError;
use crate::asn1::{DerError, Reader, bit_string, tag};
use crate::extension::Extension;
use crate::tbs::read_extensions;
use crate::validity::Validity;
use crate::{DistinguishedName, ReceivedSerial};

/// Fields of a TBSCertificate.
pub(super) struct Fields<'a> {
    pub(super) version: u8,
    pub(super) serial: ReceivedSerial,
    pub(super) algorithm: &'a [u8],
    pub(super) issuer: DistinguishedName,
    pub(super) validity: Validity,
    pub(super) subject: DistinguishedName,
    pub(super) spki: &'a [u8],
    pub(super) extensions: Vec<Extension>,
}

impl<'a> Fields<'a> {
    pub(super) fn read(tbs: &'a [u8]) -> Result<Self, CertificateError> {
        let within = |part| move |source| CertificateError::Der { part, source };
        let mut fields = Reader::within(tbs, tag::SEQUENCE).map_err(within("tbsCertificate"))?;
        let version = fields
            .optional(tag::context_constructed(0))
            .and_then(|explicit| explicit.map_or(Ok(1), read_version))
            .map_err(within("version"))?;
        let serial = fields
            .expect(tag::INTEGER)
            .and_then(ReceivedSerial::read)
            .map_err(within("serialNumber"))?;
        let algorithm = fields.any().map_err(within("signature"))?;
        let issuer = fields.any().map_err(within("issuer"))?;
        let validity = Validity::read(&mut fields).map_err(within("validity"))?;
        let subject = fields.any().map_err(within("subject"))?;
        let spki = fields.any().map_err(within("subjectPublicKeyInfo"))?;
        check_spki(spki.whole).map_err(within("subjectPublicKeyInfo"))?;
        for unique_identifier in [tag::context(1), tag::context(2)] {
            fields
                .optional(unique_identifier)
                .map_err(within("unique identifiers"))?;
        }
        let extensions = fields
            .optional(tag::context_constructed(3))
            .map_err(within("extensions"))?;
        fields.finish().map_err(within("tbsCertificate"))?;
        let extensions = match extensions {
            None => Vec::new(),
            Some(_) if version != 3 => return Err(CertificateError::ExtensionsOfOldVersion),
            Some(list) => read_extensions(list)
                .map_err(within("extensions"))?
                .map_err(CertificateError::RepeatedExtension)?,
        };
        let name = |part, der| {
            DistinguishedName::from_der(der).map_err(|source| CertificateError::Name { part, source })
        };
        Ok(Self {
            version,
            serial,
            algorithm: algorithm.whole,
            issuer: name("issuer", issuer.whole)?,
            validity,
            subject: name("subject", subject.whole)?,
            spki: spki.whole,
            extensions,
        })
    }
}

fn read_version(explicit: &[u8]) -> Result<u8, DerError> {
    match Reader::single(explicit, tag::INTEGER)? {
        [version @ 0..=2] => Ok(version + 1),
        _ => Err(DerError::Value("version")),
    }
}

/// The frame of a SubjectPublicKeyInfo: an algorithm and a bit string.
fn check_spki(spki: &[u8]) -> Result<(), DerError> {
    let mut fields = Reader::within(spki, tag::SEQUENCE)?;
    fields.enter(tag::SEQUENCE)?.oid()?;
    bit_string(fields.expect(tag::BIT_STRING)?)?;
    fields.finish()
}
