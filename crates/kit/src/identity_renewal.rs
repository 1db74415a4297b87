//! Service identities renew themselves at two thirds of their life, and when they are revoked.
//!
//! A new key each time; the old identity stays in use until the new one is in its place, and stays if none
//! is to be had. Replicas spread their renewals over a twentieth of the life.

mod attempt;

use std::time::Duration as Wait;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use time::{Duration, OffsetDateTime};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use vocabulary::metric;
use x509::{Certificate, Csr, DistinguishedName, PublicKey, San, SignatureAlgorithm};
use zeroize::Zeroizing;

use crate::clock::SharedClock;
use crate::error::chain;
use crate::tls::{Identity, TlsError};

/// What the issuer of identities may answer instead of a chain.
pub type IssueError = Box<dyn std::error::Error + Send + Sync>;

/// Longest sleep at a time: the clock may be moved, and files may bring another identity.
const NAP: Duration = Duration::minutes(1);
/// A life that is over before its certificate comes is not renewed without pause.
const SHORTEST_GAP: Duration = Duration::seconds(1);
const FIRST_RETRY: Duration = Duration::seconds(1);
const LAST_RETRY: Duration = Duration::minutes(15);

#[derive(Debug, thiserror::Error)]
enum RenewalError {
    #[error("the certificate in use cannot be read")]
    Certificate(#[from] x509::CertificateError),
    #[error("no new key could be made: {0}")]
    Key(String),
    #[error("no new identity was issued")]
    Issue(#[source] IssueError),
    #[error("the new identity cannot be used")]
    Unusable(#[from] TlsError),
}

/// Whether a certificate is to be replaced now: two thirds of its life are over, or it is not valid yet, which is what a
/// clock that was put back leaves.
#[must_use]
pub fn is_due(certificate: &Certificate, now: OffsetDateTime) -> bool {
    let life = certificate.not_after() - certificate.not_before();
    now < certificate.not_before() || now >= certificate.not_before() + life * 2 / 3
}

/// Renews `identity` until `stop`. `issue` turns a CSR in DER into a chain in PEM, leaf first.
pub async fn run<F, R>(identity: Identity, clock: SharedClock, issue: F, stop: CancellationToken)
where
    F: Fn(Vec<u8>) -> R,
    R: Future<Output = Result<Vec<u8>, IssueError>>,
{
    let mut schedule = Schedule::new();
    let mut unwritten = None;
    let mut revocations = identity.revoked_peers().changes();
    while !stop.is_cancelled() {
        let wait = match Life::of(&identity, &schedule) {
            Ok(life) => {
                life.report(&identity);
                let now = clock.now();
                if schedule.is_due(&life, now) {
                    // An issuer that does not answer must not keep the process.
                    let Some(renewed) = stop
                        .run_until_cancelled(attempt::renew(&identity, &issue, &mut unwritten))
                        .await
                    else {
                        return;
                    };
                    match renewed {
                        Ok(()) => schedule.renewed(clock.now()),
                        Err(error) => schedule.failed(now, &life, &error),
                    }
                    continue;
                }
                (schedule.next(&life) - now).min(NAP)
            }
            Err(error) => {
                tracing::error!(cause = chain(&error), "the service identity cannot be renewed");
                NAP
            }
        };
        let wait = Wait::try_from(wait).unwrap_or_default();
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
            _changed = revocations.changed() => {}
        }
    }
}

/// A P-256 key (PKCS#8 in PEM), and a CSR (DER) for it with these names.
///
/// # Errors
/// What the crypto library or the encoder says; neither fails for names that were parsed.
pub fn key_and_csr(
    subject: &DistinguishedName,
    sans: &[San],
) -> Result<(Zeroizing<String>, Vec<u8>), String> {
    let random = SystemRandom::new();
    let pkcs8 =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(|e| e.to_string())?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref())
        .map_err(|e| e.to_string())?;
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|e| e.to_string())?;
    let public = PublicKey::from_spki(spki.as_ref()).map_err(|e| e.to_string())?;
    let sign = |message: &[u8]| {
        pair.sign(&random, message)
            .map(|signature| signature.as_ref().to_vec())
    };
    let algorithm = SignatureAlgorithm::EcdsaSha256;
    let csr = Csr::build(subject, sans, &public, algorithm, sign).map_err(|e| e.to_string())?;
    Ok((
        Zeroizing::new(x509::pem::encode("PRIVATE KEY", pkcs8.as_ref())),
        csr,
    ))
}

/// The part of a certificate's life that counts, and when it should be renewed.
struct Life {
    not_before: OffsetDateTime,
    due: OffsetDateTime,
    ends: OffsetDateTime,
}

impl Life {
    fn of(identity: &Identity, schedule: &Schedule) -> Result<Self, RenewalError> {
        let certificate = Certificate::from_der(&identity.leaf())?;
        let life = Self::between(certificate.not_before(), certificate.not_after(), schedule);
        // One that is revoked is refused by all others: its life is over.
        let due = match identity.is_revoked() {
            true => life.not_before,
            false => life.due,
        };
        Ok(Self { due, ..life })
    }

    // A backdated certificate of a short life would be due before it came: what was issued just now counts
    // from now.
    fn between(not_before: OffsetDateTime, ends: OffsetDateTime, schedule: &Schedule) -> Self {
        let begins = schedule
            .renewed_at
            .map_or(not_before, |renewed| renewed.max(not_before));
        let life = (ends - begins).max(Duration::ZERO);
        let due: OffsetDateTime = begins + life * 2 / 3 - life * schedule.early;
        let due = schedule
            .renewed_at
            .map_or(due, |renewed| due.max(renewed + SHORTEST_GAP));
        Self {
            not_before,
            due,
            ends,
        }
    }

