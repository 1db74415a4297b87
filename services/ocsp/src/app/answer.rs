//! Answers a request (RFC 6960 section 2): one response for all its certificates, or an error.

use std::sync::Arc;

use bytes::Bytes;
use kit::error::{Fault, Kind, chain};
use time::OffsetDateTime;
use tokio::time::Instant;
use vocabulary::metric;
use x509::Serial;
use x509::ocsp::{CertId, ErrorStatus, OcspRequest, RequestError};

use super::App;
use super::cache::{Age, CachedResponse, Key, Source};
use super::certificate_status::{CertificateStatus, Target};
use super::make::NotCached;
use crate::domain::{Issuer, Revocation};
use crate::error::Error;

/// How often a response is made for one request: what it says may become wrong while it is signed.
const ATTEMPTS: u32 = 3;

/// What a client gets.
#[derive(Clone, Debug)]
pub struct Reply {
    /// DER of the OCSPResponse.
    pub der: Bytes,
    /// How long others may keep it; nothing for answers to a nonce, and for errors.
    pub fresh: Option<Fresh>,
}

/// The times of a response that may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// thisUpdate.
    pub this_update: OffsetDateTime,
    /// nextUpdate.
    pub next_update: OffsetDateTime,
    /// When it is sent.
    pub now: OffsetDateTime,
}

/// Why there is no response.
enum Refusal {
    /// The request cannot be read, or asks for no CA of ours; or what is known is too old to answer it.
    Status(ErrorStatus),
    /// This service, or one that it needs.
    Failed(Arc<Error>),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(Arc::new(error))
    }
}

impl App {
    /// The answer to a request, or to what is not one.
    pub async fn answer(&self, request: Result<OcspRequest, RequestError>) -> Reply {
        let started = Instant::now();
        let answered = match request {
            Ok(request) => self.respond(&request).await,
            Err(error) => {
                tracing::debug!(cause = %error, "OCSP request refused");
                Err(Refusal::Status(error.status()))
            }
        };
        let reply = answered.unwrap_or_else(|refusal| self.refuse(&refusal));
        let took = started.elapsed();
        self.0.latency.record(took);
        metrics::histogram!(metric::OCSP_RESPONSE_SECONDS).record(took.as_secs_f64());
        reply
    }

    async fn respond(&self, request: &OcspRequest) -> Result<Reply, Refusal> {
        let Some(issuers) = self.0.issuers.load_full() else {
            return Err(Refusal::Status(ErrorStatus::TryLater));
        };
        let target = |id: &CertId| Target {
            id: id.clone(),
            issuer: issuers.named_by(id).cloned(),
        };
        let mut targets: Vec<Target> = request.cert_ids().iter().map(target).collect();
        // A response has one signature: that of the responder of the first CA that is ours. Of certificates of others it knows
        // nothing that clients would believe (RFC 6960 section 4.2.2.2).
        let Some(signs_for) = targets.iter().find_map(|target| target.issuer.clone()) else {
            return Err(Refusal::Status(ErrorStatus::Unauthorized));
        };
        for target in &mut targets {
            target.issuer = target
                .issuer
                .take()
                .filter(|issuer| issuer.name == signs_for.name);
        }
        if let ([target], None) = (targets.as_slice(), request.nonce())
            && let Ok(serial) = target.id.serial().proper()
            && let Some(key) = Key::of(&signs_for, serial, &target.id)
            && let Some(reply) = self.kept_or_made(&signs_for, target, (serial, key)).await?
        {
            return Ok(reply);
        }
        self.live(&signs_for, &targets, request).await
    }

    /// A response that is kept, or is made to be; none if it must not be kept.
    async fn kept_or_made(
        &self,
        issuer: &Arc<Issuer>,
        target: &Target,
        (serial, key): (Serial, Key),
    ) -> Result<Option<Reply>, Refusal> {
        let now = self.0.clock.now();
        let kept = self
            .0
            .responses
            .find(&key)
            .await
            .filter(|kept| kept.is_valid(now) && !self.is_revoked(issuer, kept.signed.signer));
        let still_true = match &kept {
            Some(kept) => {
                self.is_still_true(kept.revocation, target, (&issuer.name, &serial))
                    .await?
            }
            None => false,
        };
        if let Some(kept) = kept.filter(|_| still_true) {
            if !kept.signed.is_young(now) {
                self.renew(issuer, target, (key, &kept));
            }
            return Ok(Some(self.reply((issuer, serial), &kept, Source::Memory)));
        }
        self.0.responses.remove(&key).await;
        for _ in 0..ATTEMPTS {
            let make = self.make(issuer, target, (&key, Age::Any));
            let not_kept = match self.0.responses.find_or_make(key.clone(), make).await {
                Ok(made) if self.may_be_told(target, made.status(), made.read_at) => {
                    return Ok(Some(self.reply((issuer, serial), &made, made.source)));
                }
                Ok(_outdated) => {
                    self.0.responses.remove(&key).await;
                    continue;
                }
                Err(not_kept) => not_kept,
            };
            return match &*not_kept {
                NotCached::Unissued => Ok(None),
                NotCached::Failed(error) => Err(Refusal::Failed(Arc::clone(error))),
            };
        }
        Err(Refusal::Status(ErrorStatus::TryLater))
    }

