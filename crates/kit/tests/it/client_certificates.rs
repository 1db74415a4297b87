//! HTTPS that asks for a client certificate: who is told what, and what reaches a handler.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use kit::http::{Limits, standard_layers};
use kit::peer::PeerCertificate;
use kit::tls::{OptionalClientCertificates, ServerIdentity};
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::world::{Ca, Leaf, Pair, Served, clock};

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn client_pair(ca: &Ca) -> Pair {
    ca.pair(&Leaf {
        names: &["alice.example.test"],
        usages: &[ClientAuth],
        ..Leaf::default()
    })
}

struct World {
    server: Ca,
    asking: Arc<OptionalClientCertificates>,
    served: Served,
}

impl World {
    async fn new() -> Self {
        let server = Ca::new();
        let pair = server.pair(&Leaf {
            names: &["localhost"],
            usages: &[ServerAuth],
            ..Leaf::default()
        });
        let identity = ServerIdentity::from_pem(pair.chain.as_bytes(), pair.key.as_bytes(), clock()).unwrap();
        let asking = Arc::new(OptionalClientCertificates::new(identity, clock()));
        // The certificate that a handler sees, or nothing.
        let routes = Router::new().route(
            "/",
            get(async |shown: Option<Extension<PeerCertificate>>| {
                shown.map_or_else(Vec::new, |Extension(shown)| shown.0.to_vec())
            }),
        );
        let site = standard_layers(routes, "test");
        let served = Served::new(Some(asking.clone()), site, Limits::default()).await;
        Self {
            server,
            asking,
            served,
        }
    }

    /// What a handler sees of a client with this certificate, on a connection of its own.
    async fn seen(&self, pair: Option<&Pair>) -> reqwest::Result<Vec<u8>> {
        let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let root = reqwest::Certificate::from_pem(self.server.pem.as_bytes()).unwrap();
        let mut client = reqwest::Client::builder()
            .tls_certs_only([root])
            .timeout(Duration::from_secs(20));
        if let Some(pair) = pair {
            let both = format!("{}{}", pair.chain, pair.key);
            client = client.identity(reqwest::Identity::from_pem(both.as_bytes()).unwrap());
        }
        let url = format!("https://localhost:{}/", self.served.port);
        let answer = client.build().unwrap().get(url).send().await?;
        Ok(answer.error_for_status()?.bytes().await?.to_vec())
    }
}

#[tokio::test]
async fn a_certificate_of_an_accepted_ca_reaches_the_handler_and_none_is_needed() {
    let world = World::new().await;
    let ca = Ca::new();
    let alice = client_pair(&ca);
    // While no CA is accepted, no client is asked, and none sends what it has.
    assert!(world.seen(Some(&alice)).await.unwrap().is_empty());

    world.asking.accept(vec![der(&ca.pem)]);
    assert_eq!(
        world.seen(Some(&alice)).await.unwrap(),
        der(&alice.chain).as_ref()
    );
    assert!(world.seen(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_shown_must_be_for_clients_and_of_an_accepted_ca() {
    let world = World::new().await;
    let ca = Ca::new();
    world.asking.accept(vec![der(&ca.pem)]);
    let server_only = ca.pair(&Leaf {
        names: &["web.example.test"],
        usages: &[ServerAuth],
        ..Leaf::default()
    });
    let (alice, foreign) = (client_pair(&ca), client_pair(&Ca::new()));
    assert!(world.seen(Some(&server_only)).await.is_err());
    assert!(world.seen(Some(&foreign)).await.is_err());
    assert!(world.seen(Some(&alice)).await.is_ok());
    // A CA that is no longer accepted: the next handshake is refused.
    world.asking.accept(vec![der(&Ca::new().pem)]);
    assert!(world.seen(Some(&alice)).await.is_err());
}
