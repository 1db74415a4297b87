//! What the newest certificate of each CA points to, asked as a relying party does: its issuer, OCSP, the CRL and its delta; and what the
//! certificate of the CA points to.

use client::{Ca, Reach, RelyingError, RelyingParty, Subject, is_http, is_unreachable_for_others};
use time::{Duration, OffsetDateTime};
use x509::bundle::Bundle;
use x509::extension::DistributionPoint;
use x509::ocsp::CertStatus;
use x509::{Certificate, Pointers};

use super::{Check, failed, ok, warning};

/// For a URL in certificates that does not lead to what it should.
const PUBLIC_URL: &str = "set listen.public_http_url to a URL that leads to the server's plain HTTP port from everywhere, start \
                          the server again, and renew what was issued before (`gigvault cert renew SERIAL`)";
const LEAD: &str = "let that URL lead to the server's plain HTTP port, from everywhere; or else ";
/// Within this OCSP may not have heard of a revocation.
const TOLD: Duration = Duration::seconds(10);

const ISSUER: &str = "issuer url";
const OCSP: &str = "ocsp url";
const CRL: &str = "crl url";
const KINDS: [&str; 3] = [ISSUER, OCSP, CRL];

/// A CA and a certificate of it, where the credential sees one.
pub(super) struct Issued {
    pub(super) ca: Ca,
    pub(super) newest: Option<client::Certificate>,
}

/// What is found at one URL.
struct UrlFinding {
    kind: &'static str,
    /// It is in the certificate of a CA, which no command renews.
    of_ca: bool,
    /// The URL, or what is wrong, and what to do.
    result: Result<String, (String, String)>,
}

/// Follows the URLs; `server` is that of the API.
pub(super) async fn look(issued: &[Issued], server: &str, now: OffsetDateTime) -> Vec<Check> {
    // The certificates are of the server's own CAs.
    let party = match RelyingParty::new(Reach::private()) {
        Ok(party) => party,
        Err(error) => return vec![failed(ISSUER, error.to_string(), "")],
    };
    let mut look = Look {
        party,
        serves_others: serves_others(server),
        now,
        found: Vec::new(),
    };
    for issued in issued {
        look.follow_all(issued).await;
    }
    KINDS.map(|kind| judged(kind, &look.found)).into()
}

/// All that is wrong of a kind, or the URLs at which nothing is.
fn judged(kind: &'static str, found: &[UrlFinding]) -> Check {
    let of_kind = || found.iter().filter(|found| found.kind == kind);
    let wrong: Vec<&(String, String)> = of_kind()
        .filter_map(|found| found.result.as_ref().err())
        .collect();
    let only_of_cas = of_kind().all(|found| found.of_ca || found.result.is_ok());
    if !wrong.is_empty() {
        let detail: Vec<&str> = wrong.iter().map(|(what, _)| what.as_str()).collect();
        // Each once, in the order of what is wrong.
        let mut fixes: Vec<&str> = Vec::new();
        for (_, fix) in &wrong {
            if !fixes.contains(&fix.as_str()) {
                fixes.push(fix);
            }
        }
        let (detail, fix) = (detail.join("; "), fixes.join("; "));
        return match only_of_cas {
            true => warning(kind, detail, &fix),
            false => failed(kind, detail, &fix),
        };
    }
    let mut urls: Vec<&str> = of_kind()
        .filter_map(|found| found.result.as_deref().ok())
        .collect();
    urls.sort_unstable();
    urls.dedup();
    match urls.is_empty() {
        true => ok(
            kind,
            "not looked at: this credential sees no certificate that names one".to_owned(),
        ),
        false => ok(kind, urls.join(" ")),
    }
}

/// For a server that does not show its CAs or certificates.
pub(super) fn unseen(detail: String) -> Check {
    warning(ISSUER, detail, "")
}

