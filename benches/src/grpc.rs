//! Issuance over gRPC, mutual TLS, as the registration authority will ask for it.

use std::sync::Arc;

use anyhow::Context;
use kit::clock::{SharedClock, SystemClock};
use kit::tls::{Identity, IdentityFiles};
use kit::transport::{Transport, channel};
use proto::ca::v1::IssueRequest;
use proto::ca::v1::ca_client::CaClient;
use testkit::system::System;

use crate::load::Client;

/// The service whose identity the load generator bears.
pub(crate) const CALLER: &str = "ra";

/// Connections; HTTP/2 shares each among many clients.
const CONNECTIONS: usize = 4;

pub(crate) fn connect_all(
    system: &System,
    clients: usize,
    csrs: &Arc<Vec<Vec<u8>>>,
) -> anyhow::Result<Vec<Grpc>> {
    let clock: SharedClock = Arc::new(SystemClock::from_env()?);
    let folder = system.ready().data_dir.join("identities").join(CALLER);
    let identity = Identity::from_files(
        IdentityFiles::new(&folder, "tls", folder.join("roots.pem")),
        clock,
    )?;
    let connections = (0..CONNECTIONS)
        .map(|_| channel(&system.ready().grpc, "gigvault", &identity))
        .collect::<Result<Vec<Transport>, _>>()?;
    let all = (0..clients).filter_map(|client| {
        let transport = connections.get(client % CONNECTIONS)?.clone();
        Some(Grpc {
            client: CaClient::new(transport),
            csrs: Arc::clone(csrs),
        })
    });
    Ok(all.collect())
}

/// One client of the generated kind.
pub(crate) struct Grpc {
    client: CaClient<Transport>,
    csrs: Arc<Vec<Vec<u8>>>,
}

impl Client for Grpc {
    async fn call(&mut self, number: usize) -> anyhow::Result<()> {
        let csr = self
            .csrs
            .get(number % self.csrs.len())
            .context("no CSR was made")?;
        let request = IssueRequest {
            csr: csr.clone(),
            profile: "tls-server".to_owned(),
            requester: "user:bench".to_owned(),
            ..IssueRequest::default()
        };
        self.client.issue(request).await?;
        Ok(())
    }
}
