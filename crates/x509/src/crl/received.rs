//! A list as a relying party takes it: read as it arrives, in bounded memory, whatever its size; verified; believed.

mod judge;

use std::collections::HashMap;

use super::{CrlEntry, CrlError, TbsCertListReader, TbsCertListSummary};
use crate::asn1::{DerError, Reader, bit_octets, head, tag};
use crate::extension::KeyUsageFlags;
use crate::signature::{Identified, StreamVerifier};
use crate::{Certificate, CertificateError, DistinguishedName, ReceivedSerial, artifact};
pub use judge::CrlExpected;

/// Most octets behind the TBSCertList: an algorithm and a signature.
const MAX_REST: u64 = 8 * 1024;
/// Most octets of a tag and a length.
const MAX_HEAD: usize = 16;

/// Reads a CertificateList from octets as they arrive. Of its entries only those are kept that were asked for.
pub struct CrlReader {
    part: Part,
    /// Octets that cannot be read before more arrive.
    pending: Vec<u8>,
    /// Octets of the whole that are still to come, behind tag and length.
    left: u64,
    tbs_left: u64,
    tbs: TbsCertListReader,
    /// The begin of the TBSCertList, until it is known how it is hashed.
    unhashed: Vec<u8>,
    verifier: Option<StreamVerifier>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Outer,
    TbsHead,
    Tbs,
    Rest,
}

/// A list that its issuer signed. Whether it may be believed now, and for which certificate, is asked of it: see
/// [`check`](Self::check) and [`check_delta`](Self::check_delta).
#[derive(Clone, Debug)]
pub struct ReceivedCrl {
    /// What it says of itself.
    pub summary: TbsCertListSummary,
    found: HashMap<ReceivedSerial, CrlEntry<ReceivedSerial>>,
}

