//! Making keys: what is kept, what is told, who wins.

use futures::future::join_all;
use keys::{Binding, KeyEncryptionKey, KeyStore, SoftwareStore};
use proto::keymgr::v1::{GetRequest, Purpose};
use testkit::on_both_databases;
use tonic::{Code, Request};
use x509::PublicKey;

use crate::world::{World, request};

on_both_databases!(
    a_key_of_every_kind_is_made_and_found_again,
    one_of_many_requests_for_a_name_wins,
    a_key_and_its_event_are_kept_together,
    no_private_key_is_stored_in_the_clear,
);

async fn a_key_of_every_kind_is_made_and_found_again(world: World) {
    let running = world.start().await;
    for algorithm in ["p256", "p384", "p521", "ed25519", "rsa2048"] {
        let made = running
            .generate(algorithm, algorithm, Purpose::CertificateAuthority)
            .await;
        assert_eq!(
            (made.name.as_str(), made.algorithm.as_str()),
            (algorithm, algorithm)
        );
        assert_eq!(made.purpose(), Purpose::CertificateAuthority);
        assert_eq!(made.backend, "software");
        assert_eq!(made.created_us, 1_798_859_045_678_901);
        assert_eq!(
            PublicKey::from_spki(&made.spki).unwrap().algorithm().to_string(),
            algorithm
        );
        let found = running
            .client("ca")
            .get(GetRequest {
                name: algorithm.to_owned(),
            })
            .await
            .unwrap()
            .into_inner();
        assert_eq!(found, made);
    }
    let missing = running
        .client("ca")
        .get(GetRequest {
            name: "other".to_owned(),
        })
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

async fn one_of_many_requests_for_a_name_wins(world: World) {
    let running = world.start().await;
    // No more at a time than one caller may have waiting.
    let attempts = (0..8).map(|_| async {
        let wanted = request("issuing", "p256", Purpose::CertificateAuthority);
        running.client("ca").generate(wanted).await
    });
    let mut made = Vec::new();
    for attempt in join_all(attempts).await {
        match attempt {
            Ok(key) => made.push(key.into_inner()),
            Err(status) => {
                assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
                assert!(
                    status.message().contains("a key named issuing exists"),
                    "{status:?}"
                );
            }
        }
    }
    assert_eq!(made.len(), 1);
    let kept = running
        .client("ca")
        .get(GetRequest {
            name: "issuing".to_owned(),
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(made, [kept]);
    assert_eq!(events(&running.db).await.len(), 1);
}

async fn a_key_and_its_event_are_kept_together(world: World) {
    let running = world.start().await;
    let mut wanted = Request::new(request("issuing", "p256", Purpose::CertificateAuthority));
    wanted
        .metadata_mut()
        .insert("x-correlation-id", "ceremony-7".parse().unwrap());
    let made = running.client("ca").generate(wanted).await.unwrap().into_inner();
    let events = events(&running.db).await;
    let [(kind, subject, data, correlation_id)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((kind.as_str(), subject.as_str()), ("key.generated", "issuing"));
    assert_eq!(correlation_id, "ceremony-7");
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let fingerprint = PublicKey::from_spki(&made.spki).unwrap().fingerprint();
    assert_eq!(
        data,
        serde_json::json!({
            "name": "issuing",
            "algorithm": "p256",
            "purpose": "certificate-authority",
            "backend": "software",
            "spki_sha256": data_encoding::HEXLOWER.encode(&fingerprint),
            "requester": "service:ca",
        })
    );
}

async fn no_private_key_is_stored_in_the_clear(world: World) {
    let running = world.start().await;
    running
        .generate("issuing", "ed25519", Purpose::CertificateAuthority)
        .await;
    let sql = "SELECT handle FROM keys";
    let handle: Vec<u8> = store::read!(running.db, |c| sqlx::query_scalar(sql).fetch_one(c).await).unwrap();

    let kek =
        || KeyEncryptionKey::from_file(world.config.backends.software.kek_file.as_deref().unwrap()).unwrap();
    let binding = Binding {
        name: "issuing",
        purpose: "certificate-authority",
    };
    SoftwareStore::new(kek())
        .open(&handle, binding)
        .map(drop)
        .unwrap();
    let document = kek().open(&handle, &binding.aad()).unwrap();
    let seed = document.last_chunk::<32>().unwrap();

    let mut stored = vec![handle.clone()];
    if let Some(file) = world.database.url().strip_prefix("sqlite:") {
        for suffix in ["", "-wal"] {
            stored.push(std::fs::read(format!("{file}{suffix}")).unwrap_or_default());
        }
        assert!(
            stored
                .iter()
                .skip(1)
                .any(|bytes| bytes.windows(handle.len()).any(|part| part == handle))
        );
    }
    for bytes in stored {
        assert!(
            !bytes
                .windows(8)
                .any(|part| seed.windows(8).any(|secret| secret == part))
        );
    }
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_by_field() {
    let world = World::sqlite();
    let running = world.start().await;
    let ca = Purpose::CertificateAuthority;
    for (name, algorithm, purpose, field) in [
        ("", "p256", ca, "name"),
        ("../../etc", "p256", ca, "name"),
        ("a", "dsa", ca, "algorithm"),
        ("a", "", ca, "algorithm"),
        ("a", "rsa2056", ca, "algorithm"),
        ("a", "rsa1024", ca, "algorithm"),
        ("a", "p256", Purpose::Unspecified, "purpose"),
    ] {
        let refused = running
            .client("ca")
            .generate(request(name, algorithm, purpose))
            .await
            .unwrap_err();
        assert_eq!(
            refused.code(),
            Code::InvalidArgument,
            "{name} {algorithm}: {refused:?}"
        );
        assert_eq!(
            refused.metadata().get("gigvault-field").unwrap(),
            field,
            "{name} {algorithm}: {refused:?}"
        );
    }
    assert!(events(&running.db).await.is_empty());
}

/// Kind, subject, data and correlation id of all events, in order.
async fn events(db: &store::Db) -> Vec<(String, String, String, String)> {
    let sql = "SELECT kind, subject, data, correlation_id FROM outbox ORDER BY tx, ordinal";
    store::read!(db, |c| sqlx::query_as(sql).fetch_all(c).await).unwrap()
}
