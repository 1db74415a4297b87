//! Certificate revocation lists (RFC 5280 section 5): complete ones, deltas, and shards, of any size.
//!
//! A list is written in two passes over its entries: DER says the length of everything before it, so the first pass
//! ([`CrlSpec::layout`], [`CrlLayout::add`]) counts octets, and the second ([`CrlWriter`]) writes. Neither keeps entries. Octets are
//! appended to a buffer of the caller, who hashes and stores them and empties it as often as it likes. [`CrlSpec::to_tbs`] does all
//! of that for a list that fits in memory.
//!
//! [`CertificateList`] reads a list whole; [`TbsCertListReader`] looks at one that streams by, in bounded memory: what is signed is
//! seen before it is signed. [`CrlReader`] reads a signed one so, and [`ReceivedCrl`] is what a relying party believes of it.

mod describe;
mod entry;
mod error;
mod extensions;
mod list;
mod number;
mod reason;
mod received;
mod stream;
mod write;

use time::OffsetDateTime;

pub use entry::CrlEntry;
pub(crate) use entry::read_reason;
pub use error::CrlError;
pub use extensions::CrlExtensions;
pub use list::CertificateList;
pub use number::CrlNumber;
pub use reason::{Reason, UnknownReason};
pub use received::{CrlExpected, CrlReader, ReceivedCrl};
pub use stream::{TbsCertListHeader, TbsCertListReader, TbsCertListSummary};
pub use write::{CrlLayout, CrlWriter, WrittenTbs};

use crate::extension::Extension;
use crate::tbs::BuildError;
use crate::{DistinguishedName, SignatureAlgorithm};

/// All that a CRL says but for its entries.
#[derive(Clone, Debug)]
pub struct CrlSpec {
    /// Algorithm of the signature to come.
    pub signature_algorithm: SignatureAlgorithm,
    /// Subject of the issuer's certificate, octet for octet.
    pub issuer: DistinguishedName,
    /// Subject key identifier of the issuer's certificate.
    pub aki: Vec<u8>,
    /// CRL number: rises with every list of this issuer and scope. A delta has that of the complete list of the same moment
    /// (section 5.2.4).
    pub number: u64,
    /// When the list was made.
    pub this_update: OffsetDateTime,
    /// When the next list will be there at the latest.
    pub next_update: OffsetDateTime,
    /// Whether everything is listed or what changed.
    pub kind: CrlKind,
    /// For a list that covers a part of the certificates of its issuer only: the locations of the list, octet for octet as these
    /// certificates have them in cRLDistributionPoints (section 5.2.5). Empty for a list that covers all; then the extension is
    /// left out.
    pub shard: Vec<String>,
}

/// Complete or delta (section 5.2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrlKind {
    /// Every certificate of the scope that is revoked and not expired.
    Complete {
        /// Locations of the delta CRL (section 5.2.6); empty if there is none.
        freshest: Vec<String>,
    },
    /// What changed since a complete list.
    Delta {
        /// Number of the complete list that it changes; at most the number of the delta.
        base: u64,
    },
}

impl CrlSpec {
    /// Begins the first pass. Entries must come in ascending order of the octets of their serial numbers, as
    /// [`Serial::as_bytes`](crate::Serial::as_bytes) has them: shorter before longer where one begins with the other. It is the order
    /// of an index on a binary column, so databases read it without sorting, and in it one serial number that is remembered shows
    /// every repetition.
    ///
    /// # Errors
    /// [`BuildError`] for an empty issuer, times that cannot be encoded or are in the wrong order, a base above the number, and
    /// locations that are not URIs.
    pub fn layout(&self) -> Result<CrlLayout, BuildError> {
        CrlLayout::new(self)
    }

    /// The DER of the TBSCertList with these entries, in whatever order they come. Without entries revokedCertificates is left out
    /// (section 5.1.2.6).
    ///
    /// # Errors
    /// Those of [`layout`](Self::layout), [`CrlLayout::add`] and [`CrlLayout::begin`].
    pub fn to_tbs(&self, entries: &[CrlEntry]) -> Result<Vec<u8>, BuildError> {
        let mut sorted: Vec<&CrlEntry> = entries.iter().collect();
        sorted.sort_by(|a, b| a.serial.as_bytes().cmp(b.serial.as_bytes()));
        let mut layout = self.layout()?;
        sorted.iter().try_for_each(|entry| layout.add(entry))?;
        let mut out = Vec::new();
        let mut writer = layout.begin(&mut out)?;
        sorted
            .iter()
            .try_for_each(|entry| writer.entry(entry, &mut out))?;
        writer.finish(&mut out)?;
        Ok(out)
    }

    fn extensions(&self) -> Result<Vec<Extension>, BuildError> {
        let mut extensions = vec![
            Extension::authority_key_identifier(&self.aki),
            Extension::crl_number(self.number),
        ];
        if let CrlKind::Delta { base } = self.kind {
            if base > self.number {
                return Err(BuildError::BaseNumber {
                    base,
                    number: self.number,
                });
            }
            extensions.push(Extension::delta_crl_indicator(base));
        }
        if !self.shard.is_empty() {
            extensions.push(Extension::issuing_distribution_point(&self.shard)?);
        }
        match &self.kind {
            CrlKind::Complete { freshest } if !freshest.is_empty() => {
                extensions.push(Extension::freshest_crl(freshest)?);
            }
            CrlKind::Complete { .. } | CrlKind::Delta { .. } => {}
        }
        Ok(extensions)
    }
}

impl CrlKind {
    /// A complete list of an issuer that makes no deltas.
    pub const COMPLETE: Self = Self::Complete { freshest: Vec::new() };

    /// Whether it is a delta.
    #[must_use]
    pub fn is_delta(&self) -> bool {
        matches!(self, Self::Delta { .. })
    }
}
