//! Issue a certificate from a CSR.

use std::sync::Arc;
use std::time::Duration;

use kit::dry_run::Intent;
use kit::idempotency::{self, IdempotencyKey, digest};
use store::IdempotencyClaim;
use vocabulary::metric;
use x509::csr::ReceivedCsr;
use x509::serial::Serial;
use x509::{DistinguishedName, San};

use super::{App, ProfileScope, Requester, plans};
use crate::authorities::ActiveAuthority;
use crate::domain::publication::shard_of;
use crate::domain::signed::Record;
use crate::domain::{Issued, Protocol, SERVICE_IDENTITY};
use crate::error::Error;
use crate::issuance::{IssuanceJob, Outcome};
use crate::tables::{certificates, issuance_facts};

/// What a requester asks for.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// PKCS#10, PEM or DER.
    pub csr: Vec<u8>,
    /// Profile name.
    pub profile: String,
    /// CA name; the default CA of the profile if none.
    pub ca: Option<String>,
    /// The profile's default if none. Not looked at for identities of services.
    pub validity: Option<Duration>,
    /// Replaces that of the CSR.
    pub subject: Option<DistinguishedName>,
    /// Replaces those of the CSR.
    pub sans: Option<Vec<San>>,
    /// The protocol by which the request was received.
    pub protocol: Protocol,
    /// Makes a repeated request have one effect.
    pub idempotency_key: Option<IdempotencyKey>,
}

impl IssueRequest {
    fn digest(&self) -> [u8; 32] {
        let names = |sans: &Vec<San>| serde_json::json!(sans.iter().map(San::to_string).collect::<Vec<_>>());
        let sans = self.sans.as_ref().map(|sans| names(sans).to_string());
        let validity = self.validity.map(|validity| validity.as_nanos().to_be_bytes());
        digest(&[
            Some(b"issue"),
            Some(&self.csr),
            Some(self.profile.as_bytes()),
            self.ca.as_deref().map(str::as_bytes),
            validity.as_ref().map(<[u8; 16]>::as_slice),
            sans.as_deref().map(str::as_bytes),
            self.subject.as_ref().map(DistinguishedName::der),
        ])
    }
}

impl App {
    /// Policy, lint, signature, database, answer: in this order and in no other.
    ///
    /// # Errors
    /// Every [`Error`] but those of certificates that exist.
    pub async fn issue<I: Intent>(
        &self,
        requester: &Requester,
        request: IssueRequest,
        intent: &I,
    ) -> Result<I::Answer<Issued>, Error> {
        let profile = self.profile(&request.profile)?;
        let key = request.idempotency_key.as_ref();
        let claim = key.map(|key| key.claim(&requester.subject, request.digest()));
        if let Some(answer) = self.answer_again(claim, intent).await? {
            return Ok(answer);
        }
        let active = self
            .authorities
            .for_profile(request.ca.as_deref(), profile, &self.config)
            .await?;
        let received = ReceivedCsr::from_pem_or_der(&request.csr)?;
        let csr = received.with_names(request.subject, request.sans)?;
        let mut wanted = rules::Request::from_csr(&csr).granted(requester.grant()?);
        wanted.validity = self.life(profile, &wanted, request.validity);
        check_scope(requester, profile, &wanted)?;
        let record = Record {
            requester: requester.subject.clone(),
            actor: requester.subject.clone(),
            protocol: request.protocol,
            replaces: None,
            asked_by: requester.asker(),
            claim,
            trace: kit::trace::current(),
        };
        self.sign(profile, &active, (wanted, record), intent).await
    }

    /// The life to ask policy for. Who has the key of a service's identity does not choose that of its successor: with short lives,
    /// half of which is soon over, it would make as many as it likes (`domain::identities`). An earlier version asks for what
    /// `identity.validity` says where it runs; refused, its identity would end.
    pub(super) fn life(
        &self,
        profile: &rules::Profile,
        wanted: &rules::Request,
        asked: Option<Duration>,
    ) -> Option<Duration> {
        match wanted.sans.as_slice() {
            _ if profile.name != SERVICE_IDENTITY => asked,
            [San::Uri(_)] => self.identity_validity,
            // What the API is served with over HTTPS has host names too.
            _ => None,
        }
    }

    /// The shared end of issue and renew. A dry run ends before the signature: all that could refuse it was asked by then.
    pub(super) async fn sign<I: Intent>(
        &self,
        profile: &rules::Profile,
        active: &ActiveAuthority,
        (wanted, record): (rules::Request, Record),
        intent: &I,
    ) -> Result<I::Answer<Issued>, Error> {
        if let Some(asker) = &record.asked_by {
            asker.check_time(self.clock.now())?;
        }
        let claim = record.claim;
        let job = self.job(profile, active, (wanted, record))?;
        if intent.is_planned() {
            self.check_standing(&job).await?;
        }
        let plan = || plans::issue(&job, active, profile);
        if let Some(preview) = self.previews.settle(intent, plan).await? {
            return Ok(I::planned(preview));
        }
        self.submit(job, claim).await.map(I::done)
    }

