//! What each URL answered.

use client::{RelyingError, RelyingParty, Subject};
use serde::Serialize;
use time::OffsetDateTime;
use x509::crl::{CrlEntry, Reason, ReceivedCrl};
use x509::ocsp::CertStatus;
use x509::{Certificate, Pointers, ReceivedSerial};

use super::refusal;

/// URLs of one kind that are asked.
const MOST: usize = 4;

/// The certificate that is asked about, and the relying party that asks.
pub(super) struct Question<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) issuer: &'a Certificate,
    pub(super) party: &'a RelyingParty,
    pub(super) now: OffsetDateTime,
}

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
}

/// One URL and its answer.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Channel {
    pub(super) channel: Kind,
    pub(super) url: String,
    pub(super) answer: Answer,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) revoked_at: Option<OffsetDateTime>,
    /// Kebab case.
    pub(super) reason: Option<String>,
    /// Of a CRL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<u64>,
    /// Of OCSP: whether the answer was made for this request, and is from no cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nonce_repeated: Option<bool>,
    /// Of OCSP: whether the status of the responder's own certificate is not to be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) no_check: Option<bool>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) this_update: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) next_update: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
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
            this_update: None,
            next_update: None,
            error: None,
        }
    }

    /// Of URLs of a kind that are more than are asked, as one row.
    fn not_asked<'u>(channel: Kind, urls: impl IntoIterator<Item = &'u String>) -> Option<Self> {
        let mut urls = urls.into_iter().skip(MOST);
        let first = urls.next()?;
        let others = match urls.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(Self {
            error: Some(format!(
                "{first}{others}: not asked, since {MOST} URLs of a kind are"
            )),
            ..Self::new(channel, first, Answer::NotAsked)
        })
    }

    fn failed(channel: Kind, url: &str, error: &RelyingError) -> Self {
        Self {
            error: Some(refusal::text(error)),
            ..Self::new(channel, url, Answer::Failed)
        }
    }

    fn revoked(self, time: OffsetDateTime, reason: Option<Reason>) -> Self {
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

    fn of_list(
        channel: Kind,
        url: &str,
        list: &ReceivedCrl,
        entry: Option<&CrlEntry<ReceivedSerial>>,
    ) -> Self {
        let header = &list.summary.header;
        let told = Self {
            number: list.summary.extensions.number(),
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

/// Asks every URL, one after the other: OCSP, then each complete list and its delta.
pub(super) async fn ask(asked: &Question<'_>, ocsp: bool, crl: bool) -> Vec<Channel> {
    let pointers = Pointers::of(asked.certificate);
    let mut channels = Vec::new();
    for url in pointers.ocsp.iter().take(MOST).filter(|_| ocsp) {
        channels.push(asked.ocsp(url).await);
    }
    channels.extend(Channel::not_asked(Kind::Ocsp, &pointers.ocsp).filter(|_| ocsp));
    for url in pointers.crl.iter().take(MOST).filter(|_| crl) {
        asked.lists(url, &pointers.freshest_crl, &mut channels).await;
    }
    channels.extend(Channel::not_asked(Kind::Crl, &pointers.crl).filter(|_| crl));
    channels
}

impl Question<'_> {
    fn subject(&self) -> Subject<'_> {
        Subject {
            issuer: self.issuer,
            serial: self.certificate.serial(),
            is_ca: self.certificate.is_ca(),
            now: self.now,
        }
    }

    async fn ocsp(&self, url: &str) -> Channel {
        let answer = match self.party.ocsp(url, self.subject(), true).await {
            Ok(answer) => answer,
            Err(error) => return Channel::failed(Kind::Ocsp, url, &error),
        };
        let told = Channel {
            nonce_repeated: Some(answer.nonce_repeated),
            no_check: Some(answer.no_check),
            this_update: Some(answer.single.this_update),
            next_update: answer.single.next_update,
            ..Channel::new(Kind::Ocsp, url, Answer::Good)
        };
        match answer.single.status {
            CertStatus::Good => told,
            CertStatus::Unknown => Channel {
                answer: Answer::Unknown,
                ..told
            },
            CertStatus::Revoked { time, reason } => told.revoked(time, reason),
        }
    }

    async fn lists(&self, url: &str, freshest: &[String], channels: &mut Vec<Channel>) {
        let serial = self.certificate.serial();
        let complete = match self.party.crl(url, self.subject(), &[]).await {
            Ok(complete) => complete,
            Err(error) => return channels.push(Channel::failed(Kind::Crl, url, &error)),
        };
        channels.push(Channel::of_list(Kind::Crl, url, &complete, complete.find(serial)));
        let mut deltas = complete.summary.extensions.freshest_crl();
        for url in freshest {
            if !deltas.contains(url) {
                deltas.push(url.clone());
            }
        }
        for url in deltas.iter().take(MOST) {
            let delta = self.party.delta(url, &complete, self.subject(), &[]).await;
            channels.push(match delta {
                Ok(delta) if delta.is_newer => {
                    Channel::of_list(Kind::Delta, url, &delta.list, delta.list.find(serial))
                }
                Ok(delta) => Channel {
                    answer: Answer::Outdated,
                    ..Channel::of_list(Kind::Delta, url, &delta.list, None)
                },
                Err(error) => Channel::failed(Kind::Delta, url, &error),
            });
        }
        channels.extend(Channel::not_asked(Kind::Delta, &deltas));
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
        let urls: Vec<String> = (0..6).map(|number| format!("http://p/{number}")).collect();
        let row = |count: usize| Channel::not_asked(Kind::Crl, &urls[..count]);
        assert!(row(MOST).is_none());
        assert_eq!(row(5).unwrap().url, "http://p/4");
        assert!(
            row(6)
                .unwrap()
                .error
                .unwrap()
                .starts_with("http://p/4 and 1 more: ")
        );
    }
}
