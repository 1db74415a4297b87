//! Signatures: right, in order, all or none, for callers on the list only.

use bytes::Bytes;
use proto::keymgr::v1::{GetRequest, ListRequest, Purpose, SignBatchRequest, SignRequest};
use testkit::database::TestDatabase;
use testkit::on_both_databases;
use tonic::Code;
use x509::{PublicKey, SignatureAlgorithm};

use crate::structures::{certificate, numbered_certificate};
use crate::world::{Running, World, request};

on_both_databases!(keys_survive_a_restart);

async fn keys_survive_a_restart(world: World) {
    let running = world.start().await;
    let made = running
        .generate("issuing", "p384", Purpose::CertificateAuthority)
        .await;
    running.stop().await;

    let running = world.start().await;
    let key = PublicKey::from_spki(&made.spki).unwrap();
    let message = certificate(&key, SignatureAlgorithm::EcdsaSha384);
    let signature = sign(&running, "issuing", &message, "").await.unwrap();
    SignatureAlgorithm::EcdsaSha384
        .verify(&key, &message, &signature)
        .unwrap();
}

#[tokio::test]
async fn every_kind_of_key_signs_with_its_usual_algorithm() {
    let world = World::sqlite();
    let running = world.start().await;
    for kind in ["p256", "p384", "p521", "ed25519", "rsa2048"] {
        let key = public(&running, kind).await;
        let usual = SignatureAlgorithm::default_for(key.algorithm());
        let message = certificate(&key, usual);
        let signature = sign(&running, kind, &message, "").await.unwrap();
        usual.verify(&key, &message, &signature).unwrap();
    }
}

#[tokio::test]
async fn rsa_signs_with_the_algorithm_that_is_asked_for() {
    let world = World::sqlite();
    let running = world.start().await;
    let key = public(&running, "rsa2048").await;
    for algorithm in ["rsa-pkcs1-sha384", "rsa-pss-sha256", "rsa-pss-sha512"] {
        let parsed: SignatureAlgorithm = algorithm.parse().unwrap();
        let message = certificate(&key, parsed);
        let signature = sign(&running, "rsa2048", &message, algorithm).await.unwrap();
        parsed.verify(&key, &message, &signature).unwrap();
    }
}

