//! A TBSCertList as it streams by. What is before and after the entries is kept, up to a bound; entries are looked at one by one.
//! It trusts no builder and no other reader: it finds the parts by their tags alone.

use super::List;
use super::entries::Entries;
use crate::form::{Flaw, Form};
use crate::tlv::{Broken, Head, Reader, tag};

/// Most octets of everything before the entries, of an entry, and of everything after them.
const MAX_PART: usize = 64 * 1024;
/// Octets that are looked at together, so that what is pending stays small however much is pushed at once.
const PIECE: usize = 16 * 1024;

/// What is read of a list that streams by.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListStream {
    form: Form,
    phase: Phase,
    /// Octets of a value that is not complete yet.
    pending: Vec<u8>,
    /// Octets that were read.
    at: usize,
    /// Octets of the TBSCertList that are still to be read.
    left: usize,
    /// Octets of revokedCertificates that are still to be read.
    entries_left: usize,
    /// SEQUENCEs among the fields before the entries: signature and issuer, then come the entries.
    sequences: u8,
    has_revoked: bool,
    before: Vec<u8>,
    entries: Entries,
    after: Vec<u8>,
    after_at: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    #[default]
    Start,
    Before,
    Entries,
    After,
    End,
    Broken(Broken),
}

/// A list of which everything was seen.
#[derive(Debug)]
pub(crate) struct SeenList {
    pub(crate) form: Form,
    before: Vec<u8>,
    entries: Entries,
    after: Vec<u8>,
    has_revoked: bool,
    broken: Option<Broken>,
}

impl ListStream {
    /// Takes the next octets.
    pub(crate) fn push(&mut self, octets: &[u8]) {
        for piece in octets.chunks(PIECE) {
            if let Phase::Broken(_) = self.phase {
                return;
            }
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(piece);
            let mut taken = 0;
            while let Some(more) = self.step(pending.get(taken..).unwrap_or_default()) {
                taken += more;
                self.at += more;
            }
            pending.drain(..taken);
            self.pending = pending;
        }
    }

    /// Ends the list.
    pub(crate) fn finish(mut self) -> SeenList {
        let broken = match self.phase {
            Phase::End => None,
            Phase::Broken(broken) => Some(broken),
            _ => {
                self.form.mark(Flaw::Truncated, self.at);
                Some(Broken::Truncated)
            }
        };
        if broken.is_none() {
            self.form.values(&self.after, self.after_at);
        }
        let mut seen = SeenList {
            form: self.form,
            before: self.before,
            entries: self.entries,
            after: self.after,
            has_revoked: self.has_revoked,
            broken,
        };
        let mut form = std::mem::take(&mut seen.form);
        if let Ok(list) = seen.list() {
            let values = list.extensions.list.iter().map(|extension| extension.value);
            form.enter_at(&seen.after, self.after_at, values);
        }
        seen.form = form;
        seen
    }

    /// Reads one value, or what there is of the octets after the entries: how many octets it took. None if there is too little, or
    /// nothing left to read.
    fn step(&mut self, octets: &[u8]) -> Option<usize> {
        let read = match self.phase {
            Phase::Start => self.start(octets),
            Phase::Before => self.field(octets),
            Phase::Entries => self.entry(octets),
            Phase::After => self.rest(octets),
            Phase::End => {
                if !octets.is_empty() {
                    self.form.mark(Flaw::Trailing, self.at);
                }
                // Octets that follow are not kept, however many.
                return (!octets.is_empty()).then_some(octets.len());
            }
            Phase::Broken(_) => return None,
        };
        match read {
            Ok(taken) => taken,
            Err(broken) => {
                let flaw = match broken {
                    Broken::Indefinite => Flaw::Indefinite,
                    Broken::LongTag => Flaw::LongTag,
                    _ => Flaw::Truncated,
                };
                if !matches!(broken, Broken::Value(_) | Broken::Part(..) | Broken::Tag { .. }) {
                    self.form.mark(flaw, self.at);
                }
                self.phase = Phase::Broken(broken);
                None
            }
        }
    }

