//! Certificates of OCSP responders.

use std::io::Write as _;

use proto::ca::v1::{Certificate, IssueOcspSignerRequest, Protocol};
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use proto::keymgr::v1::{GenerateRequest, Key, Purpose};
use store::time::to_micros;
use testkit::on_both_databases;
use time::Duration;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use x509::crl::Reason;
use x509::extension::Eku;

use crate::world::{NOW, World, anyone};

on_both_databases!(
    every_ca_certifies_the_responder_of_its_own,
    the_same_key_has_one_certificate_while_that_is_valid,
    a_suspended_ca_still_tells_of_its_revocations,
    a_responder_does_not_outlive_its_ca,
    only_keys_that_were_made_for_it_become_responders,
);

/// A key that `ocsp` has made.
async fn made(world: &World, name: &str) -> Key {
    let request = GenerateRequest {
        name: name.to_owned(),
        algorithm: "p256".to_owned(),
        purpose: Purpose::OcspSigner.into(),
    };
    let mut keymgr = KeymgrClient::new(world.keymgr_of_ocsp.clone());
    keymgr.generate(request).await.unwrap().into_inner()
}

fn request(issuer: &str, key_name: &str) -> IssueOcspSignerRequest {
    IssueOcspSignerRequest {
        issuer: issuer.to_owned(),
        key_name: key_name.to_owned(),
    }
}

async fn certified(world: &World, issuer: &str, key_name: &str) -> Result<Certificate, Status> {
    let asked = request(issuer, key_name);
    let answer = world.client("ocsp").issue_ocsp_signer(asked).await?;
    Ok(answer.into_inner())
}

async fn every_ca_certifies_the_responder_of_its_own(world: World) {
    // The CA of services lists one profile, and its own certificate only purposes of TLS.
    for issuer in ["issuing", "services"] {
        let name = format!("ocsp.{issuer}.1");
        let key = made(&world, &name).await;
        let made = certified(&world, issuer, &name).await.unwrap();
        assert_eq!(made.subject, format!("CN=OCSP signer of {issuer}"));
        assert_eq!((made.ca.as_str(), made.profile.as_str()), (issuer, "ocsp-signer"));
        assert_eq!(made.requester, "service:ocsp");
        assert_eq!(made.protocol(), Protocol::Internal);
        let certificate = x509::Certificate::from_der(&made.certificate).unwrap();
        assert_eq!(certificate.spki(), key.spki);
        assert_eq!(certificate.eku(), Some(&[Eku::OcspSigning][..]));
        // id-pkix-ocsp-nocheck, and no CRL that a client would have to look into.
        let text = String::from_utf8_lossy(&made.certificate).into_owned();
        let nocheck = [0x2b, 6, 1, 5, 5, 7, 48, 1, 5];
        assert!(
            made.certificate
                .windows(nocheck.len())
                .any(|octets| octets == nocheck)
        );
        assert!(!text.contains(".crl"));
        let life = certificate.not_after() - certificate.not_before();
        assert_eq!(life, Duration::days(30) - Duration::SECOND);
        let issuer = x509::Certificate::from_der(&made.chain[0]).unwrap();
        certificate.verify_signed_by(&issuer).unwrap();
        openssl_takes_it_for_a_responder(&made);
    }
    let events = world.events().await;
    let last = events.last().unwrap();
    assert_eq!(last.kind, "certificate.issued");
    let data: serde_json::Value = last.parse_data().unwrap();
    assert_eq!(
        (&data["requester"], &data["issuer"]),
        (&"service:ocsp".into(), &"services".into())
    );
}