#[tokio::test]
async fn an_algorithm_that_the_key_does_not_do_is_refused() {
    let world = World::sqlite();
    let running = world.start().await;
    let key = public(&running, "p256").await;
    let message = certificate(&key, SignatureAlgorithm::EcdsaSha256);
    for algorithm in [
        "ecdsa-sha384",
        "ed25519",
        "rsa-pss-sha256",
        "sha1",
        "ECDSA-SHA256",
    ] {
        let refused = sign(&running, "p256", &message, algorithm).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{algorithm}: {refused:?}");
        assert_eq!(
            refused.metadata().get("gigvault-field").unwrap(),
            "algorithm",
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_batch_is_signed_in_order() {
    let world = World::sqlite();
    let running = world.start().await;
    for kind in ["p256", "rsa2048"] {
        let key = public(&running, kind).await;
        let algorithm = SignatureAlgorithm::default_for(key.algorithm());
        for count in [1, 3, 5, 33, 200] {
            let messages: Vec<Bytes> = (0..count)
                .map(|number| numbered_certificate(&key, algorithm, number).into())
                .collect();
            let signatures = batch(&running, kind, messages.clone()).await.unwrap();
            assert_eq!(signatures.len(), messages.len());
            for (message, signature) in messages.iter().zip(&signatures) {
                algorithm.verify(&key, message, signature).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn signatures_are_counted_by_backend_and_algorithm() {
    let metrics = kit::metrics::install().unwrap();
    let world = World::sqlite();
    let running = world.start().await;
    let key = public(&running, "p521").await;
    let count = || {
        let prefix = r#"gigvault_signatures_total{backend="software",algorithm="ecdsa-sha512"} "#;
        let rendered = metrics.render();
        let line = rendered.lines().find_map(|line| line.strip_prefix(prefix));
        line.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    let before = count();
    let messages = vec![Bytes::from(certificate(&key, SignatureAlgorithm::EcdsaSha512)); 3];
    batch(&running, "p521", messages).await.unwrap();
    // Other tests may sign in the meantime.
    assert!(count() >= before + 3);
}

#[tokio::test]
async fn one_bad_message_spoils_the_whole_batch() {
    let world = World::sqlite();
    let running = world.start().await;
    let key = public(&running, "p256").await;
    let good = Bytes::from(certificate(&key, SignatureAlgorithm::EcdsaSha256));
    for place in [0, 2, 40, 99] {
        let mut messages = vec![good.clone(); 100];
        messages[place] = Bytes::from_static(b"a digest, or anything else");
        let refused = batch(&running, "p256", messages).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
        assert!(
            refused.message().starts_with(&format!("message {place}:")),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn batches_are_bounded() {
    let mut world = World::sqlite();
    world.config.max_batch = 10;
    let running = world.start().await;
    let key = public(&running, "p256").await;
    let good = Bytes::from(certificate(&key, SignatureAlgorithm::EcdsaSha256));
    assert_eq!(
        batch(&running, "p256", vec![good.clone(); 10])
            .await
            .unwrap()
            .len(),
        10
    );
    for count in [0, 11] {
        let refused = batch(&running, "p256", vec![good.clone(); count])
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
        assert!(refused.message().contains("1 to 10"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_signs_nothing_until_it_is() {
    let world = World::sqlite();
    let running = world.start().await;
    let missing = sign(&running, "p256", b"x", "").await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let key = public(&running, "p256").await;
    let message = certificate(&key, SignatureAlgorithm::EcdsaSha256);
    assert!(sign(&running, "p256", &message, "").await.is_ok());
}

#[tokio::test]
async fn a_key_made_by_one_replica_signs_on_another() {
    let world = World::on(TestDatabase::postgresql().await.unwrap()).await;
    let (one, other) = (world.start().await, world.start().await);
    let key = public(&one, "p256").await;
    let message = certificate(&key, SignatureAlgorithm::EcdsaSha256);
    let signature = sign(&other, "p256", &message, "").await.unwrap();
    SignatureAlgorithm::EcdsaSha256
        .verify(&key, &message, &signature)
        .unwrap();
}

#[tokio::test]
async fn callers_that_are_not_on_the_list_are_refused() {
    let world = World::sqlite();
    let running = world.start().await;
    let key = public(&running, "p256").await;
    let message = Bytes::from(certificate(&key, SignatureAlgorithm::EcdsaSha256));
    for caller in ["auth", "ra", "enroll", "crl", "keymgr", "", "CA"] {
        let mut client = running.client(caller);
        let (name, algorithm) = ("p256".to_owned(), String::new());
        let sign = SignRequest {
            name: name.clone(),
            message: message.clone(),
            algorithm: algorithm.clone(),
        };
        let batch = SignBatchRequest {
            name: name.clone(),
            messages: vec![message.clone()],
            algorithm,
        };
        let codes = [
            client
                .generate(request("stolen", "p256", Purpose::CertificateAuthority))
                .await
                .unwrap_err()
                .code(),
            client.get(GetRequest { name }).await.unwrap_err().code(),
            client.list(ListRequest::default()).await.unwrap_err().code(),
            client.sign(sign).await.unwrap_err().code(),
            client.sign_batch(batch).await.unwrap_err().code(),
        ];
        assert_eq!(codes, [Code::PermissionDenied; 5], "{caller:?}");
    }
    let listed = running
        .client("ca")
        .list(ListRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.items.len(), 1, "a refused call had an effect");
}

/// Makes a CA key named after its kind.
pub(crate) async fn public(running: &Running, kind: &str) -> PublicKey {
    let made = running.generate(kind, kind, Purpose::CertificateAuthority).await;
    PublicKey::from_spki(&made.spki).unwrap()
}

pub(crate) async fn sign(
    running: &Running,
    name: &str,
    message: &[u8],
    algorithm: &str,
) -> Result<Bytes, tonic::Status> {
    sign_for("ca", running, name, message, algorithm).await
}

/// The same for another caller.
pub(crate) async fn sign_for(
    caller: &'static str,
    running: &Running,
    name: &str,
    message: &[u8],
    algorithm: &str,
) -> Result<Bytes, tonic::Status> {
    let message = Bytes::copy_from_slice(message);
    let request = SignRequest {
        name: name.to_owned(),
        message,
        algorithm: algorithm.to_owned(),
    };
    Ok(running.client(caller).sign(request).await?.into_inner().signature)
}

async fn batch(running: &Running, name: &str, messages: Vec<Bytes>) -> Result<Vec<Bytes>, tonic::Status> {
    batch_for("ca", running, name, messages).await
}

pub(crate) async fn batch_for(
    caller: &'static str,
    running: &Running,
    name: &str,
    messages: Vec<Bytes>,
) -> Result<Vec<Bytes>, tonic::Status> {
    let request = SignBatchRequest {
        name: name.to_owned(),
        messages,
        algorithm: String::new(),
    };
    Ok(running
        .client(caller)
        .sign_batch(request)
        .await?
        .into_inner()
        .signatures)
}