    fn start(&mut self, octets: &[u8]) -> Result<Option<usize>, Broken> {
        let Some(head) = head(octets, usize::MAX)? else {
            return Ok(None);
        };
        if head.tag != tag::SEQUENCE {
            return Err(Broken::Tag {
                expected: tag::SEQUENCE,
                found: head.tag,
            });
        }
        self.form.head(&head, self.at);
        self.left = head.length;
        self.phase = Phase::Before;
        Ok(Some(head.octets))
    }

    /// A field before the entries, or the beginning of these.
    fn field(&mut self, octets: &[u8]) -> Result<Option<usize>, Broken> {
        if self.left == 0 {
            self.phase = Phase::End;
            return Ok(Some(0));
        }
        let Some(head) = head(octets, self.left)? else {
            return Ok(None);
        };
        if head.tag == tag::explicit(0) {
            self.begin_rest();
            return Ok(Some(0));
        }
        let size = self.size_of(&head, self.left)?;
        if head.tag == tag::SEQUENCE && self.sequences == 2 {
            self.form.head(&head, self.at);
            self.has_revoked = true;
            self.entries_left = head.length;
            self.left -= head.octets;
            self.phase = Phase::Entries;
            return Ok(Some(head.octets));
        }
        if size + self.before.len() > MAX_PART {
            return Err(Broken::Value(
                "the fields before the entries have more than 65536 octets",
            ));
        }
        let Some(value) = octets.get(..size) else {
            return Ok(None);
        };
        self.sequences += u8::from(head.tag == tag::SEQUENCE);
        self.form.values(value, self.at);
        self.before.extend_from_slice(value);
        self.left -= size;
        Ok(Some(size))
    }

    fn entry(&mut self, octets: &[u8]) -> Result<Option<usize>, Broken> {
        if self.entries_left == 0 {
            self.begin_rest();
            return Ok(Some(0));
        }
        let Some(head) = head(octets, self.entries_left)? else {
            return Ok(None);
        };
        let size = self.size_of(&head, self.entries_left)?;
        if size > MAX_PART {
            return Err(Broken::Value("an entry has more than 65536 octets"));
        }
        let Some(value) = octets.get(..size) else {
            return Ok(None);
        };
        self.form.values(value, self.at);
        let mut reader = Reader::new(value);
        let entry = reader
            .expect(tag::SEQUENCE)
            .and_then(|content| self.entries.take(content));
        entry.map_err(Broken::within("revokedCertificates"))?;
        self.entries_left -= size;
        self.left -= size;
        Ok(Some(size))
    }

    /// Everything after the entries is kept.
    fn rest(&mut self, octets: &[u8]) -> Result<Option<usize>, Broken> {
        if self.left == 0 {
            self.phase = Phase::End;
            return Ok(Some(0));
        }
        let taken = octets.len().min(self.left);
        if taken + self.after.len() > MAX_PART {
            return Err(Broken::Value(
                "the fields after the entries have more than 65536 octets",
            ));
        }
        self.after
            .extend_from_slice(octets.get(..taken).unwrap_or_default());
        self.left -= taken;
        Ok((taken > 0).then_some(taken))
    }

    fn begin_rest(&mut self) {
        self.after_at = self.at;
        self.phase = Phase::After;
    }

    /// Octets of the value with this head, which must be within the bound.
    fn size_of(&self, head: &Head, bound: usize) -> Result<usize, Broken> {
        let size = head.octets.saturating_add(head.length);
        if size > bound.min(self.left) {
            return Err(Broken::Truncated);
        }
        Ok(size)
    }
}

/// Tag and length of the value that begins here and ends within `bound` octets; none if octets of them are still to come.
fn head(octets: &[u8], bound: usize) -> Result<Option<Head>, Broken> {
    // What comes after the bound is not of this value: the answer must not depend on whether it is here already.
    let within = octets.get(..bound).unwrap_or(octets);
    match Head::of(within) {
        Ok(head) => Ok(Some(head)),
        Err(Broken::Truncated) if within.len() < bound => Ok(None),
        Err(broken) => Err(broken),
    }
}

impl SeenList {
    /// What the list says.
    pub(crate) fn list(&self) -> Result<List<'_>, Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let list = List::decode(&self.before, &self.after, &self.entries)?;
        Ok(List {
            has_revoked: self.has_revoked,
            ..list
        })
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries.count()
    }
}
