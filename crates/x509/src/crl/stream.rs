//! A TBSCertList that streams by, looked at in bounded memory: by whoever signs it without having it whole.
//!
//! The octets are pushed in pieces of any size. The header is there as soon as it was received; the entries are read one by one and
//! forgotten; whether the whole is a list is known at the end, and a signature before that would be one of anything.

mod order;
mod part;

use std::collections::HashMap;

use time::OffsetDateTime;

use super::{CrlEntry, CrlError, CrlExtensions, Reason};
use crate::asn1::{DerError, Reader, Tlv, head, tag};
use crate::signature::Identified;
use crate::tbs::{identifier, read_extensions};
use crate::validity::read_time;
use crate::{DistinguishedName, ReceivedSerial, SignatureAlgorithm};
use order::Order;
use part::{Part, check_extensions, check_list, entry_extensions, whole};

/// What a list says before its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TbsCertListHeader {
    /// Version as people count: 1 or 2.
    pub version: u8,
    /// Algorithm of the signature to come.
    pub signature_algorithm: SignatureAlgorithm,
    /// Its AlgorithmIdentifier, octet for octet. Of a list that was read as one in ascending order it is the one that is written here;
    /// others may name it in another form, and RSASSA-PSS with another salt length.
    pub identifier: Vec<u8>,
    /// Issuer name, octet for octet.
    pub issuer: DistinguishedName,
    /// When the list was made.
    pub this_update: OffsetDateTime,
    /// When the next list will be there at the latest.
    pub next_update: Option<OffsetDateTime>,
}

/// What was seen of a whole list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TbsCertListSummary {
    /// What it says before its entries.
    pub header: TbsCertListHeader,
    /// How many entries it has.
    pub entries: u64,
    /// Its extensions. Authority key identifier, number and base number are well-formed, where they are there; in a list that was read
    /// as one in ascending order the numbers have at most 64 bits.
    pub extensions: CrlExtensions,
    /// Octets of the whole TBSCertList.
    pub length: u64,
}

/// Reads a TBSCertList from octets as they arrive.
#[derive(Clone, Debug)]
pub struct TbsCertListReader {
    /// Octets of a value that is not complete yet.
    pending: Vec<u8>,
    part: Part,
    /// Octets of the TBSCertList that are still to come.
    left: u64,
    /// Octets of revokedCertificates that are still to come.
    entries_left: u64,
    length: u64,
    version: u8,
    algorithm: Option<(SignatureAlgorithm, Vec<u8>)>,
    issuer: Option<DistinguishedName>,
    this_update: Option<OffsetDateTime>,
    header: Option<TbsCertListHeader>,
    entries: u64,
    entry_extensions: bool,
    removes: bool,
    /// Of a list whose entries must be in ascending order.
    order: Option<Order>,
    /// Entries to be kept, by serial number.
    kept: HashMap<ReceivedSerial, Option<CrlEntry<ReceivedSerial>>>,
    extensions: CrlExtensions,
}

/// Entries that were to be kept, by serial number.
type KeptEntries = HashMap<ReceivedSerial, CrlEntry<ReceivedSerial>>;

/// Most octets of a name, an entry, or of all extensions: what has to be in memory at once. Entries have about 50, lists of
/// extensions some hundred.
const MAX_VALUE: usize = 64 * 1024;
/// Octets that are looked at together, so that what is pending stays small however much is pushed at once.
const PIECE: usize = 16 * 1024;

impl Default for TbsCertListReader {
    fn default() -> Self {
        Self::new()
    }
}

