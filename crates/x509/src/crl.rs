//! Certificate revocation lists (RFC 5280 section 5): a builder for lists of moderate size, and a reader.
//!
//! The builder makes complete lists in memory, which serves the offline root and small CAs: version 2, authority key
//! identifier and CRL number, no other list extensions. Entries carry a reason unless it is `unspecified`.

mod list;
mod reason;

use std::collections::HashSet;

use time::OffsetDateTime;

pub(crate) use list::read_reason;
pub use list::{CertificateList, CrlError};
pub use reason::{Reason, UnknownReason};

use crate::asn1::{Writer, tag};
use crate::extension::{Extension, oids};
use crate::tbs::{BuildError, identifier, write_extensions};
use crate::validity::{EncodedTime, ValidityError};
use crate::{DistinguishedName, Serial, SignatureAlgorithm};

/// All that a complete CRL says, ready to be encoded.
#[derive(Clone, Debug)]
pub struct CrlSpec {
    /// Algorithm of the signature to come.
    pub signature_algorithm: SignatureAlgorithm,
    /// Subject of the issuer's certificate, octet for octet.
    pub issuer: DistinguishedName,
    /// Subject key identifier of the issuer's certificate.
    pub aki: Vec<u8>,
    /// CRL number: rises with every list of this issuer.
    pub number: u64,
    /// When the list was made.
    pub this_update: OffsetDateTime,
    /// When the next list will be there at the latest.
    pub next_update: OffsetDateTime,
    /// The revoked certificates in the order in which they are written.
    pub entries: Vec<CrlEntry>,
}

/// One revoked certificate.
/// The serial number of an entry that was read may be any ([`ReceivedSerial`](crate::ReceivedSerial)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlEntry<S = Serial> {
    /// Serial number of the certificate.
    pub serial: S,
    /// When it was revoked.
    pub time: OffsetDateTime,
    /// Why. `None` and [`Reason::Unspecified`] are both written as no reason (section 5.3.1).
    pub reason: Option<Reason>,
    /// Since when its key is thought to be compromised (section 5.3.2).
    pub invalidity: Option<OffsetDateTime>,
}

impl CrlSpec {
    /// The DER of the TBSCertList. Without entries revokedCertificates is left out (section 5.1.2.6).
    ///
    /// # Errors
    /// [`BuildError`] for an empty issuer, times that cannot be encoded or are in the wrong order, a serial number
    /// that occurs twice, and removeFromCRL, which only delta CRLs may have.
    pub fn to_tbs(&self) -> Result<Vec<u8>, BuildError> {
        if self.issuer.is_empty() {
            return Err(BuildError::EmptyIssuer);
        }
        if self.next_update <= self.this_update {
            let (this_update, next_update) = (self.this_update, self.next_update);
            return Err(BuildError::UpdateOrder {
                this_update,
                next_update,
            });
        }
        let entries = self.encode_entries()?;
        let algorithm = identifier(self.signature_algorithm)?;
        let (this_update, next_update) = (
            EncodedTime::new(self.this_update)?,
            EncodedTime::new(self.next_update)?,
        );
        let mut out = Writer::with_capacity(entries.len() + 512);
        out.sequence(|out| {
            out.unsigned(&[1]);
            out.raw(&algorithm);
            out.raw(self.issuer.der());
            this_update.write(out);
            next_update.write(out);
            if !entries.is_empty() {
                out.sequence(|out| out.raw(&entries));
            }
            write_extensions(out, tag::context_constructed(0), &self.extensions());
        });
        Ok(out.into_vec())
    }

    fn extensions(&self) -> [Extension; 2] {
        let mut number = Writer::default();
        number.unsigned(&self.number.to_be_bytes());
        [
            Extension::authority_key_identifier(&self.aki),
            Extension::other(oids::CRL_NUMBER, false, number.into_vec()),
        ]
    }

    fn encode_entries(&self) -> Result<Vec<u8>, BuildError> {
        let mut seen = HashSet::with_capacity(self.entries.len());
        let mut out = Writer::with_capacity(self.entries.len() * 60);
        for entry in &self.entries {
            if !seen.insert(entry.serial) {
                return Err(BuildError::RepeatedSerial(entry.serial));
            }
            if entry.reason == Some(Reason::RemoveFromCrl) {
                return Err(BuildError::RemoveFromFullCrl(entry.serial));
            }
            entry.write(&mut out)?;
        }
        Ok(out.into_vec())
    }
}

impl CrlEntry {
    fn write(&self, out: &mut Writer) -> Result<(), ValidityError> {
        let time = EncodedTime::new(self.time)?;
        let invalidity = self.invalidity.map(EncodedTime::generalized).transpose()?;
        let mut extensions = Vec::with_capacity(2);
        if let Some(reason) = self.reason.filter(|reason| *reason != Reason::Unspecified) {
            let value = Writer::primitive_of(tag::ENUMERATED, &[reason.code()]);
            extensions.push(Extension::other(oids::REASON_CODE, false, value));
        }
        if let Some(invalidity) = invalidity {
            let mut value = Writer::default();
            invalidity.write(&mut value);
            extensions.push(Extension::other(oids::INVALIDITY_DATE, false, value.into_vec()));
        }
        out.sequence(|out| {
            out.unsigned(self.serial.as_bytes());
            time.write(out);
            if !extensions.is_empty() {
                out.sequence(|out| extensions.iter().for_each(|extension| extension.write(out)));
            }
        });
        Ok(())
    }
}
