//! Makes responders: a key in keymgr, a certificate of the CA, a row that makes it the current one.
//!
//! One process of all that share the database does it, under a lease. What it leaves half done, the next one finishes: the key of a
//! number is made once, and `ca` certifies a key once.

use std::sync::Arc;
use std::time::Duration;

use kit::responder_key;
use proto::ca::v1::IssueOcspSignerRequest;
use proto::keymgr::v1::{GenerateRequest, GetRequest, Purpose};
use store::lease::{self, Lease};
use tonic::Code;
use vocabulary::service;
use x509::Certificate;

use super::App;
use crate::domain::{Issuer, key_algorithm, verify};
use crate::error::Error;
use crate::tables::{self, StoredSigner};

/// Name of the lease.
const LEASE: &str = "OCSP responders";
/// How long a process that died keeps the others waiting.
const TERM: Duration = Duration::from_secs(15);
/// Numbers that are tried at once: a key that was made before, and never used, may be one that cannot sign.
const NUMBERS: i64 = 3;
/// Longest wait for a key or a certificate.
const PATIENCE: Duration = Duration::from_secs(60);

impl App {
    /// Makes those that are due. False: another process is at it, or one could not be made.
    pub(super) async fn make_responders(&self) -> Result<bool, Error> {
        let Some(lease) = lease::take(&self.0.db, LEASE, &self.0.holder, TERM).await? else {
            return Ok(false);
        };
        let made = lease.keep(&self.0.db, TERM, self.make_all(&lease)).await;
        lease.release(&self.0.db).await?;
        made.unwrap_or(Ok(false))
    }

    /// One CA that cannot certify its responder keeps none of the others from theirs.
    async fn make_all(&self, lease: &Lease) -> Result<bool, Error> {
        // Another process may have made them before this one got the lease.
        let issuers = self.issuers().await?;
        let mut failed = Vec::new();
        for issuer in issuers.iter().filter(|issuer| self.needs_responder(issuer)) {
            if let Err(error) = self.make_responder(issuer, lease).await {
                let cause = kit::error::chain(&error);
                failed.push(format!(
                    "a responder of {} could not be made: {cause}",
                    issuer.name
                ));
            }
        }
        let all = failed.is_empty();
        self.0.unmade.are(failed);
        Ok(all)
    }

    async fn make_responder(&self, issuer: &Issuer, lease: &Lease) -> Result<(), Error> {
        let first = tables::next_number(&self.0.db, &issuer.name).await?;
        let mut number = first;
        loop {
            match self.make_numbered(issuer, number, lease).await {
                Err(Error::Signer { .. }) if number + 1 < first + NUMBERS => number += 1,
                made => return made,
            }
        }
    }

    /// Makes the responder of that number, the current one once it has signed.
    async fn make_numbered(&self, issuer: &Issuer, number: i64, lease: &Lease) -> Result<(), Error> {
        let key_name = responder_key::name(&issuer.name, number);
        self.make_key(issuer, &key_name).await?;
        let certificate = self.certify(issuer, &key_name).await?;
        let signer = verify(issuer, &key_name, certificate.clone(), self.0.config.responder_id);
        let unusable = |cause| Error::Signer {
            key_name: key_name.clone(),
            cause,
        };
        let signer = signer.map_err(|cause| unusable(Box::new(cause)))?;
        let signer = Arc::new(signer);
        match self.try_signer(issuer, &signer).await {
            Err(cause @ Error::Refused { .. }) => return Err(unusable(Box::new(cause))),
            tried => tried?,
        }
        let stored = StoredSigner {
            issuer: issuer.name.to_string(),
            number,
            key_name: key_name.clone(),
            certificate: certificate.der().to_vec(),
        };
        let times = (signer.not_after, self.0.clock.now());
        tables::insert_signer(&self.0.db, lease, &stored, times).await?;
        tracing::info!(
            issuer = &*issuer.name,
            key = key_name,
            not_after = kit::clock::rfc3339(signer.not_after),
            "OCSP responder made"
        );
        Ok(())
    }

    /// The key of that name, made now or by whoever did not come further than that.
    async fn make_key(&self, issuer: &Issuer, key_name: &str) -> Result<(), Error> {
        let mut generate = tonic::Request::new(GenerateRequest {
            name: key_name.to_owned(),
            algorithm: key_algorithm(issuer).to_string(),
            purpose: Purpose::OcspSigner.into(),
        });
        generate.set_timeout(PATIENCE);
        let refused = match self.keymgr().generate(generate).await {
            Ok(_made) => return Ok(()),
            Err(status) => status,
        };
        if refused.code() != Code::FailedPrecondition {
            return Err(Error::keymgr(refused));
        }
        let name = key_name.to_owned();
        let there = self.keymgr().get(super::patiently(GetRequest { name })).await;
        let there = there.map_err(|_| Error::keymgr(refused))?.into_inner();
        match there.purpose() {
            Purpose::OcspSigner => Ok(()),
            Purpose::Unspecified | Purpose::CertificateAuthority => {
                let what = format!("a key {key_name} that is not for OCSP");
                Err(Error::answer(service::KEYMGR, what))
            }
        }
    }

    async fn certify(&self, issuer: &Issuer, key_name: &str) -> Result<Certificate, Error> {
        let mut request = tonic::Request::new(IssueOcspSignerRequest {
            issuer: issuer.name.to_string(),
            key_name: key_name.to_owned(),
        });
        request.set_timeout(PATIENCE);
        let issued = self.ca().issue_ocsp_signer(request).await.map_err(Error::ca)?;
        Certificate::from_der(&issued.into_inner().certificate).map_err(|error| {
            Error::answer(service::CA, format!("a certificate that cannot be read: {error}"))
        })
    }
}
