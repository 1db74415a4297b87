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
}

/// What all answers together say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Revoked,
    OnHold,
    Unknown,
    NotKnown,
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
        }
    }

    pub(super) fn is_revoked(self) -> bool {
        matches!(self, Self::Revoked | Self::OnHold)
    }
}

impl Verdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::OnHold => "on_hold",
            Self::Unknown => "unknown",
            Self::NotKnown => "not_known",
        }
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

    fn failed(channel: Kind, url: &str, error: &RelyingError) -> Self {
        Self {
            error: Some(refusal::text(error)),
            ..Self::new(channel, url, Answer::Failed)
        }
    }

    fn revoked(self, time: OffsetDateTime, reason: Option<Reason>) -> Self {
        let answer = match reason {
            Some(Reason::CertificateHold) => Answer::OnHold,
            Some(Reason::RemoveFromCrl) => Answer::Released,
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
    for url in pointers.crl.iter().take(MOST).filter(|_| crl) {
        asked.lists(url, &pointers.freshest_crl, &mut channels).await;
    }
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
        let deltas = each_once(complete.summary.extensions.freshest_crl(), freshest);
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
    }
}

/// The URLs of a list and those of the certificate, which may be the same in another order.
fn each_once(of_list: Vec<String>, of_certificate: &[String]) -> Vec<String> {
    let mut urls = Vec::new();
    for url in of_list.iter().chain(of_certificate) {
        if !urls.contains(url) {
            urls.push(url.clone());
        }
    }
    urls
}

/// Each complete list with its deltas.
pub(super) fn lists(channels: &[Channel]) -> Vec<(&Channel, &[Channel])> {
    let mut lists = Vec::new();
    for (at, channel) in channels.iter().enumerate() {
        if channel.channel == Kind::Crl {
            let behind = channels.get(at + 1..).unwrap_or_default();
            let deltas = behind
                .iter()
                .take_while(|channel| channel.channel == Kind::Delta)
                .count();
            lists.push((channel, behind.get(..deltas).unwrap_or_default()));
        }
    }
    lists
}

/// The row by which a complete list and its deltas say what they say: that of the last word.
pub(super) fn last_word<'a>(complete: &'a Channel, deltas: &'a [Channel]) -> &'a Channel {
    let mut words = deltas
        .iter()
        .filter(|delta| matches!(delta.answer, Answer::Revoked | Answer::OnHold | Answer::Released));
    words.next().unwrap_or(complete)
}

/// What all answers together say: a relying party believes the one that says revoked, and does without none.
pub(super) fn verdict(channels: &[Channel]) -> Verdict {
    let of_lists = lists(channels);
    let mut words: Vec<Answer> = of_lists
        .iter()
        .map(|(complete, deltas)| last_word(complete, deltas).answer)
        .collect();
    let others = channels
        .iter()
        .filter(|channel| channel.channel == Kind::Ocsp || channel.answer == Answer::Failed);
    words.extend(others.map(|channel| channel.answer));
    let has = |answer| words.contains(&answer);
    match () {
        () if has(Answer::Revoked) => Verdict::Revoked,
        () if has(Answer::OnHold) => Verdict::OnHold,
        () if has(Answer::Failed) || words.is_empty() => Verdict::NotKnown,
        () if has(Answer::Unknown) => Verdict::Unknown,
        () => Verdict::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_that_list_and_certificate_name_is_fetched_once() {
        let urls = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let all = each_once(urls(&["a", "b", "a"]), &urls(&["c", "a", "b"]));
        assert_eq!(all, ["a", "b", "c"]);
    }
}
