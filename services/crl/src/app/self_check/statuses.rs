//! What OCSP says, and what ca says.

use std::collections::BTreeSet;
use std::time::Duration;

use client::RelyingParty;
use kit::error::Fault as _;
use kit::grpc::RemoteFault;
use kit::revocations::Revocation;
use proto::ca::v1::StatusRequest;
use tokio::time::sleep;
use x509::crl::Reason;
use x509::ocsp::CertStatus;
use x509::{ReceivedSerial, Serial};

use super::{Findings, Look, expected, word};
use crate::domain::SampledEntry;

/// Within this time OCSP has heard of what was committed, or asks ca. Where much is revoked, a sample always has what is newer.
const HEARD: Duration = Duration::from_secs(2);
/// Certificates of a sample that OCSP is asked about: each costs a signature.
const ASKED: usize = 3;

/// What OCSP is to say of a certificate.
#[derive(Clone, Copy)]
struct ExpectedStatus {
    reason: Option<Reason>,
    /// Who says so.
    by: &'static str,
    /// `ca` lost the revocation, and maybe the certificate. Anything but good is right of it.
    lost: bool,
    /// It is not revoked any more: who does not know it says nothing wrong.
    released: bool,
}

fn is_released(one: &SampledEntry) -> bool {
    one.entry.reason == Some(Reason::RemoveFromCrl)
}

impl ExpectedStatus {
    fn by_ca(reason: Option<Reason>) -> Self {
        Self {
            reason,
            by: "ca",
            lost: false,
            released: false,
        }
    }

    fn by_list(one: &SampledEntry) -> Self {
        Self {
            reason: expected(&one.entry),
            by: "the CRL",
            lost: one.lost_by_ca,
            released: is_released(one),
        }
    }
}

impl Look<'_> {
    /// Whether OCSP says of a certificate that is valid, and of one that is revoked or on hold, what ca says.
    pub(super) async fn statuses_of_issuer(&self, party: &RelyingParty, found: &mut Findings) {
        let valid = self.pointed.asked_about();
        let valid = valid.map(|certificate| (certificate.serial().clone(), None));
        let mut revoked = self.pointed.revoked.iter();
        let revoked = revoked.find(|revoked| revoked.not_after >= self.now);
        let revoked = revoked.map(|revoked| (revoked.serial.into(), Some(revoked.revocation.reason)));
        for url in self.pointed.ocsp(self.app.ocsp_url()) {
            for (serial, reason) in valid.iter().chain(&revoked) {
                self.ocsp((party, &url), serial, ExpectedStatus::by_ca(*reason), found)
                    .await;
            }
        }
    }

    /// Whether OCSP and ca say of the sample what the database has.
    pub(super) async fn statuses_of(
        &self,
        party: &RelyingParty,
        sample: &[SampledEntry],
        found: &mut Findings,
    ) {
        let urls = self.pointed.ocsp(self.app.ocsp_url());
        // Of a released hold that ca knows nothing of, OCSP may say anything.
        let unknown = self.ca(sample, found).await;
        let asked = sample
            .iter()
            .filter(|one| !(is_released(one) && unknown.contains(&one.entry.serial)));
        for one in asked.take(ASKED) {
            let serial = ReceivedSerial::from(one.entry.serial);
            if let Some(url) = urls.first() {
                self.ocsp((party, url), &serial, ExpectedStatus::by_list(one), found)
                    .await;
            }
        }
    }

    async fn ocsp(
        &self,
        (party, url): (&RelyingParty, &str),
        serial: &ReceivedSerial,
        wanted: ExpectedStatus,
        found: &mut Findings,
    ) {
        let mut problem = None;
        for wait in [Duration::ZERO, HEARD] {
            sleep(wait).await;
            let answer = match party.ocsp(url, self.subject(serial), true).await {
                Ok(answer) => answer,
                Err(error) => return found.failed(&error),
            };
            let says = match answer.single.status {
                CertStatus::Good => None,
                CertStatus::Revoked { reason, .. } => Some(reason.unwrap_or(Reason::Unspecified)),
                // A relying party does not take what the responder does not know.
                CertStatus::Unknown if wanted.lost || wanted.released => return,
                CertStatus::Unknown => {
                    problem = Some(format!("{url} does not know certificate {serial}"));
                    continue;
                }
            };
            if says == wanted.reason || (wanted.lost && says.is_some()) {
                return;
            }
            problem = Some(format!(
                "{url} says {} of certificate {serial}, and {} {}",
                word(says),
                wanted.by,
                word(wanted.reason)
            ));
        }
        found.problems.extend(problem);
    }

    /// Answers those that it did not issue.
    async fn ca(&self, sample: &[SampledEntry], found: &mut Findings) -> BTreeSet<Serial> {
        let mut unissued = BTreeSet::new();
        if sample.is_empty() {
            return unissued;
        }
        let serials: Vec<Serial> = sample.iter().map(|one| one.entry.serial).collect();
        let request = StatusRequest {
            issuer: self.issuer.name.clone(),
            serials: serials.iter().map(Serial::to_content).collect(),
        };
        let answered = match self.app.ca.clone().status(request).await {
            Ok(answer) => answer.into_inner().items,
            Err(status) => {
                let fault = RemoteFault::from(status);
                let text = format!(
                    "ca did not say which certificates are revoked: {}",
                    fault.public()
                );
                found.unknown.push(text);
                return unissued;
            }
        };
        if answered.len() != sample.len() {
            let text = "ca did not say of each certificate whether it is revoked".to_owned();
            found.unknown.push(text);
            return unissued;
        }
        for (one, status) in sample.iter().zip(answered) {
            let serial = one.entry.serial;
            let says = status
                .revocation
                .map(|revocation| Revocation::read(&revocation).reason);
            if !status.issued {
                unissued.insert(serial);
            }
            if !status.issued && (one.lost_by_ca || is_released(one)) {
                // It cannot be revoked again, and need not be: the CRL lists it, and OCSP does not call it good. Of a hold that was
                // released, only deltas tell, and that it is over.
            } else if !status.issued {
                let problem = format!("ca did not issue certificate {serial}, which the CRL lists");
                found.problems.push(problem);
            } else if says != expected(&one.entry) {
                let fix = match (one.lost_by_ca, expected(&one.entry)) {
                    (true, Some(Reason::CertificateHold)) => {
                        ": the database of ca was restored from an older backup, put the certificate on hold again"
                    }
                    (true, _) => {
                        ": the database of ca was restored from an older backup, revoke the certificate again"
                    }
                    (false, _) => "",
                };
                found.problems.push(format!(
                    "ca says {} of certificate {serial}, and the CRL {}{fix}",
                    word(says),
                    word(expected(&one.entry))
                ));
            }
        }
        unissued
    }
}
