//! Asks at each place that a certificate points to: OCSP, then each complete list and its deltas.

use client::{RelyingParty, Subject, is_http};
use time::OffsetDateTime;
use x509::crl::ReceivedCrl;
use x509::extension::DistributionPoint;
use x509::ocsp::CertStatus;
use x509::{AccessLocations, Certificate, ExtensionError, Pointers};

use super::channel::{Answer, Channel, Kind};

/// URLs of one kind that are asked.
const MOST: usize = 4;

/// The certificate that is asked about, and the relying party that asks.
pub(super) struct Question<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) issuer: &'a Certificate,
    pub(super) party: &'a RelyingParty,
    pub(super) now: OffsetDateTime,
}

/// The points of an extension, or why it cannot be read.
type Points = Result<Vec<DistributionPoint>, ExtensionError>;

/// Asks one URL after the other.
pub(super) async fn ask(asked: &Question<'_>, ocsp: bool, crl: bool) -> Vec<Channel> {
    let pointers = Pointers::of(asked.certificate);
    let mut channels = Vec::new();
    if ocsp {
        match &pointers.access {
            Ok(access) => asked.responders(access, &mut channels).await,
            Err(error) => channels.push(Channel::without_url(Kind::Ocsp, error.to_string())),
        }
    }
    if crl {
        match &pointers.crl {
            Ok(points) => {
                asked
                    .complete_lists(points, &pointers.freshest_crl, &mut channels)
                    .await;
            }
            Err(error) => channels.push(Channel::without_url(Kind::Crl, error.to_string())),
        }
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

    async fn responders(&self, access: &AccessLocations, channels: &mut Vec<Channel>) {
        let mut places = Places::new(Kind::Ocsp);
        for url in distinct(&access.ocsp) {
            if places.takes(url) {
                channels.push(self.ocsp(url).await);
            }
        }
        channels.extend(places.left());
        if access.has_other_ocsp {
            let error =
                "the certificate names an OCSP responder by something other than a URL, which is not asked";
            channels.push(Channel::without_url(Kind::Ocsp, error.to_owned()));
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
            CertStatus::Revoked { .. } if answer.never_issued => Channel {
                answer: Answer::Unknown,
                never_issued: Some(true),
                ..told
            },
            CertStatus::Good => told,
            CertStatus::Unknown => Channel {
                answer: Answer::Unknown,
                ..told
            },
            CertStatus::Revoked { time, reason } => told.revoked(time, reason),
        }
    }

    async fn complete_lists(
        &self,
        points: &[DistributionPoint],
        freshest: &Points,
        channels: &mut Vec<Channel>,
    ) {
        let mut places = Places::new(Kind::Crl);
        for point in distinct(points) {
            let first = channels.len();
            channels.extend(without_url(Kind::Crl, point));
            for url in distinct(&point.names.uris) {
                if places.takes(url) {
                    self.complete_list((point, url), freshest, channels).await;
                }
            }
            let rows = channels.get_mut(first..).unwrap_or_default();
            settle(Kind::Crl, rows);
        }
        channels.extend(places.left());
    }

    /// At one of its URLs, with its deltas.
    async fn complete_list(
        &self,
        (point, url): (&DistributionPoint, &str),
        freshest: &Points,
        channels: &mut Vec<Channel>,
    ) {
        let serial = self.certificate.serial();
        let complete = match self.party.crl_of((point, url), self.subject(), &[]).await {
            Ok(complete) => complete,
            Err(error) => return channels.push(Channel::failed(Kind::Crl, url, &error)),
        };
        channels.push(Channel::of_list(Kind::Crl, url, &complete, complete.find(serial)));
        let mut points = Vec::new();
        for named in [&complete.summary.extensions.freshest_crl(), freshest] {
            match named {
                Ok(named) => points.extend_from_slice(named),
                Err(error) => channels.push(Channel::without_url(Kind::Delta, error.to_string())),
            }
        }
        self.deltas(&points, &complete, channels).await;
    }

    async fn deltas(
        &self,
        points: &[DistributionPoint],
        complete: &ReceivedCrl,
        channels: &mut Vec<Channel>,
    ) {
        let mut places = Places::new(Kind::Delta);
        for point in distinct(points) {
            let first = channels.len();
            channels.extend(without_url(Kind::Delta, point));
            for url in distinct(&point.names.uris) {
                if places.takes(url) {
                    channels.push(self.delta((point, url), complete).await);
                }
            }
            let rows = channels.get_mut(first..).unwrap_or_default();
            settle(Kind::Delta, rows);
        }
        channels.extend(places.left());
    }

    async fn delta(&self, (point, url): (&DistributionPoint, &str), complete: &ReceivedCrl) -> Channel {
        let serial = self.certificate.serial();
        match self
            .party
            .delta_of((point, url), complete, self.subject(), &[])
            .await
        {
            Ok(delta) if delta.is_newer => {
                Channel::of_list(Kind::Delta, url, &delta.list, delta.list.find(serial))
            }
            Ok(delta) => Channel {
                answer: Answer::Outdated,
                ..Channel::of_list(Kind::Delta, url, &delta.list, None)
            },
            Err(error) => Channel::failed(Kind::Delta, url, &error),
        }
    }
}

/// How many URLs of a kind were asked, and those that are not.
struct Places<'u> {
    kind: Kind,
    asked: usize,
    left: Vec<&'u str>,
}