/// By the whole chain, in which one CA is limited to purposes of TLS.
fn openssl_takes_it_for_a_responder(made: &Certificate) {
    let [leaf, ca, root] = [&made.certificate, &made.chain[0], &made.chain[1]].map(|der| {
        let pem = x509::Certificate::from_der(der).unwrap().pem();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(pem.as_bytes()).unwrap();
        file
    });
    let now = NOW.unix_timestamp().to_string();
    let verified = std::process::Command::new("openssl")
        .args([
            "verify",
            "-x509_strict",
            "-purpose",
            "ocsphelper",
            "-attime",
            &now,
        ])
        .arg("-CAfile")
        .arg(root.path())
        .arg("-untrusted")
        .arg(ca.path())
        .arg(leaf.path())
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

async fn the_same_key_has_one_certificate_while_that_is_valid(world: World) {
    let name = "ocsp.issuing.7";
    made(&world, name).await;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let mut client = world.client("ocsp");
        tasks.spawn(async move {
            let answer = client.issue_ocsp_signer(request("issuing", name)).await;
            answer.unwrap().into_inner().serial
        });
    }
    let mut serials = tasks.join_all().await;
    serials.dedup();
    let [first] = serials.try_into().unwrap();
    assert_eq!(world.count("certificates").await, 1);
    // Longer than an idempotency key is kept.
    world.clock.set(NOW + Duration::days(3));
    assert_eq!(certified(&world, "issuing", name).await.unwrap().serial, first);
    world.revoke(&first, Reason::Superseded).await.unwrap();
    let second = certified(&world, "issuing", name).await.unwrap();
    assert_ne!(second.serial, first);
    world
        .clock
        .set(store::time::from_micros(second.not_after_us).unwrap() + Duration::SECOND);
    let third = certified(&world, "issuing", name).await.unwrap();
    assert_ne!(third.serial, second.serial);
    world.revoke(&third.serial, Reason::KeyCompromise).await.unwrap();
    certified(&world, "issuing", name).await.unwrap_err();
    assert_eq!(world.count("certificates").await, 3);
}

async fn a_suspended_ca_still_tells_of_its_revocations(world: World) {
    let app = world.ca.app();
    app.suspend(&anyone(), "issuing", &kit::dry_run::Commit)
        .await
        .unwrap();
    made(&world, "ocsp.issuing.1").await;
    certified(&world, "issuing", "ocsp.issuing.1").await.unwrap();
    let request = crate::world::server(&crate::world::key(), "a.example.test");
    let refused = app.issue(&anyone(), request, &kit::dry_run::Commit).await;
    assert!(matches!(refused, Err(ca::Error::Suspended(_))), "{refused:?}");
}

async fn a_responder_does_not_outlive_its_ca(world: World) {
    let end = world.ca.app().authorities().by_name("issuing").await.unwrap();
    let end = end.certificate.not_after();
    world.clock.set(end - Duration::days(10));
    made(&world, "ocsp.issuing.1").await;
    let made = certified(&world, "issuing", "ocsp.issuing.1").await.unwrap();
    assert_eq!(made.not_after_us, to_micros(end));
}

async fn only_keys_that_were_made_for_it_become_responders(world: World) {
    made(&world, "ocsp.issuing.1").await;
    // A key of a CA by the name of one, as a version before that kept these names for responders may have made it; and a
    // responder's by another name.
    made(&world, "ocsp.issuing.4").await;
    world.add_authority("another", ca::USER_PROFILES).await;
    for (name, next) in [("ca-another", "ocsp.issuing.2"), ("ocsp.issuing.4", "other")] {
        let mut tx = world.keymgr_db.begin().await.unwrap();
        store::tx!(&mut tx, |connection| {
            sqlx::query("UPDATE keys SET name = $1 WHERE name = $2")
                .bind(next)
                .bind(name)
                .execute(connection)
                .await
                .map(drop)
        })
        .unwrap();
        tx.commit().await.unwrap();
    }
    for (issuer, name, code) in [
        ("issuing", "ocsp.issuing.2", Code::InvalidArgument),
        ("issuing", "ocsp.issuing.3", Code::InvalidArgument),
        ("issuing", "other", Code::InvalidArgument),
        ("issuing", "ocsp.issuing.", Code::InvalidArgument),
        ("issuing", "ocsp.issuing.1x", Code::InvalidArgument),
        ("issuing", "ca-issuing", Code::InvalidArgument),
        ("issuing", "", Code::InvalidArgument),
        ("services", "ocsp.issuing.1", Code::InvalidArgument),
        ("issuing.2", "ocsp.issuing.2.1", Code::NotFound),
        ("nowhere", "ocsp.nowhere.1", Code::NotFound),
    ] {
        let refused = certified(&world, issuer, name).await.unwrap_err();
        assert_eq!(refused.code(), code, "{issuer} {name}: {refused:?}");
    }
    assert_eq!(world.count("certificates").await, 0);
}
