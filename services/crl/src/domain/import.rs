//! What a list of an issuer whose key is elsewhere has to be, so that it is served: what relying parties would take.

use lint::{CrlContext, Severity, check_crl};
use time::{Duration, OffsetDateTime};
use x509::asn1::{DerError, Reader, tag};
use x509::crl::{CertificateList, CrlError, CrlExpected, CrlReader};
use x509::extension::DistributionPoint;
use x509::{Certificate, rfc3339};

use super::Publication;

/// Rules for lists that are made here, and not for those of others: relying parties take a list that breaks them. Whether issuer and
/// key belong together is looked at by the comparison of names that RFC 5280 section 7.1 has, and not octet for octet.
const OURS_ONLY: &[&str] = &[
    "cabf_crl_ecdsa_hash_fits_curve",
    "gigvault_crl_entries_ascend",
    "gigvault_crl_point_full_name_only",
    "rfc5280_crl_aki_present",
    "rfc5280_crl_issuer_is_subject_of_issuer",
    "rfc5280_crl_point_is_shard",
    "rfc5280_crl_reason_not_unspecified",
    "rfc5280_crl_revoked_not_empty",
    "x690_crl_default_not_encoded",
    "x690_crl_entry_default_not_encoded",
];
/// Highest number that the database takes; RFC 5280 section 5.2.3 allows 20 octets; what counts lists does not get there.
const HIGHEST: u64 = i64::MAX as u64;
/// A warning comes at least that long before a list runs out, where it holds for twice as long: whoever signs it has to meet first.
const WARNED: Duration = Duration::days(7);

const MIB: usize = 1024 * 1024;
/// Largest list in MiB: one of which the PEM text is read, and fits in the body of a request, where each of its lines of 48 octets is
/// 64 characters and a line feed of two.
pub(crate) const MOST_MIB: u16 = (x509::pem::MAX_LEN / 66 * 48 / MIB) as u16;

/// Why a list is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Relying parties would not take it.
    #[error("{0}")]
    Unacceptable(String),
    /// It would take the place of a later one, or of another with its number.
    #[error("{0}")]
    Outdated(String),
}

/// A list that may be served, with the ends of the octets before, in, and behind its TBSCertList.
#[derive(Debug)]
pub(crate) struct Acceptable {
    pub(crate) list: CertificateList,
    pub(crate) number: u64,
    pub(crate) next_update: OffsetDateTime,
    pub(crate) before_tbs: usize,
    pub(crate) after_tbs: usize,
}

impl Acceptable {
    /// Judges a list by itself: signed by that issuer, complete, in force now, and for the CAs that have these points.
    pub(crate) fn read(
        content: &[u8],
        issuer: &Certificate,
        points: &[DistributionPoint],
        now: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        let unreadable = |error: &dyn std::fmt::Display| Refusal::Unreadable(error.to_string());
        let list = match x509::pem::is_pem(content) {
            true => CertificateList::from_pem(content),
            false => CertificateList::from_der(content),
        };
        let list = list.map_err(|error| unreadable(&error))?;
        let (before_tbs, after_tbs) = parts(list.der()).map_err(|error| unreadable(&error))?;
        list.verify_signed_by(issuer).map_err(|error| {
            Refusal::Unacceptable(format!("it is not a list of {}: {error}", issuer.subject()))
        })?;
        let tbs = list.der().get(before_tbs..after_tbs).unwrap_or_default();
        let found = check_crl(tbs, Some(&CrlContext::issued_by(issuer)));
        let broken = found
            .iter()
            .find(|finding| finding.severity == Severity::Error && !OURS_ONLY.contains(&finding.lint));
        if let Some(broken) = broken {
            return Err(Refusal::Unacceptable(format!(
                "{}: {}",
                broken.lint, broken.detail
            )));
        }
        let number = list.number().filter(|number| *number <= HIGHEST);
        let number = number.ok_or_else(|| {
            Refusal::Unacceptable(format!("its CRL number has to be between 0 and {HIGHEST}"))
        })?;
        let next_update = list.next_update();
        let next_update =
            next_update.ok_or_else(|| Refusal::Unacceptable("it has no nextUpdate".to_owned()))?;
        if next_update <= now {
            return Err(Refusal::Unacceptable(format!(
                "it has run out: its nextUpdate is {}; have the issuer sign a new one",
                rfc3339(next_update)
            )));
        }
        if list.this_update() > now {
            return Err(Refusal::Unacceptable(format!(
                "its thisUpdate, {}, is in the future; compare the clocks of its issuer and of this machine",
                rfc3339(list.this_update())
            )));
        }
        check_as_relying_party(list.der(), issuer, points, now)?;
        Ok(Self {
            list,
            number,
            next_update,
            before_tbs,
            after_tbs,
        })
    }

    /// Looks whether it may take the place of the list that is out. `Ok(true)`: it is that very list.
    pub(crate) fn follows(&self, out: &Publication, digest: &[u8]) -> Result<bool, Refusal> {
        if self.number < out.number {
            return Err(Refusal::Outdated(format!(
                "its CRL number is {}, and {} is out; relying parties that have that one would not take it",
                self.number, out.number
            )));
        }
        if self.number == out.number {
            return match digest == out.digest {
                true => Ok(true),
                false => Err(Refusal::Outdated(format!(
                    "another list with the CRL number {} is out; have the issuer sign one with a higher number",
                    self.number
                ))),
            };
        }
        if self.list.this_update() < out.this_update {
            return Err(Refusal::Outdated(format!(
                "its thisUpdate, {}, comes before that of the list that is out, {}",
                rfc3339(self.list.this_update()),
                rfc3339(out.this_update)
            )));
        }
        Ok(false)
    }
}

/// The very check that relying parties make of the list for a CA with such a point.
fn check_as_relying_party(
    der: &[u8],
    issuer: &Certificate,
    points: &[DistributionPoint],
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let refused = |error: CrlError| {
        Refusal::Unacceptable(format!(
            "relying parties would not take it for the CAs below its issuer: {error}"
        ))
    };
    let mut reader = CrlReader::keeping([]);
    reader.push(der).map_err(refused)?;
    let list = reader.finish(issuer).map_err(refused)?;
    for point in points {
        let expected = CrlExpected {
            point,
            is_ca: true,
            now,
            tolerance: Duration::ZERO,
        };
        list.check(&expected).map_err(refused)?;
    }
    Ok(())
}

/// Where the TBSCertList begins and ends.
fn parts(der: &[u8]) -> Result<(usize, usize), DerError> {
    let content = Reader::single(der, tag::SEQUENCE)?;
    let begin = der.len() - content.len();
    let tbs = Reader::new(content).any()?.whole;
    Ok((begin, begin + tbs.len()))
}

/// When it is to be said that a list of others runs out: a third of its time before, and at least a week, where it holds for two.
pub(crate) fn warned_from(this_update: OffsetDateTime, next_update: OffsetDateTime) -> OffsetDateTime {
    let seconds = (next_update - this_update).whole_seconds();
    let wanted = (seconds / 3).max(WARNED.whole_seconds());
    next_update - Duration::seconds(wanted.min(seconds / 2))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_warning_comes_a_third_of_the_time_before_and_a_week_where_it_can() {
        const END: OffsetDateTime = datetime!(2027-12-31 0:00 UTC);
        for (days, left) in [(360, 120), (30, 10), (18, 7), (14, 7), (4, 2)] {
            let begin = END - Duration::days(days);
            assert_eq!(warned_from(begin, END), END - Duration::days(left), "{days}");
        }
    }
}
