//! Signs responses before they are asked for, where `ocsp.presign` is set: those of certificates that were just issued, revoked, put on
//! hold, or released.
//!
//! Of the CertID that most clients send, with SHA-1. What there is no room for, and what fails, is signed when it is asked for.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt as _, stream};
use kit::error::chain;
use kit::revocations::Subject;
use proto::feed::v1::FeedEvent;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use x509::Serial;
use x509::ocsp::{CertId, HashAlgorithm};

use super::App;
use super::cache::{Age, Key};
use super::certificate_status::Target;
use super::make::NotCached;

/// Certificates that wait, at most.
const MOST_WAITING: usize = 10_000;
/// Responses that are made at the same time, and share a call of the key manager: an eighth of the places, the rest is for requests.
const AT_ONCE: usize = 128;

/// Certificates whose responses are to be signed, each by its issuer generation and serial number.
pub(super) struct Presigning {
    waiting: Sender<(String, Serial)>,
    /// Until the job takes it.
    taken_from: Mutex<Option<Receiver<(String, Serial)>>>,
}

impl Default for Presigning {
    fn default() -> Self {
        let (waiting, taken_from) = channel(MOST_WAITING);
        Self {
            waiting,
            taken_from: Mutex::new(Some(taken_from)),
        }
    }
}

impl App {
    /// Has the response of a certificate signed soon, if that is set and there is room.
    pub(super) fn presign(&self, issuer: &str, serial: Serial) {
        if self.0.config.presign {
            let _signed_when_it_is_asked_for =
                self.0.presigning.waiting.try_send((issuer.to_owned(), serial));
        }
    }

    /// As [`presign`](Self::presign), if the event is that of an issued certificate.
    pub(super) fn presign_issued(&self, event: &FeedEvent) {
        if self.0.config.presign
            && let Some(issued) = Subject::of_issued(event)
        {
            self.presign(&issued.issuer, issued.serial);
        }
    }

    /// Signs what waits, for as long as it runs.
    pub(crate) async fn presign_all(&self) {
        let taken_from = &self.0.presigning.taken_from;
        let taken = taken_from.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(taken) = taken else { return };
        let waiting = stream::unfold(taken, async |mut taken| {
            let next = taken.recv().await?;
            Some((next, taken))
        });
        waiting
            .for_each_concurrent(AT_ONCE, async |(issuer, serial)| {
                if let Err(NotCached::Failed(error)) = self.presign_one(&issuer, serial).await {
                    let cause = chain(&*error);
                    tracing::debug!(
                        issuer,
                        cause,
                        "a response could not be signed before it was asked for"
                    );
                }
            })
            .await;
    }

    async fn presign_one(&self, issuer: &str, serial: Serial) -> Result<(), NotCached> {
        let issuers = self.0.issuers.load_full().unwrap_or_default();
        let Some(issuer) = issuers.0.iter().find(|other| *other.name == *issuer) else {
            return Ok(());
        };
        let target = Target {
            id: CertId::new(issuer.ids(), HashAlgorithm::Sha1, &serial.into()),
            issuer: Some(Arc::clone(issuer)),
        };
        let Some(key) = Key::of(issuer, serial, &target.id) else {
            return Ok(());
        };
        let made = self.make(issuer, &target, (&key, Age::Young)).await?;
        self.0.responses.put(key, made).await;
        Ok(())
    }
}
