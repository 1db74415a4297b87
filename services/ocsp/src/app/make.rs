//! Makes responses that are kept: from what another process has signed, else by a signature.

use std::sync::Arc;

use kit::error::chain;
use tokio::time::Instant;
use x509::ocsp::CertId;

use super::App;
use super::cache::{Age, CachedResponse, Key, Source};
use super::certificate_status::{CertificateStatus, Target};
use crate::domain::Issuer;
use crate::error::Error;

/// Responses that one round renews, at most: those that are left over are renewed when they are asked for.
const RENEWED_AT_ONCE: usize = 256;

/// Why a response is not kept.
pub(super) enum NotCached {
    /// The serial number was not issued, and may be in a moment.
    Unissued,
    Failed(Arc<Error>),
}

impl From<Error> for NotCached {
    fn from(error: Error) -> Self {
        Self::Failed(Arc::new(error))
    }
}

impl App {
    pub(super) async fn make(
        &self,
        issuer: &Arc<Issuer>,
        target: &Target,
        (key, age): (&Key, Age),
    ) -> Result<Arc<CachedResponse>, NotCached> {
        let _place = self.0.places.try_acquire().map_err(|_| Error::Busy)?;
        let read_at = Instant::now();
        let knowledge = self.0.known.of(&issuer.name, &key.serial);
        let is_known = knowledge.current || knowledge.revoked().is_some();
        if is_known {
            let said = knowledge.revocation;
            // That it was issued is what a response says that was signed as good.
            if let Some(signed) = self.find_shared(issuer, target, (key, said), age).await {
                return Ok(Arc::new(CachedResponse::new(
                    signed,
                    said,
                    (read_at, Source::Redis),
                )));
            }
        }
        let statuses = self.statuses_of(std::slice::from_ref(target)).await?;
        let revocation = match statuses.items.first() {
            Some(CertificateStatus::Good) => None,
            Some(CertificateStatus::Revoked(revocation)) => Some(*revocation),
            Some(CertificateStatus::Unissued | CertificateStatus::Foreign) | None => {
                return Err(NotCached::Unissued);
            }
        };
        let read_at = statuses.read_at;
        if !is_known && let Some(signed) = self.find_shared(issuer, target, (key, revocation), age).await {
            return Ok(Arc::new(CachedResponse::new(
                signed,
                revocation,
                (read_at, Source::Redis),
            )));
        }
        let status = CertificateStatus::known(revocation).in_response(self.0.config.unissued);
        let signed = self.sign(issuer, vec![(target.id.clone(), status)], None).await?;
        let kept = CachedResponse::new(signed, revocation, (read_at, Source::Signed));
        self.share(issuer, key, &kept);
        Ok(Arc::new(kept))
    }

    /// Makes another response while the one that there is is given: the older half of its life is for the time that this takes, also
    /// where nothing can be signed. Once at a time for each.
    pub(super) fn renew(
        &self,
        issuer: &Arc<Issuer>,
        target: &Target,
        (key, kept): (Key, &Arc<CachedResponse>),
    ) {
        if !kept.begin_renewal() {
            return;
        }
        let (app, issuer, target, kept) =
            (self.clone(), Arc::clone(issuer), target.clone(), Arc::clone(kept));
        tokio::spawn(async move {
            app.renew_now(&issuer, &target, (key, &kept)).await;
        });
    }

    async fn renew_now(&self, issuer: &Arc<Issuer>, target: &Target, (key, kept): (Key, &CachedResponse)) {
        match self.make(issuer, target, (&key, Age::Young)).await {
            Ok(made) => self.0.responses.put(key, made).await,
            Err(NotCached::Unissued) => {}
            Err(NotCached::Failed(error)) => {
                let cause = chain(&*error);
                tracing::debug!(issuer = &*issuer.name, cause, "a response could not be renewed");
            }
        }
        kept.end_renewal();
    }

    /// Renews responses in the last quarter of their life that were asked for in the rest of it, so that whoever asks next gets a
    /// young one at once. One after the other, and [`RENEWED_AT_ONCE`] at most: requests come first. Answers how many there were.
    pub(crate) async fn renew_old(&self) -> usize {
        let issuers = self.0.issuers.load_full().unwrap_or_default();
        let old = self.0.responses.old(self.0.clock.now(), RENEWED_AT_ONCE);
        let count = old.len();
        for (key, kept) in old {
            let of_name = issuers.0.iter().find(|issuer| issuer.name == key.issuer);
            let Some(issuer) = of_name.filter(|_| key.usual && kept.begin_renewal()) else {
                continue;
            };
            let target = Target {
                id: CertId::new(issuer.ids(), key.hash, &key.serial.into()),
                issuer: Some(Arc::clone(issuer)),
            };
            self.renew_now(issuer, &target, (key, &kept)).await;
        }
        count
    }
}