/// Whether a certificate says where its status is asked for.
pub(super) fn names_ocsp(certificate: &client::Certificate) -> bool {
    let parsed = Certificate::from_pem(certificate.certificate.as_bytes());
    parsed.is_ok_and(|certificate| match Pointers::of(&certificate).access {
        Ok(access) => access.has_other_ocsp || !access.ocsp.is_empty(),
        // It says so, and cannot be understood: that is to be seen.
        Err(_) => true,
    })
}

struct Look {
    party: RelyingParty,
    /// Whether other machines use the server.
    serves_others: bool,
    now: OffsetDateTime,
    found: Vec<UrlFinding>,
}

/// A certificate and its issuer.
#[derive(Clone, Copy)]
struct Pair<'a> {
    certificate: &'a Certificate,
    issuer: &'a Certificate,
    /// As the server has it; `None` for the certificate of a CA.
    known: Option<&'a client::Certificate>,
}

impl Look {
    async fn follow_all(&mut self, issued: &Issued) {
        let pem = [issued.ca.certificate.as_str(), &issued.ca.chain].concat();
        let path = Bundle::read(pem.as_bytes()).unwrap_or_default().certificates;
        let newest = issued.newest.as_ref();
        let certificate = newest.and_then(|newest| Certificate::from_pem(newest.certificate.as_bytes()).ok());
        let all = certificate.iter().map(|certificate| (certificate, newest));
        for (certificate, known) in all.chain(path.first().map(|ca| (ca, None))) {
            let issuer = path.iter().find(|ca| certificate.verify_signed_by(ca).is_ok());
            if let Some(issuer) = issuer.filter(|issuer| issuer.der() != certificate.der()) {
                self.follow(Pair {
                    certificate,
                    issuer,
                    known,
                })
                .await;
            }
        }
    }

    async fn follow(&mut self, pair: Pair<'_>) {
        let pointers = Pointers::of(pair.certificate);
        let (access, points) = (pointers.access.as_ref(), pointers.crl.as_ref());
        for (kind, point) in [
            (ISSUER, access.map(|access| point_of(&access.ca_issuers, false))),
            (
                OCSP,
                access.map(|access| point_of(&access.ocsp, access.has_other_ocsp)),
            ),
            (CRL, points.map(|points| points.first().cloned())),
        ] {
            let result = match point {
                Ok(None) => continue,
                Ok(Some(point)) => self.at(kind, &point, pair).await,
                Err(error) => {
                    let what = format!("certificate {}: {error}", pair.certificate.serial());
                    Err((what, PUBLIC_URL.to_owned()))
                }
            };
            self.add(kind, pair, result);
        }
    }

    /// What is found at the first URL of that point.
    async fn at(
        &self,
        kind: &'static str,
        point: &DistributionPoint,
        pair: Pair<'_>,
    ) -> Result<String, (String, String)> {
        let serial = pair.certificate.serial();
        let wrong = |what: String| Err((what, PUBLIC_URL.to_owned()));
        let Some(url) = first_url(point) else {
            return wrong(format!("{kind}: certificate {serial} names no HTTP URL"));
        };
        if is_unreachable_for_others(url, self.serves_others) {
            return wrong(format!(
                "certificate {serial} points to {url}, which only the server itself reaches"
            ));
        }
        match kind {
            ISSUER => self.issuer(url, pair).await,
            OCSP => self.ocsp(url, pair).await,
            _ => self.lists((point, url), pair).await,
        }
        .map(|()| url.to_owned())
    }

    fn add(&mut self, kind: &'static str, pair: Pair<'_>, result: Result<String, (String, String)>) {
        let of_ca = pair.known.is_none();
        self.found.push(UrlFinding { kind, of_ca, result });
    }

