//! CRLs before they are signed: whole ones, and those that stream by because they may be of any size.
//!
//! What was linted is what is signed: a whole list is in the [`Linted`] value itself; of one that streamed by the value knows length and
//! hash, and [`CrlGate`] lets no other octets pass to the signer.

use x509::digest::{Sha256, sha256};

use crate::catalogue::{Finding, ListCase};
use crate::context::Issuer;
use crate::linted::{Linted, Refused};
use crate::view::list::stream::{ListStream, SeenList};

/// Who signs a CRL, and what it is to cover.
#[derive(Clone, Copy, Debug)]
pub struct CrlContext<'a> {
    pub(crate) issuer: Issuer<'a>,
    pub(crate) shard: &'a [String],
}

impl<'a> CrlContext<'a> {
    /// The CA of this certificate signs, and the list covers all certificates of it.
    #[must_use]
    pub fn issued_by(issuer: impl Into<Issuer<'a>>) -> Self {
        Self {
            issuer: issuer.into(),
            shard: &[],
        }
    }

    /// The list covers the certificates that have these locations in cRLDistributionPoints (RFC 5280 section 5.2.5). Empty: all.
    #[must_use]
    pub fn covering(self, locations: &'a [String]) -> Self {
        Self {
            shard: locations,
            ..self
        }
    }
}

/// The DER of a whole TBSCertList, which [`lint_crl`] has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TbsCertList(Vec<u8>);

impl TbsCertList {
    /// The DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0
    }
}

/// Judges a TBSCertList that is about to be signed.
///
/// # Errors
/// [`Refused`], if any lint of severity [`Error`](crate::Severity::Error) found something.
pub fn lint_crl(tbs: Vec<u8>, context: &CrlContext<'_>) -> Result<Linted<TbsCertList>, Refused> {
    let findings = check_crl(&tbs, Some(context));
    Linted::unless_refused(TbsCertList(tbs), findings)
}

/// Judges the DER of a TBSCertList from anywhere. Without a context, what must agree with the issuer is not judged.
#[must_use]
pub fn check_crl(tbs: &[u8], context: Option<&CrlContext<'_>>) -> Vec<Finding> {
    let mut stream = ListStream::default();
    stream.push(tbs);
    findings(&stream.finish(), context)
}

fn findings(seen: &SeenList, context: Option<&CrlContext<'_>>) -> Vec<Finding> {
    let list = seen.list();
    ListCase {
        form: &seen.form,
        list: list.as_ref().map_err(|broken| *broken),
        context,
    }
    .findings()
}

/// Judges a TBSCertList that streams by, in bounded memory: at most some 200 KiB, however long the list is.
#[derive(Clone, Debug, Default)]
pub struct CrlLinter {
    stream: ListStream,
    hash: Sha256,
    length: u64,
}

impl CrlLinter {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next octets, of any number.
    pub fn push(&mut self, octets: &[u8]) {
        self.hash.update(octets);
        self.length += octets.len() as u64;
        self.stream.push(octets);
    }

    /// Ends the list and judges it.
    ///
    /// # Errors
    /// [`Refused`], if any lint of severity [`Error`](crate::Severity::Error) found something.
    pub fn finish(self, context: &CrlContext<'_>) -> Result<Linted<CrlDigest>, Refused> {
        let seen = self.stream.finish();
        let digest = CrlDigest {
            length: self.length,
            sha256: self.hash.finish(),
            entries: seen.entries(),
        };
        Linted::unless_refused(digest, findings(&seen, Some(context)))
    }
}

/// A TBSCertList that streamed by a [`CrlLinter`], by length and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlDigest {
    length: u64,
    sha256: [u8; 32],
    entries: u64,
}

impl CrlDigest {
    /// Octets of the TBSCertList.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Its SHA-256.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Entries of the list.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Whether these octets are the list.
    #[must_use]
    pub fn is_of(&self, tbs: &[u8]) -> bool {
        tbs.len() as u64 == self.length && sha256(tbs) == self.sha256
    }

    /// What the octets must pass on their way to the signer.
    #[must_use]
    pub fn gate(&self) -> CrlGate {
        CrlGate {
            digest: *self,
            hash: Sha256::default(),
            passed: 0,
        }
    }
}

/// Lets a list pass to the signer if it is the one that was linted. It refuses the piece that would make another list whole, so that
/// a signer who waits for all octets never has all of another list.
#[derive(Clone, Debug)]
pub struct CrlGate {
    digest: CrlDigest,
    hash: Sha256,
    passed: u64,
}

/// The octets are not those that were linted: the list was changed after it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the CRL is not the one that was checked: it changed after it was written; write it again")]
pub struct OtherOctets;

impl CrlGate {
    /// Asks whether the next octets may be sent. The last ones may only if all octets are those that were linted.
    ///
    /// # Errors
    /// [`OtherOctets`]. Send nothing more.
    pub fn pass(&mut self, octets: &[u8]) -> Result<(), OtherOctets> {
        self.hash.update(octets);
        self.passed = self.passed.saturating_add(octets.len() as u64);
        let is_whole = self.passed >= self.digest.length;
        if is_whole && !self.is_complete() {
            return Err(OtherOctets);
        }
        Ok(())
    }

    /// Whether all octets have passed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.passed == self.digest.length && self.hash.clone().finish() == self.digest.sha256
    }
}