    // `gigvault_service_identity_expiry_seconds`: when the identity expires, as seconds since the Unix epoch.
    fn report(&self, identity: &Identity) {
        let name = identity.id().service().to_owned();
        metrics::gauge!(metric::SERVICE_IDENTITY_EXPIRY_SECONDS, "identity" => name)
            .set(self.ends.unix_timestamp() as f64);
    }
}

struct Schedule {
    /// How much sooner than two thirds, as a part of the life.
    early: f64,
    renewed_at: Option<OffsetDateTime>,
    failures: u32,
    retry_at: Option<OffsetDateTime>,
}

impl Schedule {
    fn new() -> Self {
        let mut random = [0; 2];
        // Without randomness the renewal is on time instead of spread.
        let _spread = aws_lc_rs::rand::fill(&mut random);
        let early = f64::from(u16::from_be_bytes(random)) / f64::from(u16::MAX) / 20.0;
        Self {
            early,
            renewed_at: None,
            failures: 0,
            retry_at: None,
        }
    }

    fn next(&self, life: &Life) -> OffsetDateTime {
        self.retry_at.unwrap_or(life.due)
    }

    // A clock that was put back leaves an identity that is not valid yet, and a retry that is far off.
    fn is_due(&self, life: &Life, now: OffsetDateTime) -> bool {
        let retry_is_far = self.retry_at.is_some_and(|retry| retry - now > LAST_RETRY);
        now >= self.next(life) || retry_is_far || (now < life.not_before && self.retry_at.is_none())
    }

    fn renewed(&mut self, now: OffsetDateTime) {
        *self = Self {
            renewed_at: Some(now),
            failures: 0,
            retry_at: None,
            ..*self
        };
    }

    // Doubling waits, but never so long that an eighth of what is left passes without an attempt.
    fn failed(&mut self, now: OffsetDateTime, life: &Life, error: &RenewalError) {
        let left = (life.ends - now).max(Duration::ZERO);
        let doublings: i32 = 1 << self.failures.min(10);
        let doubled: Duration = FIRST_RETRY * doublings;
        let eighth: Duration = left / 8;
        let wait = doubled.min(eighth.max(FIRST_RETRY)).min(LAST_RETRY);
        self.failures += 1;
        self.retry_at = Some(now + wait);
        let (cause, left) = (chain(error), left.whole_seconds());
        if left > 0 {
            tracing::warn!(
                cause,
                left_seconds = left,
                "the service identity was not renewed; the old one stays"
            );
        } else {
            tracing::error!(cause, "the service identity was not renewed and has expired");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    #[test]
    fn an_identity_is_due_at_two_thirds_of_its_life_or_a_little_before() {
        for _ in 0..100 {
            let due = Life::between(at(0), at(900), &Schedule::new()).due;
            assert!(due <= at(600) && due >= at(555), "{due}");
        }
        let on_time = Schedule {
            early: 0.0,
            ..Schedule::new()
        };
        assert_eq!(Life::between(at(0), at(900), &on_time).due, at(600));
    }

    #[test]
    fn a_backdated_identity_is_not_due_when_it_comes() {
        let mut schedule = Schedule {
            early: 0.0,
            ..Schedule::new()
        };
        schedule.renewed(at(3600));
        assert_eq!(Life::between(at(0), at(3630), &schedule).due, at(3620));
    }

    #[test]
    fn a_life_that_is_over_when_it_comes_is_not_renewed_without_pause() {
        let mut schedule = Schedule::new();
        schedule.renewed(at(3600));
        let life = Life::between(at(0), at(3600), &schedule);
        assert!(!schedule.is_due(&life, at(3600)));
        assert!(schedule.is_due(&life, at(3601)));
    }

    #[test]
    fn an_identity_of_the_future_is_due_at_once_and_retried_with_patience() {
        let mut schedule = Schedule {
            early: 0.0,
            ..Schedule::new()
        };
        // The clock jumped forward, an identity was made, and the clock was put back.
        schedule.renewed(at(400 * 86_400));
        let life = Life::between(at(400 * 86_400), at(490 * 86_400), &schedule);
        assert!(schedule.is_due(&life, at(0)));
        schedule.failed(at(0), &life, &RenewalError::Key("x".to_owned()));
        assert!(!schedule.is_due(&life, at(0)));
        assert!(schedule.is_due(&life, at(1)));
        // A failure of the future is forgotten.
        schedule.failed(at(400 * 86_400), &life, &RenewalError::Key("x".to_owned()));
        assert!(schedule.is_due(&life, at(10)));
        schedule.renewed(at(10));
        let life = Life::between(at(0), at(90 * 86_400), &schedule);
        assert!(!schedule.is_due(&life, at(11)));
    }

    #[test]
    fn failures_are_retried_sooner_when_the_end_is_near() {
        let error = RenewalError::Key("x".to_owned());
        let mut schedule = Schedule::new();
        let life = Life::between(at(0), at(90 * 86_400), &schedule);
        let mut waits = Vec::new();
        for _ in 0..12 {
            schedule.failed(at(0), &life, &error);
            waits.push((schedule.next(&life) - at(0)).whole_seconds());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        schedule.failed(at(90 * 86_400 - 80), &life, &error);
        assert_eq!(schedule.next(&life), at(90 * 86_400 - 70));
        schedule.failed(at(91 * 86_400), &life, &error);
        assert_eq!(schedule.next(&life), at(91 * 86_400 + 1));
    }
}
