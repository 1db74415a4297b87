//! Signed responses in Redis, where the processes of this service find what another one has signed.
//!
//! What is there decides nothing. Anybody who can write to Redis can put anything there, an older response that is genuine
//! too. So it is looked for under what is known here of the certificate at this moment, read as a relying party reads it, and
//! given away only if it says that very thing. See `docs/adr/0025`.

use std::sync::Arc;

use bytes::Bytes;
use redis::Redis;
use time::Duration;
use tokio::sync::Semaphore;
use vocabulary::metric;
use x509::ocsp::{Expected, OcspResponse, ResponseError};

use super::App;
use super::cache::{Age, CachedResponse, Key};
use super::certificate_status::Target;
use super::sign::Signed;
use crate::domain::{Issuer, Revocation, Unissued};

/// Longest response that is read from there. Those with one answer and a certificate have two to three thousand octets, with RSA
/// keys up to five thousand.
const MAX_LEN: usize = 16 * 1024;
/// Responses that are on their way to Redis, at most; others are not shared.
const WRITES: usize = 128;

/// The way to Redis.
pub(super) struct Shared {
    redis: Redis,
    writes: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(redis: Redis) -> Self {
        Self {
            redis,
            writes: Arc::new(Semaphore::new(WRITES)),
        }
    }

    pub(super) fn redis(&self) -> &Redis {
        &self.redis
    }
}

/// Why a response that was found is not given away.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Response(#[from] ResponseError),
    #[error("it is not the answer to one CertID without a nonce")]
    Shape,
    #[error("it says another status than is known")]
    Status,
    #[error("its responder was revoked")]
    Responder,
    #[error("it does not hold now")]
    Times,
}

impl App {
    /// What another process has signed, if it is of that age and says what is known here.
    pub(super) async fn find_shared(
        &self,
        issuer: &Issuer,
        target: &Target,
        (key, said): (&Key, Option<Revocation>),
        age: Age,
    ) -> Option<Signed> {
        let shared = self.0.shared.as_ref()?;
        let found = shared.redis.get(&name(issuer, key, said), MAX_LEN).await;
        let (result, signed) = match found {
            Err(_told_by_its_own_metric) => ("failed", None),
            Ok(None) => ("miss", None),
            Ok(Some(der)) => match self.read_shared(issuer, target, (der, said)) {
                Ok(signed) if age == Age::Young && !signed.is_young(self.0.clock.now()) => ("miss", None),
                Ok(signed) => ("hit", Some(signed)),
                Err(cause) => {
                    tracing::warn!(issuer = &*issuer.name, %cause, "a response in Redis is not given away");
                    ("unusable", None)
                }
            },
        };
        metrics::counter!(metric::OCSP_SHARED_CACHE_TOTAL, "result" => result).increment(1);
        signed
    }

    fn read_shared(
        &self,
        issuer: &Issuer,
        target: &Target,
        (der, said): (Bytes, Option<Revocation>),
    ) -> Result<Signed, Unusable> {
        let now = self.0.clock.now();
        let response = OcspResponse::from_der(&der)?;
        let is_asked_for = match response.responses() {
            [single] => single.cert_id.der() == target.id.der(),
            _ => false,
        };
        if !is_asked_for || response.nonce().is_some() {
            return Err(Unusable::Shape);
        }
        let verified = response.verify(&Expected {
            issuer: &issuer.certificate,
            serial: target.id.serial(),
            now,
            tolerance: Duration::ZERO,
            nonce: None,
        })?;
        if verified.single.status
            != super::certificate_status::CertificateStatus::known(said).in_response(Unissued::Unknown)
        {
            return Err(Unusable::Status);
        }
        let signer = verified.delegate.map(|delegate| delegate.serial().proper());
        let signer = signer.transpose().map_err(|_| Unusable::Responder)?;
        if self.is_revoked(issuer, signer) {
            return Err(Unusable::Responder);
        }
        let next_update = verified.single.next_update.filter(|end| now < *end);
        let next_update = next_update.filter(|_| response.produced_at() <= now);
        Ok(Signed {
            signer,
            produced_at: response.produced_at(),
            this_update: verified.single.this_update,
            next_update: next_update.ok_or(Unusable::Times)?,
            der,
        })
    }

    /// Lets other processes have it, without waiting for Redis.
    pub(super) fn share(&self, issuer: &Issuer, key: &Key, kept: &CachedResponse) {
        let Some(shared) = &self.0.shared else {
            return;
        };
        let Ok(place) = Arc::clone(&shared.writes).try_acquire_owned() else {
            return;
        };
        let left = std::time::Duration::try_from(kept.signed.next_update - self.0.clock.now());
        let Ok(left) = left else {
            return;
        };
        let name = name(issuer, key, kept.revocation);
        let (redis, der) = (shared.redis.clone(), kept.signed.der.clone());
        tokio::spawn(async move {
            // A failure is counted there; the others sign for themselves then.
            let _not_shared = redis.set(&name, &der, left).await;
            drop(place);
        });
    }
}

/// The name of a response that says this. The certificate of the CA tells generations and installations apart; the status is
/// part of the name, so that none is found that says what was true before.
fn name(issuer: &Issuer, key: &Key, said: Option<Revocation>) -> String {
    let status = said.map_or_else(|| "good".to_owned(), Revocation::version);
    format!("ocsp:1:{}:{}:{key}:{status}", issuer.name, issuer.fingerprint)
}
