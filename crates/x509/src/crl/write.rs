//! The two passes in which a list is written.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hasher as _};

use super::{CrlEntry, CrlSpec, Reason};
use crate::asn1::{Writer, tag};
use crate::tbs::{BuildError, Frame, frame, identifier, write_extensions};
use crate::validity::EncodedTime;
use crate::{Serial, SignatureAlgorithm};

/// What is said before and after the entries, and how long they are: the first pass.
#[derive(Clone, Debug)]
pub struct CrlLayout {
    algorithm: SignatureAlgorithm,
    head: Vec<u8>,
    tail: Vec<u8>,
    pass: Pass,
    scratch: Vec<u8>,
}

/// The second pass.
#[derive(Clone, Debug)]
pub struct CrlWriter {
    algorithm: SignatureAlgorithm,
    tail: Vec<u8>,
    length: u64,
    first: Pass,
    second: Pass,
}

/// A TBSCertList that was written whole and is to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenTbs {
    algorithm: SignatureAlgorithm,
    length: u64,
    entries: u64,
}

/// What was seen of the entries in one pass.
#[derive(Clone, Debug)]
struct Pass {
    delta: bool,
    last: Option<Serial>,
    entries: u64,
    octets: u64,
    /// Of all entries. Shows what changed between the passes by accident, as in a database; it is not a defense against
    /// collisions made on purpose.
    content: DefaultHasher,
}

impl CrlLayout {
    pub(super) fn new(spec: &CrlSpec) -> Result<Self, BuildError> {
        if spec.issuer.is_empty() {
            return Err(BuildError::EmptyIssuer);
        }
        if spec.next_update <= spec.this_update {
            return Err(BuildError::UpdateOrder {
                this_update: spec.this_update,
                next_update: spec.next_update,
            });
        }
        let mut head = Writer::with_capacity(512);
        head.unsigned(&[1]);
        head.raw(&identifier(spec.signature_algorithm)?);
        head.raw(spec.issuer.der());
        EncodedTime::new(spec.this_update)?.write(&mut head);
        EncodedTime::new(spec.next_update)?.write(&mut head);
        let mut tail = Writer::default();
        write_extensions(&mut tail, tag::context_constructed(0), &spec.extensions()?);
        Ok(Self {
            algorithm: spec.signature_algorithm,
            head: head.into_vec(),
            tail: tail.into_vec(),
            pass: Pass::new(spec.kind.is_delta()),
            scratch: Vec::new(),
        })
    }

    /// Counts an entry. See [`CrlSpec::layout`] for the order.
    ///
    /// # Errors
    /// [`BuildError`] for a serial number that is out of order or repeated, a time that cannot be encoded, removeFromCRL in a
    /// complete list.
    pub fn add(&mut self, entry: &CrlEntry) -> Result<(), BuildError> {
        self.scratch.clear();
        self.pass.take(entry, &mut self.scratch)
    }

    /// How many entries were counted.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.pass.entries
    }

    /// Ends the first pass and appends everything before the first entry to `out`.
    ///
    /// # Errors
    /// [`BuildError::CrlTooLong`] if the list has 4 GiB or more: no reader here takes such a length.
    pub fn begin(self, out: &mut Vec<u8>) -> Result<CrlWriter, BuildError> {
        let mut revoked = Vec::new();
        if self.pass.entries > 0 {
            let octets = checked_length(self.pass.octets)?;
            Writer::append(&mut revoked, |writer| writer.header(tag::SEQUENCE, octets));
        }
        let around = self.head.len() + revoked.len() + self.tail.len();
        let content = checked_length(self.pass.octets.saturating_add(around as u64))?;
        let before = out.len();
        Writer::append(out, |writer| {
            writer.header(tag::SEQUENCE, content);
            writer.raw(&self.head);
            writer.raw(&revoked);
        });
        Ok(CrlWriter {
            algorithm: self.algorithm,
            length: (out.len() - before + self.tail.len()) as u64 + self.pass.octets,
            tail: self.tail,
            second: Pass::new(self.pass.delta),
            first: self.pass,
        })
    }
}

impl CrlWriter {
    /// Appends an entry to `out`. The entries must be those of the first pass, in the same order.
    ///
    /// # Errors
    /// Those of [`CrlLayout::add`]; [`BuildError::EntriesChanged`] if there are more octets than were counted.
    pub fn entry(&mut self, entry: &CrlEntry, out: &mut Vec<u8>) -> Result<(), BuildError> {
        self.second.take(entry, out)?;
        if self.second.octets > self.first.octets {
            return Err(BuildError::EntriesChanged);
        }
        Ok(())
    }

    /// Octets of the whole TBSCertList.
    #[must_use]
    pub fn tbs_len(&self) -> u64 {
        self.length
    }

    /// Appends what comes after the last entry to `out`. What was written before is of no use unless this succeeds.
    ///
    /// # Errors
    /// [`BuildError::EntriesChanged`] if the entries are not those of the first pass. Begin again.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<WrittenTbs, BuildError> {
        if !self.first.equals(&self.second) {
            return Err(BuildError::EntriesChanged);
        }
        out.extend_from_slice(&self.tail);
        Ok(WrittenTbs {
            algorithm: self.algorithm,
            length: self.length,
            entries: self.first.entries,
        })
    }
}

impl WrittenTbs {
    /// Its octets.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Its entries.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// What to put before and after the TBSCertList to make a CertificateList of it, once the signature is there (for ECDSA the
    /// DER of r and s).
    ///
    /// # Errors
    /// [`BuildError::CrlTooLong`] at 4 GiB.
    pub fn close(&self, signature: &[u8]) -> Result<Frame, BuildError> {
        frame(self.length, &identifier(self.algorithm)?, signature)
    }
}

impl Pass {
    fn new(delta: bool) -> Self {
        Self {
            delta,
            last: None,
            entries: 0,
            octets: 0,
            content: DefaultHasher::new(),
        }
    }

    /// Appends the entry to `out` and counts it.
    fn take(&mut self, entry: &CrlEntry, out: &mut Vec<u8>) -> Result<(), BuildError> {
        if let Some(last) = self.last {
            match last.as_bytes().cmp(entry.serial.as_bytes()) {
                Ordering::Less => {}
                Ordering::Equal => return Err(BuildError::RepeatedSerial(entry.serial)),
                Ordering::Greater => {
                    return Err(BuildError::SerialOrder {
                        serial: entry.serial,
                        after: last,
                    });
                }
            }
        }
        if entry.reason == Some(Reason::RemoveFromCrl) && !self.delta {
            return Err(BuildError::RemoveFromFullCrl(entry.serial));
        }
        let start = out.len();
        entry.append(out)?;
        let written = out.get(start..).unwrap_or_default();
        self.content.write(written);
        self.octets = self.octets.saturating_add(written.len() as u64);
        self.entries += 1;
        self.last = Some(entry.serial);
        Ok(())
    }

    fn equals(&self, other: &Self) -> bool {
        self.entries == other.entries
            && self.octets == other.octets
            && self.content.finish() == other.content.finish()
    }
}

/// A length that DER readers take: four octets.
fn checked_length(octets: u64) -> Result<usize, BuildError> {
    u32::try_from(octets)
        .ok()
        .and_then(|octets| usize::try_from(octets).ok())
        .ok_or(BuildError::CrlTooLong(octets))
}
