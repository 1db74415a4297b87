//! Reading CRLs. The octets are kept; entries are checked once and decoded when they are asked for.

use std::fmt;

use time::OffsetDateTime;

use super::received::check_issuer;
use super::{CrlEntry, CrlError, CrlExtensions};
use crate::asn1::{DerError, Reader, tag};
use crate::signature::Identified;
use crate::tbs::{Signed, read_extensions};
use crate::validity::read_time;
use crate::{Certificate, CertificateError, DistinguishedName, ReceivedSerial, Serial, artifact, pem};

const PEM_LABEL: &str = "X509 CRL";
const TBS: &str = "tbsCertList";

/// A CRL as received.
#[derive(Clone)]
pub struct CertificateList {
    der: Vec<u8>,
    issuer: DistinguishedName,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    extensions: CrlExtensions,
    entries: Vec<CrlEntry<ReceivedSerial>>,
}

impl CertificateList {
    /// Parses the DER of one CRL, with all its entries. Serial numbers may be any INTEGER; lists whose
    /// time or names are malformed are refused; unknown extensions are kept.
    ///
    /// # Errors
    /// [`CrlError`] says which part is not what it must be.
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        Self::read(der).map_err(|error| match artifact::of(der) {
            Some(other) if other != artifact::CRL => CrlError::NotACrl(other),
            _ => error,
        })
    }

    fn read(der: &[u8]) -> Result<Self, CrlError> {
        let within = |part| move |source| CrlError::Der { part, source };
        let signed = Signed::read(TBS, der).map_err(|(part, source)| CrlError::Der { part, source })?;
        let mut fields = Reader::within(signed.tbs, tag::SEQUENCE).map_err(within(TBS))?;
        read_version(&mut fields).map_err(within("version"))?;
        let algorithm = fields.any().map_err(within("signature"))?;
        if algorithm.whole != signed.algorithm {
            return Err(CrlError::AlgorithmMismatch);
        }
        let issuer = DistinguishedName::from_der(fields.any().map_err(within("issuer"))?.whole)?;
        let this_update = fields.any().and_then(read_time).map_err(within("thisUpdate"))?;
        let has_next = matches!(fields.peek(), Some(tag::UTC_TIME | tag::GENERALIZED_TIME));
        let next_update = has_next.then(|| fields.any().and_then(read_time)).transpose();
        let next_update = next_update.map_err(within("nextUpdate"))?;
        let entries = read_entries(&mut fields).map_err(within("revokedCertificates"))?;
        let list = fields
            .optional(tag::context_constructed(0))
            .map_err(within("crlExtensions"))?;
        fields.finish().map_err(within("tbsCertList"))?;
        let extensions = list
            .map(read_extensions)
            .transpose()
            .map_err(within("crlExtensions"))?;
        let extensions = extensions
            .transpose()
            .map_err(CrlError::RepeatedExtension)?
            .unwrap_or_default();
        Ok(Self {
            der: der.to_vec(),
            issuer,
            this_update,
            next_update,
            extensions: CrlExtensions::new(extensions),
            entries,
        })
    }

    /// Parses the first CRL of a PEM text.
    ///
    /// # Errors
    /// If there is none, or it cannot be parsed.
    pub fn from_pem(text: &[u8]) -> Result<Self, CrlError> {
        let blocks = pem::decode(text, PEM_LABEL)?;
        Self::from_der(blocks.first().ok_or(CrlError::NoCrl)?)
    }

    /// The octets as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The CRL as PEM (RFC 7468).
    #[must_use]
    pub fn pem(&self) -> String {
        pem::encode(PEM_LABEL, &self.der)
    }

    /// Issuer name, octet for octet.
    #[must_use]
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// When the list was made.
    #[must_use]
    pub fn this_update(&self) -> OffsetDateTime {
        self.this_update
    }

    /// When the next list will be there at the latest.
    #[must_use]
    pub fn next_update(&self) -> Option<OffsetDateTime> {
        self.next_update
    }

    /// CRL number; `None` if it is missing, malformed or over 64 bits.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.extensions.number()
    }

    /// The CRL number as text, see [`CrlNumber`](super::CrlNumber).
    #[must_use]
    pub fn number_text(&self) -> Option<String> {
        self.extensions.crl_number().map(|number| number.to_string())
    }

    /// Key identifier of the issuer's key.
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        self.extensions.authority_key_identifier()
    }

    /// Extensions of the list: whether it is a delta, and of which list, which certificates it covers, where its delta is.
    #[must_use]
    pub fn extensions(&self) -> &CrlExtensions {
        &self.extensions
    }

    /// The revoked certificates in the order of the list.
    #[must_use]
    pub fn entries(&self) -> &[CrlEntry<ReceivedSerial>] {
        &self.entries
    }

    /// The entry of this certificate. Looks at every entry.
    #[must_use]
    pub fn find(&self, serial: &Serial) -> Option<&CrlEntry<ReceivedSerial>> {
        self.entries.iter().find(|entry| entry.serial == *serial)
    }

    /// Verifies that `issuer` signed this list and may: names and key identifiers meet, keyUsage allows it, the
    /// signature is right over the octets received.
    ///
    /// # Errors
    /// [`CrlError`] names the first reason.
    pub fn verify_signed_by(&self, issuer: &Certificate) -> Result<(), CrlError> {
        check_issuer(&self.issuer, self.authority_key_identifier(), issuer)?;
        let signed = Signed::read(TBS, &self.der).map_err(|(part, source)| CrlError::Der { part, source })?;
        let algorithm = Identified::from_der(signed.algorithm)?;
        let key = issuer.public_key().map_err(CertificateError::from)?;
        Ok(algorithm.verify(key, signed.tbs, signed.signature)?)
    }
}

/// Version 2 is the INTEGER 1; version 1 has none.
fn read_version(fields: &mut Reader<'_>) -> Result<(), DerError> {
    match fields.optional(tag::INTEGER)? {
        None | Some([1]) => Ok(()),
        Some(_) => Err(DerError::Value("version")),
    }
}

fn read_entries(fields: &mut Reader<'_>) -> Result<Vec<CrlEntry<ReceivedSerial>>, DerError> {
    let mut list = Reader::new(fields.optional(tag::SEQUENCE)?.unwrap_or_default());
    let mut entries = Vec::new();
    while !list.is_empty() {
        entries.push(CrlEntry::read(&mut list)?);
    }
    Ok(entries)
}

impl fmt::Debug for CertificateList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "CertificateList({}, {} entries)",
            self.issuer,
            self.entries.len()
        )
    }
}