    /// What policy and the lints say to it.
    pub(super) fn job(
        &self,
        profile: &rules::Profile,
        active: &ActiveAuthority,
        (wanted, record): (rules::Request, Record),
    ) -> Result<IssuanceJob, Error> {
        let serial = Serial::random(&aws_lc_rs::rand::SystemRandom::new())
            .map_err(|error| Error::internal(format!("no random serial number: {error}")))?;
        // What names no CRL is in the complete one.
        let crl_shard = match profile.revocation {
            rules::Revocation::Published => shard_of(&serial, self.config.crl_shards),
            rules::Revocation::NotAvailable | rules::Revocation::Nocheck => 0,
        };
        let ldap_url = profile.crl_in_ldap.then_some(self.config.ldap_url.as_str());
        let issuer = active.issuer_of_shard(crl_shard, ldap_url)?;
        let approved = rules::approve(profile, wanted, &issuer, serial, self.clock.now())?;
        Ok(IssuanceJob {
            certificate: lint::lint(approved, &lint::Context::issued_by(&active.authority.certificate))?,
            authority: Arc::clone(&active.authority),
            crl_shard,
            despite_suspension: false,
            record,
        })
    }

    /// What the transaction that stores it would say, as things are now.
    pub(super) async fn check_standing(&self, job: &IssuanceJob) -> Result<(), Error> {
        let (basis, now) = (job.basis(), self.clock.now());
        let facts = issuance_facts::read(&self.db, std::slice::from_ref(&basis), now).await?;
        facts.refusal(&basis, now).map_or(Ok(()), Err)
    }

    pub(super) async fn submit(
        &self,
        job: IssuanceJob,
        claim: Option<IdempotencyClaim>,
    ) -> Result<Issued, Error> {
        match self.issuance.submit(job).await {
            Ok(Outcome::Stored(issued)) => {
                metrics::counter!(
                    metric::CERTIFICATES_ISSUED_TOTAL,
                    "ca" => issued.ca.to_string(), "profile" => issued.profile.to_string()
                )
                .increment(1);
                Ok(*issued)
            }
            // Another request with the same key was stored first: its certificate is the answer to both.
            Ok(Outcome::ClaimLost) => self
                .earlier(claim)
                .await?
                .ok_or_else(|| Error::internal("idempotency key conflict without a stored winner")),
            // The other may have been stored, and its key revoked, while this one waited: the answer is the same.
            Err(refusal) => match self.earlier(claim).await {
                Ok(Some(earlier)) => Ok(earlier),
                _ => Err(refusal),
            },
        }
    }

    /// The answer to a request whose Idempotency-Key has made a certificate before.
    pub(super) async fn answer_again<I: Intent>(
        &self,
        claim: Option<IdempotencyClaim>,
        intent: &I,
    ) -> Result<Option<I::Answer<Issued>>, Error> {
        let Some(earlier) = self.earlier(claim).await? else {
            return Ok(None);
        };
        let answer = self
            .previews
            .answer_again(intent, earlier, plans::repetition)
            .await?;
        Ok(Some(answer))
    }

    /// What the same Idempotency-Key gave before.
    pub(super) async fn earlier(&self, claim: Option<IdempotencyClaim>) -> Result<Option<Issued>, Error> {
        idempotency::earlier(claim, async |key| {
            certificates::by_idempotency_key(&self.db, &key).await
        })
        .await
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// `Common::Invalid` at `profile` if there is none.
    pub fn profile(&self, name: &str) -> Result<&rules::Profile, Error> {
        self.profiles.named(name).map(AsRef::as_ref).ok_or_else(|| {
            let known: Vec<&str> = self.profiles.names().collect();
            Error::invalid(
                "profile",
                format!("no profile is named {name:?}; there are {}", known.join(", ")),
            )
        })
    }
}

/// Whether the requester may use this profile for these names.
pub(super) fn check_scope(
    requester: &Requester,
    profile: &rules::Profile,
    wanted: &rules::Request,
) -> Result<(), Error> {
    let for_services = profile.is_for_services();
    let allowed = match &requester.issues {
        ProfileScope::Bootstrap => true,
        ProfileScope::Any => !for_services,
        ProfileScope::Development => profile.development && !for_services,
        ProfileScope::OwnIdentity { id, .. } => {
            profile.name == SERVICE_IDENTITY
                && matches!(wanted.sans.as_slice(), [San::Uri(uri)] if uri.as_str() == id)
        }
    };
    // `rules::approve` refuses it too; here the answer is that of a missing permission.
    let authority = profile.is_authority() && !wanted.grant.allows_authority();
    match (allowed, authority) {
        (true, false) => Ok(()),
        (true, true) => Err(Error::Forbidden(format!(
            "holders of profile {} sign certificates, CRLs or OCSP responses; this needs the permission \
             authority-certificates:issue",
            profile.name
        ))),
        (false, _) => Err(Error::Forbidden(format!(
            "{} may not issue on profile {}",
            requester.subject, profile.name
        ))),
    }
}
