//! The only place of this service that asks keymgr for a signature.
//!
//! It takes [`Linted`]`<`[`ResponseData`]`>` and nothing else.

use std::sync::Arc;

use bytes::Bytes;
use kit::transport::Transport;
use lint::{Linted, ResponseData, lint_response};
use proto::keymgr::v1::SignBatchRequest;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use time::{Duration, OffsetDateTime};
use vocabulary::service;
use x509::Serial;
use x509::ocsp::{CertId, CertStatus, Nonce, ResponseDataSpec, SingleResponseSpec, assemble_response};

use super::batch::{Batches, Bounds};
use super::{App, patiently};
use crate::domain::{Issuer, Signer};
use crate::error::Error;

/// A whole response, and the times in it.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) der: Bytes,
    /// Serial number of the responder's certificate; none where the CA signed.
    pub(super) signer: Option<Serial>,
    pub(super) produced_at: OffsetDateTime,
    pub(super) this_update: OffsetDateTime,
    pub(super) next_update: OffsetDateTime,
}

impl Signed {
    /// Whether it has not reached half of its validity: from then on another one is made.
    pub(super) fn is_young(&self, now: OffsetDateTime) -> bool {
        now < self.this_update + (self.next_update - self.this_update) / 2
    }
}

/// A key of `keymgr` that signs, by its name, and the name of the algorithm.
pub(super) type SigningKey = (String, String);

/// Signatures over responses, asked of `keymgr` in batches.
pub(super) type Signatures = Batches<SigningKey, Arc<Linted<ResponseData>>, Bytes>;

pub(super) fn in_batches(keymgr: &KeymgrClient<Transport>, most: usize) -> Signatures {
    let keymgr = keymgr.clone();
    let bounds = Bounds {
        questions: most,
        octets: |data: &Arc<Linted<ResponseData>>| data.get().der().len(),
    };
    Batches::start(
        ("ocsp-signatures", service::KEYMGR),
        bounds,
        move |(name, algorithm): &SigningKey, all: &[&Arc<Linted<ResponseData>>]| {
            let message = |data: &&Arc<Linted<ResponseData>>| Bytes::copy_from_slice(data.get().der());
            let request = SignBatchRequest {
                name: name.clone(),
                messages: all.iter().map(message).collect(),
                algorithm: algorithm.clone(),
            };
            let mut keymgr = keymgr.clone();
            async move {
                let answer = keymgr.sign_batch(patiently(request)).await;
                Ok(answer.map_err(Error::keymgr)?.into_inner().signatures)
            }
        },
    )
}

impl App {
    /// Signs what is said of these certificates as the responder of an issuer.
    pub(super) async fn sign(
        &self,
        issuer: &Issuer,
        statuses: Vec<(CertId, CertStatus)>,
        nonce: Option<Nonce>,
    ) -> Result<Signed, Error> {
        let now = self.0.clock.now();
        let usable = issuer.signer.as_ref().filter(|signer| signer.is_usable(now));
        let signer = usable.filter(|signer| !self.is_revoked(issuer, signer.serial()));
        let signer = signer.filter(|signer| !self.0.trials.is_refused(&signer.key_name));
        let signer = signer.ok_or_else(|| Error::NoSigner(issuer.name.to_string()))?;
        self.sign_with(signer, statuses, nonce).await
    }

    /// The same with this signer, whether or not it can.
    pub(super) async fn sign_with(
        &self,
        signer: &Arc<Signer>,
        statuses: Vec<(CertId, CertStatus)>,
        nonce: Option<Nonce>,
    ) -> Result<Signed, Error> {
        let times = self.times(signer, self.0.clock.now());
        let tbs = Arc::new(self.response_data(signer, statuses, (nonce, &times))?);
        let signature = self.signature(signer, &tbs).await;
        let signature = self.noted(signer, signature)?;
        let made = assemble_response(
            tbs.get().der(),
            signer.algorithm,
            &signature,
            &signer.certificates,
        );
        let der =
            made.map_err(|error| Error::internal(format!("a response could not be assembled: {error}")))?;
        Ok(Signed {
            der: Bytes::from(der),
            signer: signer.serial(),
            produced_at: times.produced_at,
            this_update: times.this_update,
            next_update: times.next_update,
        })
    }

    /// In whole seconds, as they are encoded. No response holds longer than the certificate of its signer.
    fn times(&self, signer: &Signer, now: OffsetDateTime) -> Times {
        let config = &self.0.config;
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let span = |span: std::time::Duration| Duration::try_from(span).unwrap_or(Duration::ZERO);
        let this_update = now - span(config.backdate);
        let cutoff = Some(span(config.archive_cutoff)).filter(|span| !span.is_zero());
        Times {
            produced_at: now,
            this_update,
            next_update: (this_update + span(config.validity)).min(signer.not_after),
            archive_cutoff: cutoff.and_then(|cutoff| now.checked_sub(cutoff)),
        }
    }

    fn response_data(
        &self,
        signer: &Signer,
        statuses: Vec<(CertId, CertStatus)>,
        (nonce, times): (Option<Nonce>, &Times),
    ) -> Result<Linted<ResponseData>, Error> {
        let single = |(cert_id, status)| SingleResponseSpec {
            cert_id,
            status,
            this_update: times.this_update,
            next_update: times.next_update,
            archive_cutoff: times.archive_cutoff,
        };
        let spec = ResponseDataSpec {
            responder: signer.responder.clone(),
            produced_at: times.produced_at,
            responses: statuses.into_iter().map(single).collect(),
            nonce,
            extended_revoke: false,
        };
        let tbs = spec.to_tbs();
        let tbs =
            tbs.map_err(|error| Error::internal(format!("a response could not be encoded: {error}")))?;
        lint_response(tbs, &signer.context)
            .map_err(|refused| Error::internal(format!("a response is refused by lints: {refused}")))
    }

    /// One signature, by the key that clients will verify it with: after a restore from elsewhere, say, the key of that name may
    /// be another.
    async fn signature(&self, signer: &Arc<Signer>, tbs: &Arc<Linted<ResponseData>>) -> Result<Bytes, Error> {
        let key = (signer.key_name.clone(), signer.algorithm.to_string());
        let signatures = self.0.signatures.ask(key, vec![Arc::clone(tbs)]).await?;
        // There are as many as messages.
        let signature = signatures.into_iter().next().unwrap_or_default();
        let verified = signer
            .algorithm
            .verify(&signer.public_key, tbs.get().der(), &signature);
        verified.map_err(|_| {
            let what = format!("a signature that is not by key {}", signer.key_name);
            Error::answer(service::KEYMGR, what)
        })?;
        Ok(signature)
    }
}

struct Times {
    produced_at: OffsetDateTime,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
    archive_cutoff: Option<OffsetDateTime>,
}