impl<'u> Places<'u> {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            asked: 0,
            left: Vec::new(),
        }
    }

    fn takes(&mut self, url: &'u str) -> bool {
        // Of others it is said that they are not asked, at no cost.
        let is_taken = !is_http(url) || self.asked < MOST;
        if is_taken {
            self.asked += usize::from(is_http(url));
        } else {
            self.left.push(url);
        }
        is_taken
    }

    fn left(self) -> Option<Channel> {
        Channel::not_asked(self.kind, &self.left, MOST)
    }
}

/// Each once, in their order.
fn distinct<T: PartialEq>(items: &[T]) -> Vec<&T> {
    let mut distinct: Vec<&T> = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    distinct
}

fn without_url(kind: Kind, point: &DistributionPoint) -> Option<Channel> {
    let what = match kind {
        Kind::Delta => "delta CRL",
        Kind::Ocsp | Kind::Crl => "CRL",
    };
    point.names.uris.is_empty().then(|| {
        let error = format!(
            "a distribution point names its {what} by something other than a URL, which is not asked"
        );
        Channel::without_url(kind, error)
    })
}

/// Of the rows of one point: a URL that is not one of HTTP is another way to a list that was read.
fn settle(kind: Kind, rows: &mut [Channel]) {
    let is_of_kind = |row: &Channel| row.channel == kind;
    if rows.iter().any(|row| is_of_kind(row) && !row.answer.is_missing()) {
        let others = rows
            .iter_mut()
            .filter(|row| is_of_kind(row) && !row.url.is_empty() && !is_http(&row.url));
        others.for_each(|row| row.answer = Answer::NotNeeded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::cert_status::verdict::{Verdict, verdict};

    #[test]
    fn a_directory_beside_a_url_that_was_answered_has_no_weight() {
        let row = |url: &str, answer| Channel::new(Kind::Crl, url, answer);
        for (http, expected) in [
            (Answer::NotListed, Verdict::Good),
            (Answer::Revoked, Verdict::Revoked),
            (Answer::Failed, Verdict::NotKnown),
        ] {
            let mut rows = [row("ldap:///CN=a", Answer::Failed), row("HTTP://a.test", http)];
            settle(Kind::Crl, &mut rows);
            assert_eq!(verdict(&rows), expected, "{http:?}");
        }
        let mut alone = [row("ldap:///CN=a", Answer::Failed)];
        settle(Kind::Crl, &mut alone);
        assert_eq!(verdict(&alone), Verdict::NotKnown);
        // Each HTTP URL is asked, and a list that one of them does not have may be another one.
        let mut dead = [
            row("http://a.test", Answer::Failed),
            row("http://b.test", Answer::NotListed),
        ];
        settle(Kind::Crl, &mut dead);
        assert_eq!(verdict(&dead), Verdict::NotKnown);
    }

    #[test]
    fn a_point_without_a_url_is_a_row() {
        let mut point = DistributionPoint::default();
        point.names.others = vec![vec![0xa4, 2, 0x30, 0]];
        let row = without_url(Kind::Crl, &point).unwrap();
        assert_eq!(verdict(&[row]), Verdict::NotKnown);
        assert!(without_url(Kind::Crl, &DistributionPoint::at("http://a.test")).is_none());
    }

    #[test]
    fn each_url_is_asked_once_and_those_of_http_up_to_a_number() {
        let urls = [
            "ldap:///a",
            "http://1",
            "http://2",
            "http://1",
            "http://3",
            "http://4",
            "http://5",
        ];
        let mut places = Places::new(Kind::Crl);
        let asked = distinct(&urls)
            .into_iter()
            .filter(|url| places.takes(url))
            .count();
        assert_eq!(asked, 5);
        assert_eq!(places.left().unwrap().url, "http://5");
    }
}
