//! Which CAs there are, and who signs for each.

use std::sync::Arc;

use proto::ca::v1::{ListCasRequest, StatusRequest};
use store::Rows;
use x509::{Certificate, Serial};

use super::{App, patiently};
use crate::domain::{Issuer, Issuers, ResponderIdForm, Signer, Signing, verify};
use crate::error::Error;
use crate::tables::{self, StoredSigner};

impl App {
    /// Looks which CAs there are and who signs for them, has responders made where they are due, and answers from then on for all
    /// of them. False: it is to be done again soon, since another process makes responders at the moment, one could not be made, a
    /// CA is not in the list yet, or it is not known whether a responder can sign.
    ///
    /// # Errors
    /// What was known stays.
    pub(crate) async fn look_after_issuers(&self) -> Result<bool, Error> {
        let mut issuers = self.issuers().await?;
        // Those that there are answer in the meantime.
        self.publish(&issuers);
        let mut done = self.try_signers(&issuers, false).await;
        if issuers.iter().any(|issuer| self.needs_responder(issuer)) {
            let made = self.make_responders().await;
            // Also where one could not be made: others were.
            issuers = self.issuers().await?;
            self.publish(&issuers);
            done = made? && self.try_signers(&issuers, false).await;
            done &= !issuers.iter().any(|issuer| self.needs_responder(issuer));
        }
        Ok(done && self.all_are_there(&issuers).await)
    }

    /// Whether all CAs that the feed told of are in the list. A process of `ca` that did not add it reads its table when it is asked
    /// for it.
    async fn all_are_there(&self, issuers: &[Issuer]) -> bool {
        let missing: Vec<String> = {
            let mut announced = self.announced();
            announced.retain(|name| !issuers.iter().any(|issuer| *issuer.ca == **name));
            announced.iter().cloned().collect()
        };
        for name in &missing {
            let request = StatusRequest {
                issuer: name.clone(),
                ..StatusRequest::default()
            };
            // What it answers does not matter.
            let _not_there_yet = self.ca().status(patiently(request)).await;
        }
        missing.is_empty()
    }

    fn publish(&self, issuers: &[Issuer]) {
        let issuers = issuers.iter().cloned().map(Arc::new).collect();
        self.0.issuers.store(Some(Arc::new(Issuers(issuers))));
    }

    /// Whether it has no responder, or one that is to be replaced: it is late in its life, or its key does not sign.
    pub(super) fn needs_responder(&self, issuer: &Issuer) -> bool {
        let now = self.0.clock.now();
        let end = issuer.certificate.not_after();
        let has = issuer
            .signer
            .as_ref()
            .filter(|signer| !self.0.trials.is_refused(&signer.key_name))
            .is_some_and(|signer| signer.is_usable(now) && !signer.is_due(now, end));
        // A CA that has ended certifies nothing more.
        self.0.config.signing == Signing::Delegated && !has && now < end
    }

    /// All CAs with their current signers.
    pub(super) async fn issuers(&self) -> Result<Vec<Issuer>, Error> {
        let answer = self.ca().list_cas(patiently(ListCasRequest {})).await;
        let infos = answer.map_err(Error::ca)?.into_inner().items;
        let stored = match self.0.config.signing {
            Signing::Delegated => tables::signers(&self.0.db, self.0.clock.now()).await?,
            Signing::Direct => Rows::of([], Ok)?,
        };
        let (stored, mut problems) = (stored.read, stored.damaged);
        let mut issuers = Vec::with_capacity(infos.len());
        for info in infos {
            let name = info.name.clone();
            match Issuer::decode(info) {
                Ok(issuer) => issuers.push(self.with_signer(issuer, &stored, &mut problems)),
                // The others are answered for all the same.
                Err(error) => problems.push(format!("ca told a certificate of {name}: {error}")),
            }
        }
        self.0.problems.are(problems);
        Ok(issuers)
    }

    fn with_signer(&self, issuer: Issuer, stored: &[StoredSigner], problems: &mut Vec<String>) -> Issuer {
        let form = self.0.config.responder_id;
        let signer = match self.0.config.signing {
            Signing::Direct => Signer::direct(&issuer, form)
                .inspect_err(|error| problems.push(format!("key of {}: {error}", issuer.name)))
                .ok(),
            Signing::Delegated => {
                let of_issuer = stored.iter().filter(|signer| *signer.issuer == *issuer.name);
                let now = self.0.clock.now();
                let signers = of_issuer.filter_map(|stored| {
                    read_signer(&issuer, stored, form)
                        .inspect_err(|error| problems.push(error.to_string()))
                        .ok()
                        .filter(|signer| !self.is_revoked(&issuer, signer.serial()))
                });
                // The newest that can sign: an earlier one goes on where the newest was damaged, lost its key, or was made by a
                // clock that was ahead.
                signers
                    .min_by_key(|signer| (self.0.trials.is_refused(&signer.key_name), !signer.is_usable(now)))
            }
        };
        issuer.signed_by(signer)
    }

    /// Whether a responder's certificate was revoked. Clients do not ask (id-pkix-ocsp-nocheck): that it is not used any more, also
    /// not in responses that are kept, is all that its revocation can do.
    pub(super) fn is_revoked(&self, issuer: &Issuer, signer: Option<Serial>) -> bool {
        signer.is_some_and(|serial| self.0.known.of(&issuer.name, &serial).revoked().is_some())
    }
}

fn read_signer(issuer: &Issuer, stored: &StoredSigner, form: ResponderIdForm) -> Result<Signer, Error> {
    let unusable = |cause: Box<dyn std::error::Error + Send + Sync>| Error::Signer {
        key_name: stored.key_name.clone(),
        cause,
    };
    let certificate = Certificate::from_der(&stored.certificate).map_err(|error| unusable(error.into()))?;
    verify(issuer, &stored.key_name, certificate, form).map_err(|error| unusable(error.into()))
}
