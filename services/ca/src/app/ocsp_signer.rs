//! Issue the certificate of an OCSP responder over a key of keymgr.

use kit::error::{Fault as _, Kind};
use kit::grpc::RemoteFault;
use kit::idempotency::{IdempotencyKey, digest};
use kit::responder_key;
use proto::keymgr::v1::{GetRequest, Key, Purpose};
use x509::extension::Eku;
use x509::{DistinguishedName, PublicKey};

use super::{App, Requester};
use crate::domain::publication::IssuerName;
use crate::domain::signed::Record;
use crate::domain::{Issued, OCSP_SIGNER, Protocol, Status};
use crate::error::Error;
use crate::tables::certificates;

/// Most octets of a common name (RFC 5280 appendix A.1: ub-common-name).
const MAX_COMMON_NAME: usize = 64;

impl App {
    /// Issues a responder certificate of that issuer over the key of that name in keymgr. The same key has one such certificate
    /// at a time: who asks again gets it, as long as it is valid.
    ///
    /// There is no CSR: keymgr's keys for OCSP sign responses and nothing else. That keymgr holds the key is the proof of
    /// possession. Every CA issues this, whatever profiles it lists: those are what requesters may have, and this is how the CA
    /// itself tells of what it issued. A suspended CA does too. It certifies no other key by it, and without an answer from OCSP
    /// many clients would take for good what was revoked, of all times while there is reason to stop a CA.
    ///
    /// # Errors
    /// `Common::Invalid` for another key; [`Error::NotFound`] for the issuer; [`Error::Keymgr`]; those of [`App::issue`].
    pub(crate) async fn issue_ocsp_signer(
        &self,
        requester: &Requester,
        issuer: &str,
        key_name: &str,
    ) -> Result<Issued, Error> {
        let issuer = self.issuer(issuer).await?;
        check_key_name(&issuer, key_name)?;
        let profile = self.responder_profile()?;
        let key = PublicKey::from_spki(&self.responder_key(key_name).await?.spki)
            .map_err(|error| Error::internal(format!("keymgr answered no usable key {key_name}: {error}")))?;
        let before = certificates::newest_of_key(&self.db, &key.fingerprint()).await?;
        let now = self.clock.now();
        let of_profile = |issued: &Issued| issued.issuer() == issuer && *issued.profile == *profile.name;
        let last = before.first().map(|issued| issued.serial);
        if let Some(valid) = before
            .into_iter()
            .find(|issued| of_profile(issued) && issued.status(now) == Status::Valid)
        {
            return Ok(valid);
        }
        // Of two that ask at once, one is first, and both get its certificate.
        let after = last.map_or_else(|| "none".to_owned(), |serial| serial.to_string());
        let asked = digest(&[
            Some(OCSP_SIGNER.as_bytes()),
            Some(key_name.as_bytes()),
            Some(after.as_bytes()),
        ]);
        let claim = IdempotencyKey::new(format!("{OCSP_SIGNER}:{key_name}:{after}"))?
            .claim(&requester.subject, asked);
        if let Some(earlier) = self.earlier(Some(claim)).await? {
            return Ok(earlier);
        }
        let active = self.authorities.active(&issuer.ca).await?;
        let grant = rules::Grant::default().with_authority();
        let wanted = rules::Request::new(subject(&issuer)?, Vec::new(), key).granted(grant);
        let record = Record {
            requester: requester.subject.clone(),
            actor: requester.subject.clone(),
            protocol: Protocol::Internal,
            replaces: None,
            asked_by: None,
            claim: Some(claim),
            trace: kit::trace::current(),
        };
        let mut job = self.job(profile, &active, (wanted, record))?;
        job.despite_suspension = true;
        self.submit(job, Some(claim)).await
    }

    /// The profile, which the configuration may have replaced: by one for responders.
    fn responder_profile(&self) -> Result<&rules::Profile, Error> {
        let profile = self.profile(OCSP_SIGNER)?;
        if profile.extended_key_usage == [Eku::OcspSigning] {
            return Ok(profile);
        }
        Err(Error::Conflict(format!(
            "ca.profiles replaces profile {OCSP_SIGNER} by one that is not for OCSP responders; its extended_key_usage must be \
             OCSPSigning and nothing else: rename it, or correct it"
        )))
    }

    async fn responder_key(&self, name: &str) -> Result<Key, Error> {
        let request = GetRequest {
            name: name.to_owned(),
        };
        let key = match self.keymgr.clone().get(request).await {
            Ok(key) => key.into_inner(),
            Err(status) => {
                let fault = RemoteFault::from(status);
                return Err(match fault.kind() {
                    Kind::NotFound => Error::invalid("key_name", format!("keymgr has no key {name}")),
                    Kind::Invalid
                    | Kind::Unauthenticated
                    | Kind::Denied
                    | Kind::Conflict
                    | Kind::Changed
                    | Kind::TooLarge
                    | Kind::Unprocessable
                    | Kind::RateLimited
                    | Kind::Internal
                    | Kind::Unavailable => Error::Keymgr(fault),
                });
            }
        };
        match key.purpose() {
            Purpose::OcspSigner => Ok(key),
            Purpose::CertificateAuthority | Purpose::Unspecified => Err(Error::invalid(
                "key_name",
                format!("key {name} was not made for OCSP"),
            )),
        }
    }
}

/// One key is certified by one issuer, and no other key of keymgr becomes a responder's.
fn check_key_name(issuer: &IssuerName, name: &str) -> Result<(), Error> {
    match responder_key::is_of(&issuer.to_string(), name) {
        true => Ok(()),
        false => {
            let example = responder_key::name(&issuer.to_string(), 1);
            Err(Error::invalid(
                "key_name",
                format!("takes names such as {example} for this issuer"),
            ))
        }
    }
}

/// The name of the CA where there is room for it. Clients know a responder by its issuer and its purpose (RFC 6960 section
/// 4.2.2.2), and not by its name.
fn subject(issuer: &IssuerName) -> Result<DistinguishedName, Error> {
    let full = format!("OCSP signer of {issuer}");
    let name = match full.len() <= MAX_COMMON_NAME {
        true => full.as_str(),
        false => "OCSP signer",
    };
    let subject = format!("CN={name}").parse();
    subject.map_err(|error| Error::internal(format!("subject of a responder: {error}")))
}
