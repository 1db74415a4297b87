//! Renew a certificate: same subject, names and profile, with the same key or a new one.

use std::sync::Arc;
use std::time::Duration;

use kit::dry_run::Intent;
use kit::error::{Fault as _, Kind};
use kit::idempotency::{IdempotencyKey, digest};
use store::IdempotencyClaim;
use x509::csr::ReceivedCsr;

use super::{App, Requester};
use crate::authorities::ActiveAuthority;
use crate::domain::issuance_facts::{Predecessor, renewable};
use crate::domain::signed::Record;
use crate::domain::{Issued, Protocol};
use crate::error::Error;

/// What a requester asks for.
#[derive(Clone, Debug)]
pub struct RenewRequest {
    /// Lower-case hex.
    pub serial: String,
    /// PKCS#10 (PEM or DER) with the new key; none keeps the key. Its names are not looked at.
    pub csr: Option<Vec<u8>>,
    /// The profile's default if none. Not looked at for identities of services.
    pub validity: Option<Duration>,
    /// The protocol by which the request was received.
    pub protocol: Protocol,
    /// Makes a repeated request have one effect.
    pub idempotency_key: Option<IdempotencyKey>,
}

impl RenewRequest {
    fn digest(&self) -> [u8; 32] {
        let validity = self.validity.map(|validity| validity.as_nanos().to_be_bytes());
        digest(&[
            Some(b"renew"),
            Some(self.serial.as_bytes()),
            self.csr.as_deref(),
            validity.as_ref().map(<[u8; 16]>::as_slice),
        ])
    }
}

/// A renewal that policy is asked about.
struct Renewal<'a> {
    profile: &'a rules::Profile,
    active: Arc<ActiveAuthority>,
    wanted: rules::Request,
    predecessor: Predecessor,
}

impl Renewal<'_> {
    /// What is signed, and what is recorded of it.
    fn of(
        self,
        old: &Issued,
        requester: &Requester,
        (protocol, claim): (Protocol, Option<IdempotencyClaim>),
    ) -> (rules::Request, Record) {
        let record = Record {
            // It stays whose it is, whoever renews it.
            requester: old.requester.clone(),
            actor: requester.subject.clone(),
            protocol,
            replaces: Some(self.predecessor),
            asked_by: requester.asker(),
            claim,
            trace: kit::trace::current(),
        };
        (self.wanted, record)
    }
}

impl App {
    /// Issues the successor, which belongs to whom the old certificate belongs. The old certificate stays as it is.
    ///
    /// # Errors
    /// As [`App::issue`]; [`Error::NotFound`] and [`Error::Conflict`] for the old certificate,
    /// [`Error::CompromisedPredecessor`] if its key is known to be compromised.
    pub async fn renew<I: Intent>(
        &self,
        requester: &Requester,
        request: RenewRequest,
        intent: &I,
    ) -> Result<I::Answer<Issued>, Error> {
        let old = self.find(requester, &request.serial).await?.whole()?;
        let key = request.idempotency_key.as_ref();
        let claim = key.map(|key| key.claim(&requester.subject, request.digest()));
        if let Some(answer) = self.answer_again(claim, intent).await? {
            return Ok(answer);
        }
        let renewal = self
            .renewal(requester, &old, request.csr.as_deref(), request.validity)
            .await?;
        let (profile, active) = (renewal.profile, Arc::clone(&renewal.active));
        let wanted = renewal.of(&old, requester, (request.protocol, claim));
        self.sign(profile, &active, wanted, intent).await
    }

    /// Whether [`Self::renew`] would issue a successor of the same key and the default validity now.
    ///
    /// # Errors
    /// [`Error::Common`]: the database, or what is stored cannot be read.
    pub(crate) async fn would_renew(&self, requester: &Requester, old: &Issued) -> Result<bool, Error> {
        if !old.damage.is_none() {
            return Ok(false);
        }
        match self.check_renewal(requester, old).await {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::Internal) => Err(error),
            Err(_refusal) => Ok(false),
        }
    }

    async fn check_renewal(&self, requester: &Requester, old: &Issued) -> Result<(), Error> {
        let renewal = self.renewal(requester, old, None, None).await?;
        let (profile, active) = (renewal.profile, Arc::clone(&renewal.active));
        let wanted = renewal.of(old, requester, (old.protocol, None));
        self.check_standing(&self.job(profile, &active, wanted)?).await
    }

    /// What is asked of policy with a renewal.
    async fn renewal(
        &self,
        requester: &Requester,
        old: &Issued,
        csr: Option<&[u8]>,
        validity: Option<Duration>,
    ) -> Result<Renewal<'_>, Error> {
        renewable(old, self.clock.now())?;
        let profile = self.profile(&old.profile)?;
        let active = self
            .authorities
            .for_profile(Some(&old.ca), profile, &self.config)
            .await?;
        let certificate = old.parse()?;
        let old_key = certificate.public_key();
        let predecessor = Predecessor {
            serial: old.serial,
            key: old_key.as_ref().ok().map(|key| key.material_id()),
        };
        let public_key = match csr {
            Some(csr) => ReceivedCsr::from_pem_or_der(csr)?.public_key().clone(),
            None => old_key.map_err(|error| Error::invalid("csr", error))?.clone(),
        };
        let mut wanted = rules::Request::new(
            certificate.subject().clone(),
            certificate.sans().to_vec(),
            public_key,
        )
        .granted(requester.grant()?);
        wanted.validity = self.life(profile, &wanted, validity);
        super::issue::check_scope(requester, profile, &wanted)?;
        Ok(Renewal {
            profile,
            active,
            wanted,
            predecessor,
        })
    }
}