impl CrlReader {
    /// One that keeps the entries of these serial numbers.
    #[must_use]
    pub fn keeping<'s>(serials: impl IntoIterator<Item = &'s ReceivedSerial>) -> Self {
        Self {
            part: Part::Outer,
            pending: Vec::new(),
            left: 0,
            tbs_left: 0,
            tbs: TbsCertListReader::keeping(serials),
            unhashed: Vec::new(),
            verifier: None,
        }
    }

    /// Takes the next octets. After an error the list is refused and the reader of no use.
    ///
    /// # Errors
    /// [`CrlError`] names the part that is not what it must be.
    pub fn push(&mut self, mut octets: &[u8]) -> Result<(), CrlError> {
        loop {
            match self.part {
                Part::Tbs => {
                    let most = usize::try_from(self.tbs_left).unwrap_or(usize::MAX);
                    let (now, rest) = octets.split_at(octets.len().min(most));
                    self.push_tbs(now)?;
                    octets = rest;
                    if self.tbs_left > 0 {
                        return Ok(());
                    }
                    self.part = Part::Rest;
                }
                Part::Rest => {
                    self.pending.extend_from_slice(octets);
                    return match self.pending.len() as u64 > self.left {
                        true => Err(within("CertificateList", DerError::Trailing)),
                        false => Ok(()),
                    };
                }
                Part::Outer | Part::TbsHead => match self.push_head(octets)? {
                    Some(rest) => octets = rest,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Takes octets up to the end of a tag and a length, and answers the others; `None` if more are needed.
    fn push_head<'o>(&mut self, octets: &'o [u8]) -> Result<Option<&'o [u8]>, CrlError> {
        let part = match self.part {
            Part::Outer => "CertificateList",
            _ => "tbsCertList",
        };
        let before = self.pending.len();
        let more = octets.len().min(MAX_HEAD.saturating_sub(before));
        self.pending
            .extend_from_slice(octets.get(..more).unwrap_or_default());
        let (found, taken, length) = match head(&self.pending) {
            Err(DerError::Truncated) if self.pending.len() < MAX_HEAD => return Ok(None),
            other => other.map_err(|source| self.not_a_list(part, source))?,
        };
        if found != tag::SEQUENCE {
            let source = DerError::Tag {
                expected: tag::SEQUENCE,
                found,
            };
            return Err(self.not_a_list(part, source));
        }
        // `head` was not complete before, so that it ends in these octets.
        let rest = octets.get(taken.saturating_sub(before)..).unwrap_or_default();
        let begin: Vec<u8> = self.pending.iter().copied().take(taken).collect();
        self.pending.clear();
        if self.part == Part::Outer {
            self.left = length as u64;
            self.part = Part::TbsHead;
            return Ok(Some(rest));
        }
        let whole = (taken as u64).saturating_add(length as u64);
        if whole > self.left {
            return Err(within(part, DerError::Truncated));
        }
        self.left -= whole;
        if self.left > MAX_REST {
            return Err(within(
                "signatureValue",
                DerError::Value("signature: it is too long"),
            ));
        }
        self.tbs_left = whole;
        self.part = Part::Tbs;
        self.push_tbs(&begin)?;
        Ok(Some(rest))
    }

    /// What a server has at the URL of a list, where that is told by its first octets.
    fn not_a_list(&self, part: &'static str, source: DerError) -> CrlError {
        let other = artifact::of(&self.pending).filter(|_| self.part == Part::Outer);
        other.map_or_else(|| within(part, source), CrlError::NotACrl)
    }

    fn push_tbs(&mut self, octets: &[u8]) -> Result<(), CrlError> {
        self.tbs_left = self.tbs_left.saturating_sub(octets.len() as u64);
        self.tbs.push(octets)?;
        if let Some(verifier) = &mut self.verifier {
            verifier.push(octets);
            return Ok(());
        }
        self.unhashed.extend_from_slice(octets);
        if let Some(header) = self.tbs.header() {
            let mut verifier = StreamVerifier::new(header.signature_algorithm);
            verifier.push(&std::mem::take(&mut self.unhashed));
            self.verifier = Some(verifier);
        }
        Ok(())
    }

    /// Ends the list and verifies that `issuer` signed it and may: names and key identifiers meet, keyUsage allows it, the signature is
    /// right over the octets received.
    ///
    /// # Errors
    /// [`CrlError`] names the first reason.
    pub fn finish(self, issuer: &Certificate) -> Result<ReceivedCrl, CrlError> {
        if self.part != Part::Rest || self.pending.len() as u64 != self.left {
            return Err(within("CertificateList", DerError::Truncated));
        }
        let (summary, found) = self.tbs.finish_kept()?;
        let mut parts = Reader::new(&self.pending);
        let algorithm = parts
            .any()
            .map_err(|source| within("signatureAlgorithm", source))?;
        // The parameters are not signed where the algorithm is named behind the TBSCertList: they have to be those in it.
        if algorithm.whole != summary.header.identifier {
            return Err(CrlError::AlgorithmMismatch);
        }
        let algorithm = Identified::from_der(algorithm.whole)?;
        let signature = parts.expect(tag::BIT_STRING).and_then(bit_octets);
        let signature = signature.map_err(|source| within("signatureValue", source))?;
        parts
            .finish()
            .map_err(|source| within("CertificateList", source))?;
        let identifier = summary.extensions.authority_key_identifier();
        check_issuer(&summary.header.issuer, identifier, issuer)?;
        let key = issuer.public_key().map_err(CertificateError::from)?;
        match self.verifier {
            Some(verifier) => verifier.verify_as(algorithm, key, signature)?,
            None => return Err(within("tbsCertList", DerError::Truncated)),
        }
        Ok(ReceivedCrl { summary, found })
    }
}

/// Whether that certificate is of the issuer of a list, and may sign it.
pub(super) fn check_issuer(
    name: &DistinguishedName,
    key_identifier: Option<Vec<u8>>,
    issuer: &Certificate,
) -> Result<(), CrlError> {
    if !name.matches(issuer.subject()) {
        return Err(CertificateError::IssuerName.into());
    }
    if let (Some(authority), Some(subject)) = (key_identifier, issuer.subject_key_identifier())
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
    Ok(())
}

fn within(part: &'static str, source: DerError) -> CrlError {
    CrlError::Der { part, source }
}
