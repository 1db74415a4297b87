//! The identity of this process is renewed at two thirds of its life: by the CA in this process, or over gRPC by the one
//! elsewhere, called with the identity that it replaces.

use std::time::Duration;

use anyhow::Context;
use ca::App;
use kit::clock::SharedClock;
use kit::tls::Identity;
use kit::transport::Transport;
use proto::ca::v1::IssueRequest;
use proto::ca::v1::ca_client::CaClient;
use tokio_util::sync::CancellationToken;

use super::bootstrap::SERVICES;
use super::identities;
use super::services::{Environment, Service, Services};

/// What renewing takes.
pub(crate) struct Renewal {
    identity: Identity,
    clock: SharedClock,
    issuer: Issuer,
}

#[derive(Clone)]
enum Issuer {
    Here {
        app: App,
        validity: Option<Duration>,
    },
    Elsewhere {
        ca: Transport,
        validity: Option<Duration>,
    },
}

impl Renewal {
    pub(crate) fn new(
        environment: &Environment<'_>,
        services: &Services,
        identity: Identity,
    ) -> anyhow::Result<Self> {
        let validity = identities::validity(environment.settings)?;
        let issuer = match &services.ca {
            Some(ca) => Issuer::Here {
                app: ca.app().clone(),
                validity,
            },
            None => Issuer::Elsewhere {
                ca: environment.remote(Service::Ca)?,
                validity,
            },
        };
        Ok(Self {
            identity,
            clock: environment.clock.clone(),
            issuer,
        })
    }

    /// Runs until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let Self {
            identity,
            clock,
            issuer,
        } = self;
        let issue = move |csr: Vec<u8>| {
            let issuer = issuer.clone();
            async move { issuer.issue(csr).await.map_err(Into::into) }
        };
        kit::identity_renewal::run(identity, clock, issue, stop).await;
    }
}

impl Issuer {
    /// The chain for a CSR, PEM.
    async fn issue(self, csr: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let (mut ca, validity) = match self {
            Self::Here { app, validity } => {
                return Ok(identities::issue_service(&app, csr, validity).await?.into_bytes());
            }
            Self::Elsewhere { ca, validity } => (CaClient::new(ca), validity),
        };
        let request = IssueRequest {
            csr,
            ca: SERVICES.to_owned(),
            profile: identities::PROFILE.to_owned(),
            validity_seconds: validity.map_or(0, |validity| validity.as_secs()),
            protocol: "internal".to_owned(),
            ..IssueRequest::default()
        };
        let issued = ca
            .issue(request)
            .await
            .context("the CA did not renew this identity")?
            .into_inner();
        Ok(x509::pem::encode("CERTIFICATE", &issued.certificate).into_bytes())
    }
}