    /// Whether what a kept response says is what is known now; asks the CA service where nothing current is known.
    async fn is_still_true(
        &self,
        said: Option<Revocation>,
        target: &Target,
        (issuer, serial): (&str, &Serial),
    ) -> Result<bool, Refusal> {
        let knowledge = self.0.known.of(issuer, serial);
        if knowledge.current || knowledge.revoked().is_some() {
            // Of a certificate that expired long ago nothing is in memory, and what is revoked for good stays so.
            let is_final = said.is_some_and(|said| !said.is_hold());
            return Ok(knowledge.revocation == said || (is_final && knowledge.revocation.is_none()));
        }
        let statuses = self.statuses_of(std::slice::from_ref(target)).await?;
        Ok(statuses.items == [CertificateStatus::known(said)])
    }

    /// A response that is not kept.
    async fn live(
        &self,
        issuer: &Issuer,
        targets: &[Target],
        request: &OcspRequest,
    ) -> Result<Reply, Refusal> {
        let _place = self.0.places.try_acquire().map_err(|_| Error::Busy)?;
        for _ in 0..ATTEMPTS {
            let statuses = self.statuses_of(targets).await?;
            let told = targets.iter().zip(&statuses.items);
            let in_response = told
                .clone()
                .map(|(target, status)| (target.id.clone(), status.in_response(self.0.config.unissued)))
                .collect();
            let signed = self.sign(issuer, in_response, request.nonce().cloned()).await?;
            let read_at = statuses.read_at;
            let is_true =
                |(target, status): (&Target, &CertificateStatus)| self.may_be_told(target, *status, read_at);
            if told.clone().all(is_true) {
                told.for_each(|(target, status)| self.note_told(target, *status));
                return Ok(Reply {
                    der: signed.der,
                    fresh: None,
                });
            }
        }
        Err(Refusal::Status(ErrorStatus::TryLater))
    }

    /// Whether a response that was just made may be told: nothing has become known in the meantime that it does not say.
    fn may_be_told(&self, target: &Target, told: CertificateStatus, read_at: Instant) -> bool {
        let (Some(issuer), Ok(serial)) = (&target.issuer, target.id.serial().proper()) else {
            return true;
        };
        let knowledge = self.0.known.of(&issuer.name, &serial);
        let recent = read_at.elapsed() <= self.0.config.max_lag;
        let told = match told {
            CertificateStatus::Revoked(revocation) => Some(revocation),
            CertificateStatus::Good | CertificateStatus::Unissued | CertificateStatus::Foreign => None,
        };
        match (told, knowledge.revocation) {
            // The next attempt finds it.
            (None, Some(_)) if knowledge.revoked().is_some() => false,
            (told, known) => recent || (knowledge.current && told == known),
        }
    }

    fn reply(&self, (issuer, serial): (&Issuer, Serial), kept: &CachedResponse, source: Source) -> Reply {
        let now = self.0.clock.now();
        self.0.queries.note(serial, now);
        kept.note_asked_for();
        count(&issuer.ca, kept.status().label(), source.label());
        Reply {
            der: kept.signed.der.clone(),
            fresh: Some(Fresh {
                this_update: kept.signed.this_update,
                next_update: kept.signed.next_update,
                now,
            }),
        }
    }

    fn note_told(&self, target: &Target, told: CertificateStatus) {
        count(ca_of(target), told.label(), Source::Signed.label());
        if let (CertificateStatus::Good | CertificateStatus::Revoked(_), Ok(serial)) =
            (told, target.id.serial().proper())
        {
            self.0.queries.note(serial, self.0.clock.now());
        }
    }
}

impl App {
    /// An error has no CA: it may be that the request names none.
    fn refuse(&self, refusal: &Refusal) -> Reply {
        let status = match refusal {
            Refusal::Status(status) => *status,
            Refusal::Failed(error) => self.failed(error),
        };
        count("", &status.to_string(), "none");
        Reply {
            der: Bytes::copy_from_slice(&status.response()),
            fresh: None,
        }
    }

    /// Logs a failure, once a minute for each cause, and says what clients are told of it.
    fn failed(&self, error: &Error) -> ErrorStatus {
        let status = match error.kind() == Kind::Internal {
            true => ErrorStatus::InternalError,
            false => ErrorStatus::TryLater,
        };
        let cause = chain(error);
        if matches!(error, Error::NoSigner(_) | Error::Refused { .. }) {
            // Whoever looks after responders has logged it: any number of clients may ask in the meantime.
            tracing::debug!(cause, "OCSP request not answered");
        } else if let Some(requests) = self.0.failures.met(&cause, Instant::now()) {
            log_failure(status, &cause, requests);
        }
        status
    }
}

/// `requests` have failed by it since it was logged before.
fn log_failure(status: ErrorStatus, cause: &str, requests: u64) {
    if status == ErrorStatus::InternalError {
        tracing::error!(cause, requests, "OCSP request failed");
    } else {
        tracing::warn!(
            cause,
            requests,
            "OCSP request failed: a dependency is unavailable"
        );
    }
}

fn ca_of(target: &Target) -> &str {
    target.issuer.as_ref().map_or("", |issuer| &issuer.ca)
}

fn count(ca: &str, status: &str, source: &'static str) {
    let labels = [
        ("ca", ca.to_owned()),
        ("status", status.to_owned()),
        ("source", source.to_owned()),
    ];
    metrics::counter!(metric::OCSP_RESPONSES_TOTAL, &labels).increment(1);
}
