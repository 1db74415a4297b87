//! Certificates of the services CA for GigVault itself, asked of `ca` in this process or elsewhere.

use std::collections::BTreeSet;

use kit::transport::Transport;
use proto::ca::v1::ca_client::CaClient;
use proto::ca::v1::{CaInfo, IssueRequest, ListCasRequest, WatchRevokedRequest, WatchRevokedResponse};
use tonic::{Status, Streaming};
use x509::Certificate;
use x509::serial::Serial;

use crate::error::Error;
use crate::{SERVICE_PROFILE, SERVICES_CA};

/// Most revoked certificates that a process keeps in memory: many more than the bounds on identities leave room for.
const MOST_REVOKED: usize = 1_000_000;

/// The way to the CA of services.
#[derive(Clone)]
pub struct Issuer {
    ca: CaClient<Transport>,
}

impl Issuer {
    /// Asks over `ca`. Within a process the caller is [`kit::peer::PROCESS`], elsewhere the service that asks.
    #[must_use]
    pub fn new(ca: Transport) -> Self {
        Self {
            ca: CaClient::new(ca),
        }
    }

    /// The certificates of services that are revoked or on hold: at once, and after each change.
    ///
    /// # Errors
    /// [`Error::Call`] with what `ca` said.
    pub(crate) async fn watch_revoked(&self) -> Result<RevokedServices, Error> {
        let request = WatchRevokedRequest {
            ca: SERVICES_CA.to_owned(),
            parts: true,
        };
        let watched = self.ca.clone().watch_revoked(request).await;
        Ok(RevokedServices(watched.map_err(not_told)?.into_inner()))
    }

    /// Whether a certificate of the services CA is revoked or on hold now.
    ///
    /// # Errors
    /// As [`watch_revoked`](Self::watch_revoked).
    pub(crate) async fn is_revoked(&self, certificate: &Certificate) -> Result<bool, Error> {
        let revoked = self.watch_revoked().await?.next().await?;
        let serial = certificate.serial().proper();
        Ok(serial.map_or(true, |serial| revoked.all.contains(&serial)))
    }

    /// The chain for a CSR (DER) of a service or of the HTTPS listener, PEM, leaf first, without the root. `ca` decides how long it
    /// lives.
    ///
    /// # Errors
    /// [`Error::Call`] with what `ca` said.
    pub(crate) async fn issue(&self, csr: Vec<u8>) -> Result<String, Error> {
        let request = IssueRequest {
            csr,
            ca: SERVICES_CA.to_owned(),
            profile: SERVICE_PROFILE.to_owned(),
            ..IssueRequest::default()
        };
        let issued = self.ca.clone().issue(request).await;
        let issued = issued
            .map_err(Error::call(
                "CA services did not issue a certificate for GigVault itself",
            ))?
            .into_inner();
        let mut chain = x509::pem::encode("CERTIFICATE", &issued.certificate);
        for above in &issued.chain {
            let above = Certificate::from_der(above)?;
            if above.subject() != above.issuer() {
                chain.push_str(&above.pem());
            }
        }
        Ok(chain)
    }

    /// The certificates (DER) of the CAs that issue for users: whose certificates a client may show.
    ///
    /// # Errors
    /// [`Error::Call`] with what `ca` said.
    pub async fn user_authorities(&self) -> Result<Vec<Vec<u8>>, Error> {
        let all = authorities(&self.ca).await?.into_iter();
        // Services prove who they are by gRPC only.
        let users = all.filter(|ca| ca.name != SERVICES_CA);
        Ok(users.map(|ca| ca.certificate).collect())
    }

    /// The certificate of the services CA: the only one that services trust.
    pub(crate) async fn services_ca(&self) -> Result<Certificate, Error> {
        let all = authorities(&self.ca).await?;
        let services = all.into_iter().find(|ca| ca.name == SERVICES_CA);
        let services = services.ok_or_else(|| lost_ca(SERVICES_CA))?;
        Ok(Certificate::from_der(&services.certificate)?)
    }
}

/// Certificates of services that are revoked or on hold.
pub(crate) struct RevokedSerials {
    pub(crate) all: BTreeSet<Serial>,
    /// Those of them that are on hold; none from a version of `ca` that does not say which they are.
    pub(crate) held: Option<BTreeSet<Serial>>,
}

/// What `ca` tells of revoked services.
pub(crate) struct RevokedServices(Streaming<WatchRevokedResponse>);

impl RevokedServices {
    /// All of them, now if they were not told yet, else after the next change.
    ///
    /// # Errors
    /// [`Error::Call`] where the stream ended.
    pub(crate) async fn next(&mut self) -> Result<RevokedSerials, Error> {
        let (mut serials, mut held) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let told = self.0.message().await.map_err(not_told)?;
            let told = told.ok_or_else(|| not_told(Status::unavailable("ca ended the stream")))?;
            let read = |contents: &[Vec<u8>]| -> Vec<Serial> {
                let serials = contents.iter();
                serials
                    .filter_map(|content| Serial::from_content(content))
                    .collect()
            };
            serials.extend(read(&told.serials));
            held.extend(read(&told.held));
            if serials.len().max(held.len()) > MOST_REVOKED {
                let text = format!("ca tells of more than {MOST_REVOKED} revoked services");
                return Err(not_told(Status::resource_exhausted(text)));
            }
            if !told.more {
                // One that is not among them is neither.
                held.retain(|serial| serials.contains(serial));
                return Ok(RevokedSerials {
                    held: told.tells_held.then_some(held),
                    all: serials,
                });
            }
        }
    }
}

fn not_told(status: Status) -> Error {
    Error::call("ca does not say which services are revoked")(status)
}

/// All CAs that `ca` knows.
pub(crate) async fn authorities(ca: &CaClient<Transport>) -> Result<Vec<CaInfo>, Error> {
    let listed = ca.clone().list_cas(ListCasRequest {}).await;
    Ok(listed
        .map_err(Error::call("the CAs cannot be listed"))?
        .into_inner()
        .items)
}

pub(crate) fn lost_ca(name: &str) -> Error {
    Error::Lost {
        service: vocabulary::service::CA,
        what: format!("CA {name}"),
        backup: "the backup",
    }
}
