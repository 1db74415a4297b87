//! Where certificates of an issuer point to, and which of them ca says are revoked.

use std::collections::BTreeSet;

use client::{RelyingParty, is_http};
use kit::error::Fault as _;
use kit::grpc::RemoteFault;
use kit::revocations::Revocation;
use proto::ca::v1::{self as wire, CertificateStatus, Protocol};
use store::time::{from_micros, to_micros};
use time::{Duration, OffsetDateTime};
use x509::{Certificate, Pointers, Serial};

use super::super::App;
use super::{Findings, Look};
use crate::domain::{Issuer, Kind, Scope};

/// Certificates of each status that ca is asked for, the newest.
const SAMPLE: u32 = 8;
/// Certificates that end sooner are left out: the canaries by which ca measures how soon revocations are visible (`ca.probe_interval`) would
/// displace all others.
pub(super) const SOON_ENDED: Duration = Duration::minutes(15);
/// URLs of one kind that are asked.
const MOST_URLS: usize = 4;

/// The HTTP URLs in a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Urls {
    pub(super) ocsp: Vec<String>,
    pub(super) ca_issuers: Vec<String>,
    /// Of complete lists.
    pub(super) crl: Vec<String>,
}

/// A sample of the certificates of an issuer.
#[derive(Default)]
pub(super) struct CertificateSample {
    /// Neither revoked nor on hold, newest first, each with its URLs.
    pub(super) valid: Vec<(Certificate, Urls)>,
    /// The same of those that GigVault issued to itself.
    pub(super) internal: Vec<(Certificate, Urls)>,
    pub(super) revoked: Vec<RevokedByCa>,
}

/// What ca says of a certificate that is revoked or on hold.
pub(super) struct RevokedByCa {
    pub(super) serial: Serial,
    pub(super) urls: Urls,
    pub(super) revocation: Revocation,
    /// When ca decided so.
    pub(super) decided: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

impl App {
    /// Asks ca for a sample of the certificates of an issuer.
    pub(super) async fn pointed(&self, issuer: &Issuer, found: &mut Findings) -> CertificateSample {
        let mut pointed = CertificateSample::default();
        for (status, protocol) in [
            (CertificateStatus::Valid, Protocol::Internal),
            (CertificateStatus::Valid, Protocol::Unspecified),
            (CertificateStatus::Revoked, Protocol::Unspecified),
            (CertificateStatus::OnHold, Protocol::Unspecified),
        ] {
            let request = wire::ListRequest {
                limit: SAMPLE,
                ca: issuer.ca.clone(),
                status: status.into(),
                protocol: protocol.into(),
                expires_after_us: to_micros(self.clock.now() + SOON_ENDED),
                ..wire::ListRequest::default()
            };
            match self.ca.clone().list(request).await {
                Ok(answer) => {
                    pointed.take(issuer, answer.into_inner().items);
                    if protocol == Protocol::Internal {
                        pointed.internal = std::mem::take(&mut pointed.valid);
                    }
                }
                Err(status) => {
                    let fault = RemoteFault::from(status);
                    found.unknown.push(format!(
                        "ca did not say which certificates there are: {}",
                        fault.public()
                    ));
                    return pointed;
                }
            }
        }
        pointed
    }
}

impl Urls {
    /// Of one that cannot be read, the linter said so before it was signed: it names none here.
    fn of(certificate: &Certificate) -> Self {
        let pointers = Pointers::of(certificate);
        let http = |urls: Vec<String>| urls.into_iter().filter(|url| is_http(url)).collect();
        let access = pointers.access.unwrap_or_default();
        let points = pointers.crl.unwrap_or_default().into_iter();
        Self {
            ocsp: http(access.ocsp),
            ca_issuers: http(access.ca_issuers),
            crl: http(points.flat_map(|point| point.names.uris).collect()),
        }
    }
}

impl CertificateSample {
    fn take(&mut self, issuer: &Issuer, items: Vec<wire::Certificate>) {
        for item in items {
            let Ok(certificate) = Certificate::from_der(&item.certificate) else {
                continue;
            };
            // Another generation of the CA may have issued it.
            if certificate.verify_signed_by(&issuer.certificate).is_err() {
                continue;
            }
            let urls = Urls::of(&certificate);
            match (item.revocation, certificate.serial().proper()) {
                (None, _) => self.valid.push((certificate, urls)),
                (Some(revocation), Ok(serial)) => self.revoked.push(RevokedByCa {
                    serial,
                    urls,
                    decided: from_micros(revocation.decided_us).unwrap_or(OffsetDateTime::UNIX_EPOCH),
                    not_after: certificate.not_after(),
                    revocation: Revocation::read(&revocation),
                }),
                (Some(_), Err(_)) => {}
            }
        }
    }

