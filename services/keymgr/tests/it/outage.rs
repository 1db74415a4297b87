//! The database goes away and comes back.

use proto::keymgr::v1::{GetRequest, Purpose};
use testkit::database::TestDatabase;
use testkit::postgres::Postgres;
use tonic::Code;
use x509::{PublicKey, SignatureAlgorithm};

use crate::sign::sign;
use crate::structures::certificate;
use crate::world::{World, request};

/// Of a pool.
const MOST_CONNECTIONS: usize = 16;

#[tokio::test]
async fn loaded_keys_sign_while_the_database_is_down_and_the_rest_recovers() {
    let server = Postgres::start().await.unwrap();
    let world = World::on(TestDatabase::of(&server).await.unwrap()).await;
    let running = world.start().await;
    let made = running
        .generate("loaded", "p256", Purpose::CertificateAuthority)
        .await;
    let key = PublicKey::from_spki(&made.spki).unwrap();
    let message = certificate(&key, SignatureAlgorithm::EcdsaSha256);
    running.db.ready().await.unwrap();

    server.stop().await.unwrap();
    sign(&running, "loaded", &message, "").await.unwrap();
    let not_loaded = sign(&running, "elsewhere", &message, "").await.unwrap_err();
    let not_made = running
        .client("ca")
        .generate(request("new", "p256", Purpose::CertificateAuthority))
        .await
        .unwrap_err();
    for refused in [not_loaded, not_made] {
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert!(
            refused.metadata().contains_key("gigvault-retry-after-ms"),
            "{refused:?}"
        );
    }
    assert!(running.db.ready().await.is_err());

    server.resume().await.unwrap();
    let wanted = GetRequest {
        name: "loaded".to_owned(),
    };
    // A pooled connection that was used a moment before the end is only found dead when it is used again: that call is
    // told to come back, as a caller would.
    let mut found = running.client("ca").get(wanted.clone()).await;
    for _ in 0..MOST_CONNECTIONS {
        match found {
            Err(status) if status.code() == Code::Unavailable => {
                found = running.client("ca").get(wanted.clone()).await;
            }
            _ => break,
        }
    }
    assert_eq!(found.unwrap().into_inner(), made);
    running
        .generate("new", "p256", Purpose::CertificateAuthority)
        .await;
}
