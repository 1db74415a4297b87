//! The health of a CA, as it is seen from outside.

use kit::clock::rfc3339;
use time::{Duration, OffsetDateTime};

/// What was found longer ago than this says nothing of now. Self-checks are five minutes apart.
pub(crate) const STALE: Duration = Duration::minutes(15);

/// Whether relying parties are told what is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing is wrong.
    Healthy,
    /// Something is wrong.
    Unhealthy,
    /// Nothing is known to be wrong, and something is not known.
    Unknown,
}

impl Health {
    /// As it is written in answers and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }

    /// That of a whole, by its parts. Of nothing, nothing is known.
    pub(crate) fn of_all(parts: impl IntoIterator<Item = Self>) -> Self {
        let worst = |whole: Option<Self>, part| match (whole, part) {
            (Some(Self::Unhealthy), _) | (_, Self::Unhealthy) => Some(Self::Unhealthy),
            (Some(Self::Unknown), _) | (_, Self::Unknown) => Some(Self::Unknown),
            (Some(Self::Healthy) | None, Self::Healthy) => Some(Self::Healthy),
        };
        parts.into_iter().fold(None, worst).unwrap_or(Self::Unknown)
    }

    /// Of what a look found.
    pub(crate) fn of(problems: bool, unknown: bool) -> Self {
        match (problems, unknown) {
            (true, _) => Self::Unhealthy,
            (false, true) => Self::Unknown,
            (false, false) => Self::Healthy,
        }
    }
}

/// What a self-check found of an issuer generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerHealth {
    /// `issuing`, `issuing.2`.
    pub issuer: String,
    /// Name of the CA.
    pub ca: String,
    /// What is wrong, for people.
    pub problems: Vec<String>,
    /// What could not be looked at, for people.
    pub unknown: Vec<String>,
    /// Since when it is healthy, unhealthy, or not known.
    pub since: OffsetDateTime,
    /// When it was looked at last.
    pub checked: OffsetDateTime,
}

impl IssuerHealth {
    /// As it was found.
    #[must_use]
    pub fn found(&self) -> Health {
        Health::of(!self.problems.is_empty(), !self.unknown.is_empty())
    }

    /// What that says of now: nothing, where the last look is too long ago. What was wrong may have been
    /// put right since, and the self-check may have been switched off.
    #[must_use]
    pub fn health(&self, now: OffsetDateTime) -> Health {
        match self.is_stale(now) {
            true => Health::Unknown,
            false => self.found(),
        }
    }

    /// The same with its texts: what was found too long ago is told as what was found then.
    pub(crate) fn aged(self, now: OffsetDateTime) -> Self {
        if !self.is_stale(now) || self.found() == Health::Unknown {
            return self;
        }
        let (found, at) = (self.found().as_str(), rfc3339(self.checked));
        let was = format!("not looked at since {at}, and {found} then");
        let problems = self.problems.iter().map(|text| format!("found at {at}: {text}"));
        Self {
            unknown: std::iter::once(was).chain(problems).chain(self.unknown).collect(),
            problems: Vec::new(),
            since: (self.checked + STALE).min(now),
            ..self
        }
    }

    /// Whether the last look is too long ago; or as far ahead, since the clock was put back.
    pub(crate) fn is_stale(&self, now: OffsetDateTime) -> bool {
        (now - self.checked).abs() > STALE
    }
}

/// What one process of `ocsp` says of a CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspHealth {
    /// By issuer generation.
    pub responders: Vec<OcspResponder>,
    /// Revocations and holds that are known, of all CAs.
    pub revocations: u64,
    /// How old that can be; `None` before the feed was read to its end.
    pub feed_age: Option<std::time::Duration>,
    /// Whether answers rest on it.
    pub is_current: bool,
    /// Responses of the last minutes, of all CAs.
    pub responses: u64,
    /// Of 95 of 100 of them, the longest time, to within a factor of two; `None` without any.
    pub p95: Option<std::time::Duration>,
    /// Since when they are counted.
    pub since: OffsetDateTime,
}

/// Who signs the OCSP responses of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspResponder {
    /// Issuer generation.
    pub issuer: String,
    /// The end of its certificate; `None` where nothing can be signed.
    pub not_after: Option<OffsetDateTime>,
    /// It should have been replaced.
    pub is_due: bool,
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05 UTC);

    fn found(problems: &[&str], unknown: &[&str]) -> IssuerHealth {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        IssuerHealth {
            issuer: "issuing".to_owned(),
            ca: "issuing".to_owned(),
            problems: owned(problems),
            unknown: owned(unknown),
            since: NOW,
            checked: NOW,
        }
    }

    #[test]
    fn what_was_not_looked_at_for_a_while_is_not_healthy() {
        let at = |found: &IssuerHealth, minutes| found.health(NOW + Duration::minutes(minutes));
        assert_eq!(at(&found(&[], &[]), 15), Health::Healthy);
        assert_eq!(at(&found(&[], &[]), 16), Health::Unknown);
        assert_eq!(at(&found(&[], &["ca"]), 0), Health::Unknown);
        assert_eq!(at(&found(&["signature"], &["ca"]), 15), Health::Unhealthy);
        assert_eq!(at(&found(&["signature"], &["ca"]), 16), Health::Unknown);
    }

    #[test]
    fn what_was_found_too_long_ago_is_told_with_its_time() {
        let at = |found: IssuerHealth, minutes| found.aged(NOW + Duration::minutes(minutes));
        let fresh = found(&["signature"], &["ca"]);
        assert_eq!(at(fresh.clone(), 15), fresh);
        let old = at(fresh, 16);
        let of = "2027-01-02T03:04:05Z";
        let expected = [
            format!("not looked at since {of}, and unhealthy then"),
            format!("found at {of}: signature"),
            "ca".to_owned(),
        ];
        assert_eq!((old.unknown.as_slice(), old.problems.len()), (&expected[..], 0));
        assert_eq!((old.since, old.checked), (NOW + STALE, NOW));
        // Told once.
        assert_eq!(at(old.clone(), 99), old);
    }

    #[test]
    fn a_whole_is_as_its_worst_part_and_of_nothing_nothing_is_known() {
        use Health::{Healthy, Unhealthy, Unknown};
        assert_eq!(Health::of_all([]), Unknown);
        assert_eq!(Health::of_all([Healthy, Healthy]), Healthy);
        assert_eq!(Health::of_all([Healthy, Unknown]), Unknown);
        assert_eq!(Health::of_all([Unhealthy, Unknown, Healthy]), Unhealthy);
        assert_eq!(Health::of_all([Unknown, Healthy, Unhealthy]), Unhealthy);
    }
}