    fn urls(&self) -> impl Iterator<Item = &Urls> {
        let revoked = self.revoked.iter().map(|revoked| &revoked.urls);
        self.valid.iter().map(|(_, urls)| urls).chain(revoked)
    }

    /// A valid certificate that OCSP is asked about. One of GigVault itself, if there is one: of others, `last_ocsp_query_at` says
    /// whether they are in use.
    pub(super) fn asked_about(&self) -> Option<&Certificate> {
        let first = self.internal.first().or_else(|| self.valid.first());
        first.map(|(certificate, _)| certificate)
    }

    /// The URLs at which these certificates have OCSP, or else that one.
    pub(super) fn ocsp(&self, or: String) -> Vec<String> {
        first(self.urls().flat_map(|urls| &urls.ocsp), or)
    }

    /// The URLs at which they have the complete list of a scope, or else that one.
    pub(super) fn complete_list(&self, scope: &Scope, or: String) -> Vec<String> {
        let path = scope.path(Kind::Complete);
        let urls = self.urls().flat_map(|urls| &urls.crl);
        first(urls.filter(|url| url.ends_with(&path)), or)
    }
}

/// The first of them, each once.
fn first<'u>(urls: impl Iterator<Item = &'u String>, or: String) -> Vec<String> {
    let mut known = BTreeSet::new();
    let urls: Vec<String> = urls
        .filter(|url| known.insert(*url))
        .take(MOST_URLS)
        .cloned()
        .collect();
    match urls.is_empty() {
        true => vec![or],
        false => urls,
    }
}

impl Look<'_> {
    /// Whether the certificate of the issuer is where certificates say.
    pub(super) async fn issuer_certificates(&self, party: &RelyingParty, found: &mut Findings) {
        let mut asked = BTreeSet::new();
        for (certificate, urls) in &self.pointed.valid {
            for url in &urls.ca_issuers {
                if asked.len() >= MOST_URLS || !asked.insert(url) {
                    continue;
                }
                match party.issuer(url, certificate).await {
                    Ok(issuer) if issuer.der() == self.issuer.certificate.der() => {}
                    Ok(issuer) => found.problems.push(format!(
                        "{url} has another certificate of {}: its serial number is {}, and that of the CA {}",
                        self.issuer.name,
                        issuer.serial(),
                        self.issuer.certificate.serial()
                    )),
                    Err(error) => found.failed(&error),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_asked_for_where_certificates_say_and_else_where_they_would() {
        let urls = |crl: &[&str]| Urls {
            crl: crl.iter().map(|url| (*url).to_owned()).collect(),
            ..Urls::default()
        };
        let revoked = |crl: &[&str]| RevokedByCa {
            serial: Serial::from_bytes(&[1]).unwrap(),
            urls: urls(crl),
            revocation: Revocation {
                time: OffsetDateTime::UNIX_EPOCH,
                reason: x509::crl::Reason::Superseded,
                invalidity: None,
            },
            decided: OffsetDateTime::UNIX_EPOCH,
            not_after: OffsetDateTime::UNIX_EPOCH,
        };
        let pointed = CertificateSample {
            revoked: vec![
                revoked(&["http://new.test/crl/a.crl", "http://other.test/lists/a.crl"]),
                revoked(&["http://new.test/crl/a.crl"]),
                revoked(&["http://old.test/crl/a.crl"]),
                revoked(&["http://new.test/crl/a/2.crl"]),
            ],
            ..CertificateSample::default()
        };
        let urls = |shard| {
            let scope = Scope {
                issuer: "a".to_owned(),
                shard,
            };
            pointed.complete_list(&scope, "or".to_owned())
        };
        assert_eq!(
            urls(0),
            ["http://new.test/crl/a.crl", "http://old.test/crl/a.crl"]
        );
        assert_eq!(urls(2), ["http://new.test/crl/a/2.crl"]);
        assert_eq!(urls(1), ["or"]);
        assert_eq!(pointed.ocsp("or".to_owned()), ["or"]);
    }
}