    fn subject<'s>(&self, pair: Pair<'s>) -> Subject<'s> {
        Subject {
            issuer: pair.issuer,
            serial: pair.certificate.serial(),
            is_ca: pair.certificate.is_ca(),
            now: self.now,
        }
    }

    async fn issuer(&self, url: &str, pair: Pair<'_>) -> Result<(), (String, String)> {
        let found = self.party.issuer(url, pair.certificate).await;
        found.map(|_| ()).map_err(|error| match error {
            RelyingError::OtherIssuer { .. } | RelyingError::Certificate { .. } => (
                format!(
                    "{url} is not the issuer of certificate {}",
                    pair.certificate.serial()
                ),
                format!("{LEAD}{PUBLIC_URL}"),
            ),
            error => wrong(&error),
        })
    }

    async fn ocsp(&self, url: &str, pair: Pair<'_>) -> Result<(), (String, String)> {
        let answer = self.party.ocsp(url, self.subject(pair), true).await;
        let told = answer.map_err(|error| wrong(&error))?.single.status;
        let Some(known) = pair.known else { return Ok(()) };
        let revoked = known
            .revocation
            .as_ref()
            .filter(|revocation| revocation.time < self.now - TOLD);
        let says = match (told, revoked) {
            (CertStatus::Good, Some(_)) => "good",
            (CertStatus::Unknown, _) => "unknown",
            _ => return Ok(()),
        };
        Err((
            format!(
                "{url} says {says} of certificate {}, which is {}",
                known.serial, known.status
            ),
            "see the log of the processes that run ocsp: they follow what ca tells; and find out whether a cache is in between"
                .to_owned(),
        ))
    }

    async fn lists(&self, place: (&DistributionPoint, &str), pair: Pair<'_>) -> Result<(), (String, String)> {
        let subject = self.subject(pair);
        let complete = self.party.crl_of(place, subject, &[]).await;
        let complete = complete.map_err(|error| wrong(&error))?;
        let unread = |what: String| (format!("{}: {what}", place.1), PUBLIC_URL.to_owned());
        let deltas = complete.summary.extensions.freshest_crl();
        for point in deltas.map_err(|error| unread(error.to_string()))? {
            let none = || unread("the CRL names no HTTP URL of its delta".to_owned());
            let url = first_url(&point).ok_or_else(none)?;
            if is_unreachable_for_others(url, self.serves_others) {
                return Err((
                    format!("the delta of the CRL is at {url}, which only the server itself reaches"),
                    PUBLIC_URL.to_owned(),
                ));
            }
            let delta = self.party.delta_of((&point, url), &complete, subject, &[]);
            delta.await.map_err(|error| wrong(&error))?;
        }
        Ok(())
    }
}

/// These URLs as those of one thing; `None` if nothing is named.
fn point_of(urls: &[String], has_others: bool) -> Option<DistributionPoint> {
    let mut point = DistributionPoint::default();
    point.names.uris = urls.to_vec();
    (has_others || !urls.is_empty()).then_some(point)
}

/// The first that relying parties ask without a directory.
fn first_url(point: &DistributionPoint) -> Option<&str> {
    let mut urls = point.names.uris.iter().map(String::as_str);
    urls.find(|url| is_http(url))
}

/// What is wrong at a URL, and what to do.
fn wrong(error: &RelyingError) -> (String, String) {
    let fix = match error {
        RelyingError::Status { status: 503, .. } => {
            "the server has no answer yet: see the log of the processes that run ocsp and crl".to_owned()
        }
        RelyingError::Response { .. } | RelyingError::Crl { .. } => {
            "see the log of the processes that run ocsp and crl, what they find wrong themselves below, and whether the clocks are right; \
             find out whether a cache or another server is in between"
                .to_owned()
        }
        _ => format!("{LEAD}{PUBLIC_URL}"),
    };
    (error.to_string(), fix)
}

/// Whether other machines use the server at that URL.
fn serves_others(server: &str) -> bool {
    !is_unreachable_for_others(server, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_said_once_for_all_urls_that_it_helps() {
        let wrong = |what: &str, fix: &str| UrlFinding {
            kind: ISSUER,
            of_ca: false,
            result: Err((what.to_owned(), fix.to_owned())),
        };
        let found = [
            wrong("a", "start it"),
            wrong("b", "set the URL"),
            wrong("c", "start it"),
        ];
        let check = judged(ISSUER, &found);
        assert_eq!(
            (check.detail.as_str(), check.fix.as_str()),
            ("a; b; c", "start it; set the URL")
        );
    }
}
