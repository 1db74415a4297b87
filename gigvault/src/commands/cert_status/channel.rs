//! What each URL answered.

use client::RelyingError;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use x509::ReceivedSerial;
use x509::crl::{CrlEntry, CrlNumber, Reason, ReceivedCrl};

use super::refusal;

/// A way to learn the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Ocsp,
    Crl,
    /// Of the complete CRL before it.
    Delta,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Good,
    Revoked,
    OnHold,
    /// The responder does not know the certificate.
    Unknown,
    /// The list does not have it: by a complete list it is good, by a delta nothing has changed.
    NotListed,
    /// The delta takes it out of the complete list.
    Released,
    /// The delta is older than the complete list, and not applied.
    Outdated,
    Failed,
    /// More URLs are named than are asked.
    NotAsked,
    /// Not a URL of HTTP, and another one of the same list was answered.
    NotNeeded,
}

/// One URL and its answer.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Channel {
    pub(super) channel: Kind,
    /// Empty where there is none.
    pub(super) url: String,
    pub(super) answer: Answer,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) revoked_at: Option<OffsetDateTime>,
    /// Kebab case.
    pub(super) reason: Option<String>,
    /// Of a CRL: a JSON number up to 64 bits, and text above.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number")]
    pub(super) number: Option<CrlNumber>,
    /// Of OCSP: whether the answer was made for this request, and is from no cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nonce_repeated: Option<bool>,
    /// Of OCSP: whether the status of the responder's own certificate is not to be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) no_check: Option<bool>,
    /// Of OCSP, beside `unknown`: the responder says that the CA never issued the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) never_issued: Option<bool>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) this_update: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) next_update: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

fn number<S: Serializer>(number: &Option<CrlNumber>, serializer: S) -> Result<S::Ok, S::Error> {
    match number.map(|number| (number.as_u64(), number)) {
        None => serializer.serialize_none(),
        Some((Some(short), _)) => serializer.serialize_u64(short),
        Some((None, long)) => serializer.collect_str(&long),
    }
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ocsp => "ocsp",
            Self::Crl => "crl",
            Self::Delta => "delta",
        }
    }
}

impl Answer {
    /// As a table shows it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::OnHold => "on_hold",
            Self::Unknown => "unknown",
            Self::NotListed => "not listed",
            Self::Released => "released",
            Self::Outdated => "outdated",
            Self::Failed => "failed",
            Self::NotAsked => "not asked",
            Self::NotNeeded => "not needed",
        }
    }

    /// Whether nothing was learned, although there may be something.
    pub(super) fn is_missing(self) -> bool {
        matches!(self, Self::Failed | Self::NotAsked)
    }

    pub(super) fn is_revoked(self) -> bool {
        matches!(self, Self::Revoked | Self::OnHold)
    }
}

impl Channel {
    pub(super) fn new(channel: Kind, url: &str, answer: Answer) -> Self {
        Self {
            channel,
            url: url.to_owned(),
            answer,
            revoked_at: None,
            reason: None,
            number: None,
            nonce_repeated: None,
            no_check: None,
            never_issued: None,
            this_update: None,
            next_update: None,
            error: None,
        }
    }

    /// Of URLs that are more than are asked, as one row.
    pub(super) fn not_asked(channel: Kind, urls: &[&str], most: usize) -> Option<Self> {
        let (first, others) = urls.split_first()?;
        let others = match others.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(Self {
            error: Some(format!(
                "{first}{others}: not asked, since {most} URLs of a kind are"
            )),
            ..Self::new(channel, first, Answer::NotAsked)
        })
    }

    /// Of what names no URL.
    pub(super) fn without_url(channel: Kind, error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::new(channel, "", Answer::Failed)
        }
    }

    pub(super) fn failed(channel: Kind, url: &str, error: &RelyingError) -> Self {
        Self {
            error: Some(refusal::text(error)),
            ..Self::new(channel, url, Answer::Failed)
        }
    }

    pub(super) fn revoked(self, time: OffsetDateTime, reason: Option<Reason>) -> Self {
        let answer = match reason {
            Some(Reason::CertificateHold) => Answer::OnHold,
            // Elsewhere it has no meaning (RFC 5280 section 5.3.1), and "revoked" was said.
            Some(Reason::RemoveFromCrl) if self.channel == Kind::Delta => Answer::Released,
            _ => Answer::Revoked,
        };
        Self {
            answer,
            revoked_at: (answer != Answer::Released).then_some(time),
            // Without one in the answer it is not specified (RFC 5280 section 5.3.1).
            reason: Some(reason.unwrap_or(Reason::Unspecified).to_string()),
            ..self
        }
    }

    pub(super) fn of_list(
        channel: Kind,
        url: &str,
        list: &ReceivedCrl,
        entry: Option<&CrlEntry<ReceivedSerial>>,
    ) -> Self {
        let header = &list.summary.header;
        let told = Self {
            number: list.summary.extensions.crl_number(),
            this_update: Some(header.this_update),
            next_update: header.next_update,
            ..Self::new(channel, url, Answer::NotListed)
        };
        match entry {
            Some(entry) => told.revoked(entry.time, entry.reason),
            None => told,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_delta_releases() {
        for (kind, answer) in [
            (Kind::Ocsp, Answer::Revoked),
            (Kind::Crl, Answer::Revoked),
            (Kind::Delta, Answer::Released),
        ] {
            let channel = Channel::new(kind, "http://pki.example.test/x", Answer::Good);
            let told = channel.revoked(OffsetDateTime::UNIX_EPOCH, Some(Reason::RemoveFromCrl));
            assert_eq!(told.answer, answer, "{kind:?}");
        }
    }

    #[test]
    fn urls_beyond_those_that_are_asked_are_a_row() {
        let row = |urls: &[&str]| Channel::not_asked(Kind::Crl, urls, 4);
        assert!(row(&[]).is_none());
        let one = row(&["http://p/4"]).unwrap();
        assert_eq!((&*one.url, one.answer), ("http://p/4", Answer::NotAsked));
        let two = row(&["http://p/4", "http://p/5"]).unwrap().error.unwrap();
        assert!(two.starts_with("http://p/4 and 1 more: "), "{two}");
    }
}
