//! The only place of this service that asks keymgr for a signature.
//!
//! It takes [`Linted`]`<`[`ResponseData`]`>` and nothing else.

use bytes::Bytes;
use lint::{Linted, ResponseData, lint_response};
use proto::keymgr::v1::SignRequest;
use time::{Duration, OffsetDateTime};
use vocabulary::service;
use x509::Serial;
use x509::ocsp::{CertId, CertStatus, Nonce, ResponseDataSpec, SingleResponseSpec, assemble_response};

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
        let signer = signer.ok_or_else(|| Error::NoSigner(issuer.name.to_string()))?;
        let times = self.times(signer, now);
        let tbs = self.response_data(signer, statuses, (nonce, &times))?;
        let signature = self.signature(signer, &tbs).await?;
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
    async fn signature(&self, signer: &Signer, tbs: &Linted<ResponseData>) -> Result<Bytes, Error> {
        let tbs = tbs.get().der();
        let request = SignRequest {
            name: signer.key_name.clone(),
            message: Bytes::copy_from_slice(tbs),
            algorithm: signer.algorithm.to_string(),
        };
        let answer = self
            .keymgr()
            .sign(patiently(request))
            .await
            .map_err(Error::keymgr)?;
        let signature = answer.into_inner().signature;
        let verified = signer.algorithm.verify(&signer.public_key, tbs, &signature);
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