impl TbsCertListReader {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            pending: Vec::new(),
            part: Part::Start,
            left: 0,
            entries_left: 0,
            length: 0,
            version: 1,
            algorithm: None,
            issuer: None,
            this_update: None,
            header: None,
            entries: 0,
            entry_extensions: false,
            removes: false,
            order: None,
            kept: HashMap::new(),
            extensions: CrlExtensions::default(),
        }
    }

    /// One that takes only lists as they are written here, to be signed: in the very encoding, with the serial numbers that are issued
    /// here, in the order of [`CrlSpec::layout`](super::CrlSpec::layout), in which a repeated one is seen without remembering all.
    #[must_use]
    pub fn ascending() -> Self {
        Self {
            order: Some(Order::default()),
            ..Self::new()
        }
    }

    fn is_ours(&self) -> bool {
        self.order.is_some()
    }

    /// One that keeps the entries of these serial numbers.
    pub(super) fn keeping<'s>(serials: impl IntoIterator<Item = &'s ReceivedSerial>) -> Self {
        Self {
            kept: serials.into_iter().map(|serial| (serial.clone(), None)).collect(),
            ..Self::new()
        }
    }

    /// Takes the next octets. After an error the list is refused and the reader of no use.
    ///
    /// # Errors
    /// [`CrlError`] names the part that is not what it must be.
    pub fn push(&mut self, octets: &[u8]) -> Result<(), CrlError> {
        for piece in octets.chunks(PIECE) {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(piece);
            let mut rest = pending.as_slice();
            while let Some(taken) = self.step(rest)? {
                rest = rest.get(taken..).unwrap_or_default();
            }
            let done = pending.len() - rest.len();
            pending.drain(..done);
            self.pending = pending;
        }
        Ok(())
    }

    /// What the list says before its entries, once that was received.
    #[must_use]
    pub fn header(&self) -> Option<&TbsCertListHeader> {
        self.header.as_ref()
    }

    /// Ends the list.
    ///
    /// # Errors
    /// [`CrlError`] if octets are missing, if a list of version 1 has extensions, if removeFromCRL is in a complete list, and if the
    /// authority key identifier or a number is malformed.
    pub fn finish(self) -> Result<TbsCertListSummary, CrlError> {
        self.finish_kept().map(|(summary, _)| summary)
    }

    /// The same, with the entries that were to be kept.
    pub(super) fn finish_kept(self) -> Result<(TbsCertListSummary, KeptEntries), CrlError> {
        let is_ours = self.is_ours();
        let (Some(header), Part::End) = (self.header, self.part) else {
            return Err(CrlError::Der {
                part: self.part.name(),
                source: DerError::Truncated,
            });
        };
        let extensions = self.extensions;
        let any = self.entry_extensions || !extensions.as_slice().is_empty();
        if any && header.version == 1 {
            return Err(CrlError::ExtensionsOfOldVersion);
        }
        if self.removes && !extensions.is_delta() {
            return Err(CrlError::RemoveFromCompleteCrl);
        }
        check_extensions(&extensions, is_ours)?;
        let summary = TbsCertListSummary {
            header,
            entries: self.entries,
            extensions,
            length: self.length,
        };
        let kept = self.kept.into_iter();
        let kept = kept.filter_map(|(serial, entry)| entry.map(|entry| (serial, entry)));
        Ok((summary, kept.collect()))
    }

    /// Looks at the next part; answers how many octets it took, `None` if more are needed.
    fn step(&mut self, octets: &[u8]) -> Result<Option<usize>, CrlError> {
        let part = self.part;
        let within = |source| CrlError::Der {
            part: part.name(),
            source,
        };
        // What may be missing is missing where the octets around it end.
        let ended = match part {
            Part::NextUpdate | Part::Revoked | Part::Extensions => self.left == 0,
            Part::Entries => self.entries_left == 0,
            _ => false,
        };
        if ended {
            return self.skip();
        }
        let Some(next) = octets.first() else {
            return Ok(None);
        };
        match (part, *next) {
            (Part::End, _) => return Err(within(DerError::Trailing)),
            (Part::Start, _) | (Part::Revoked, tag::SEQUENCE) => return self.open(octets).map_err(within),
            (Part::Version, tag::INTEGER) | (Part::NextUpdate, tag::UTC_TIME | tag::GENERALIZED_TIME) => {}
            (Part::Version | Part::NextUpdate | Part::Revoked, _) => return self.skip(),
            _ => {}
        }
        let bound = match part {
            Part::Entries => self.entries_left,
            _ => self.left,
        };
        let Some(value) = whole(octets, bound).map_err(within)? else {
            return Ok(None);
        };
        let taken = value.whole.len();
        self.left = self.left.saturating_sub(taken as u64);
        self.take(value)?;
        Ok(Some(taken))
    }

    /// The next part without any octets.
    fn skip(&mut self) -> Result<Option<usize>, CrlError> {
        self.part = match self.part {
            Part::Version => Part::Algorithm,
            Part::NextUpdate => {
                self.complete_header(None)?;
                Part::Revoked
            }
            Part::Revoked | Part::Entries => Part::Extensions,
            Part::Extensions => Part::End,
            other => other,
        };
        Ok(Some(0))
    }

    /// Tag and length of the TBSCertList, or of revokedCertificates.
    fn open(&mut self, octets: &[u8]) -> Result<Option<usize>, DerError> {
        let (found, taken, length) = match head(octets) {
            Err(DerError::Truncated) => return Ok(None),
            other => other?,
        };
        if found != tag::SEQUENCE {
            return Err(DerError::Tag {
                expected: tag::SEQUENCE,
                found,
            });
        }
        let (taken_octets, content) = (taken as u64, length as u64);
        if self.part == Part::Start {
            self.left = content;
            self.length = taken_octets + content;
            self.part = Part::Version;
        } else {
            let whole = taken_octets + content;
            if whole > self.left {
                return Err(DerError::Truncated);
            }
            // Without entries it is left out (section 5.1.2.6). Others write an empty list.
            if content == 0 && self.is_ours() {
                return Err(DerError::Value("list: it is empty"));
            }
            self.left -= taken_octets;
            self.entries_left = content;
            self.part = Part::Entries;
        }
        Ok(Some(taken))
    }

    /// A complete value of the current part.
    fn take(&mut self, value: Tlv<'_>) -> Result<(), CrlError> {
        let part = self.part;
        let within = |source| CrlError::Der {
            part: part.name(),
            source,
        };
        match part {
            Part::Version => {
                self.version = match value.content {
                    [1] => 2,
                    _ => return Err(within(DerError::Value("version"))),
                };
                self.part = Part::Algorithm;
            }
            Part::Algorithm => {
                let algorithm = Identified::from_der(value.whole)?.algorithm();
                if self.is_ours() && identifier(algorithm).ok().as_deref() != Some(value.whole) {
                    return Err(within(DerError::Value("AlgorithmIdentifier")));
                }
                self.algorithm = Some((algorithm, value.whole.to_vec()));
                self.part = Part::Issuer;
            }
            Part::Issuer => {
                self.issuer = Some(DistinguishedName::from_der(value.whole)?);
                self.part = Part::ThisUpdate;
            }
            Part::ThisUpdate => {
                self.this_update = Some(read_time(value).map_err(within)?);
                self.part = Part::NextUpdate;
            }
            Part::NextUpdate => {
                let next_update = read_time(value).map_err(within)?;
                self.complete_header(Some(next_update))?;
                self.part = Part::Revoked;
            }
            Part::Entries => {
                self.entries_left = self.entries_left.saturating_sub(value.whole.len() as u64);
                let entry = CrlEntry::read(&mut Reader::new(value.whole)).map_err(within)?;
                self.entries += 1;
                self.removes |= entry.reason == Some(Reason::RemoveFromCrl);
                if let Some(order) = &mut self.order {
                    order.take(&entry.serial)?;
                }
                // Of a serial number that appears twice, the first entry: the list is wrong, and it is not this reader that says so.
                if let Some(kept @ None) = self.kept.get_mut(&entry.serial) {
                    *kept = Some(entry);
                }
                if let Some(extensions) = entry_extensions(value.content) {
                    check_list(extensions, self.is_ours()).map_err(within)?;
                    self.entry_extensions = true;
                }
            }
            Part::Extensions => {
                let list = value.expect(tag::context_constructed(0)).map_err(within)?;
                check_list(list, self.is_ours()).map_err(within)?;
                let extensions = read_extensions(list)
                    .map_err(within)?
                    .map_err(CrlError::RepeatedExtension)?;
                self.extensions = CrlExtensions::new(extensions);
                if self.left > 0 {
                    return Err(within(DerError::Trailing));
                }
                self.part = Part::End;
            }
            Part::Start | Part::Revoked | Part::End => {}
        }
        Ok(())
    }

    fn complete_header(&mut self, next_update: Option<OffsetDateTime>) -> Result<(), CrlError> {
        let parts = self
            .algorithm
            .take()
            .zip(self.issuer.take())
            .zip(self.this_update);
        let Some((((signature_algorithm, identifier), issuer), this_update)) = parts else {
            return Err(CrlError::Der {
                part: "tbsCertList",
                source: DerError::Truncated,
            });
        };
        self.header = Some(TbsCertListHeader {
            version: self.version,
            signature_algorithm,
            identifier,
            issuer,
            this_update,
            next_update,
        });
        Ok(())
    }
}
