//! Reading CRLs. The octets are kept; entries are checked once and decoded when they are asked for.

use std::fmt;

use data_encoding::HEXLOWER;
use time::OffsetDateTime;

use super::{CrlEntry, Reason};
use crate::asn1::{DerError, Reader, integer, tag, unsigned};
use crate::certificate::{utc, write_extensions};
use crate::extension::{Extension, ExtensionValue, KeyUsageFlags, oids};
use crate::name::NameError;
use crate::pem::{self, PemError};
use crate::signature::{Identified, SignatureError};
use crate::tbs::{Signed, read_extensions};
use crate::validity::{read_generalized_time, read_time};
use crate::{Certificate, CertificateError, DistinguishedName, ReceivedSerial, Serial, artifact};

const PEM_LABEL: &str = "X509 CRL";
const TBS: &str = "tbsCertList";

/// Why a CRL is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// The text holds no CRL, or a damaged one.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The text holds no CRL.
    #[error("the input has no CRL")]
    NoCrl,
    /// DER of something else.
    #[error("the input is {0}; a certificate revocation list (CRL) is needed")]
    NotACrl(&'static str),
    /// A part is not the DER that it must be.
    #[error("{part} of the CRL: {source}")]
    Der {
        /// The field, as RFC 5280 names it.
        part: &'static str,
        /// What is wrong with its octets.
        source: DerError,
    },
    /// The issuer is not a name.
    #[error("issuer of the CRL: {0}")]
    Issuer(#[from] NameError),
    /// An extension occurs twice.
    #[error("extension {0} appears more than once in the CRL")]
    RepeatedExtension(String),
    /// The signed part names another algorithm than the signature (section 5.1.1.2).
    #[error("the CRL names two different signature algorithms")]
    AlgorithmMismatch,
    /// The signature is wrong, or its algorithm is not supported.
    #[error("signature of the CRL: {0}")]
    Signature(#[from] SignatureError),
    /// The CRL is not one of this issuer.
    #[error("issuer of the CRL: {0}")]
    Certificate(#[from] CertificateError),
    /// The issuer's key may not sign CRLs.
    #[error("the issuer's key usage does not allow signing CRLs")]
    IssuerKeyUsage,
}

/// A CRL as received.
#[derive(Clone)]
pub struct CertificateList {
    der: Vec<u8>,
    issuer: DistinguishedName,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    extensions: Vec<Extension>,
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
            extensions,
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
        unsigned(self.number_octets()?).ok()
    }

    /// The CRL number as text: decimal, and over 64 bits hexadecimal (it may have 20 octets, section 5.2.3). `None` if
    /// it is missing or no number.
    #[must_use]
    pub fn number_text(&self) -> Option<String> {
        let octets = integer(self.number_octets()?).ok()?;
        Some(match unsigned(octets) {
            Ok(number) => number.to_string(),
            Err(_) => format!("0x{}", HEXLOWER.encode(octets)),
        })
    }

    fn number_octets(&self) -> Option<&[u8]> {
        let number = self.extension(oids::CRL_NUMBER)?;
        Reader::single(number.value_der(), tag::INTEGER).ok()
    }

    /// Key identifier of the issuer's key.
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        match self.extension(oids::AUTHORITY_KEY_IDENTIFIER)?.value() {
            Ok(ExtensionValue::AuthorityKeyIdentifier { key_identifier, .. }) => key_identifier,
            _ => None,
        }
    }

    /// Extensions of the list.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
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
        if !self.issuer.matches(issuer.subject()) {
            return Err(CertificateError::IssuerName.into());
        }
        if let (Some(authority), Some(subject)) =
            (self.authority_key_identifier(), issuer.subject_key_identifier())
            && authority != subject
        {
            return Err(CertificateError::IssuerKeyIdentifier.into());
        }
        if issuer
            .key_usage()
            .is_some_and(|usage| !usage.contains(KeyUsageFlags::CRL_SIGN))
        {
            return Err(CrlError::IssuerKeyUsage);
        }
        let signed = Signed::read(TBS, &self.der).map_err(|(part, source)| CrlError::Der { part, source })?;
        let algorithm = Identified::from_der(signed.algorithm)?;
        let key = issuer.public_key().map_err(CertificateError::from)?;
        Ok(algorithm.verify(key, signed.tbs, signed.signature)?)
    }

    /// What the list says, in lines of `name: value`, for `inspect`. Made for reading: its form may change.
    #[must_use]
    pub fn describe(&self) -> String {
        Description(self).to_string()
    }

    fn extension(&self, oid: crate::Oid) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.oid() == oid)
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
        entries.push(read_entry(&mut list)?);
    }
    Ok(entries)
}

fn read_entry(list: &mut Reader<'_>) -> Result<CrlEntry<ReceivedSerial>, DerError> {
    let mut fields = list.enter(tag::SEQUENCE)?;
    let mut entry = CrlEntry {
        serial: ReceivedSerial::read(fields.expect(tag::INTEGER)?)?,
        time: read_time(fields.any()?)?,
        reason: None,
        invalidity: None,
    };
    if !fields.is_empty() {
        let extensions =
            read_extensions(fields.any()?.whole)?.map_err(|_| DerError::Value("entry extensions"))?;
        for extension in &extensions {
            match extension.oid() {
                oids::REASON_CODE => entry.reason = Some(read_reason(extension.value_der())?),
                oids::INVALIDITY_DATE => {
                    let content = Reader::single(extension.value_der(), tag::GENERALIZED_TIME)?;
                    entry.invalidity = Some(read_generalized_time(content)?);
                }
                _ => {}
            }
        }
    }
    fields.finish()?;
    Ok(entry)
}

pub(crate) fn read_reason(der: &[u8]) -> Result<Reason, DerError> {
    match Reader::single(der, tag::ENUMERATED)? {
        [code] => Reason::from_code(*code).ok_or(DerError::Value("reasonCode")),
        _ => Err(DerError::Value("reasonCode")),
    }
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

struct Description<'a>(&'a CertificateList);

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.0;
        writeln!(f, "certificate revocation list")?;
        writeln!(f, "  issuer: {}", list.issuer)?;
        writeln!(f, "  this update: {}", utc(list.this_update))?;
        writeln!(
            f,
            "  next update: {}",
            list.next_update.map_or_else(|| "none".to_owned(), utc)
        )?;
        if let Some(number) = list.number_text() {
            writeln!(f, "  number: {number}")?;
        }
        let others: Vec<_> = list
            .extensions
            .iter()
            .filter(|e| e.oid() != oids::CRL_NUMBER)
            .cloned()
            .collect();
        write_extensions(f, &others)?;
        writeln!(f, "  entries: {}", list.entries.len())?;
        for entry in &list.entries {
            write!(f, "    {} at {}", entry.serial, utc(entry.time))?;
            if let Some(reason) = entry.reason {
                write!(f, ", {reason}")?;
            }
            if let Some(invalidity) = entry.invalidity {
                write!(f, ", invalid since {}", utc(invalidity))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
