//! Renewal, hold, release and revocation for others.

use keys::Signer;
use proto::ca::v1::{
    CheckKeyRequest, GetRequest, HoldRequest, IssueRequest, ReleaseRequest, RenewRequest, RevokeRequest,
};
use tonic::Code;

use super::{issue, issued, refused, renew, revoke};
use crate::world::{World, csr, key};

#[tokio::test]
async fn a_successor_has_the_names_of_the_certificate_that_it_renews() {
    let world = World::sqlite().await;
    let old = issued(&world, "a.example.test").await;
    let mut client = world.client("ra");
    let same = client
        .renew(renew(&old.serial, "user:alice"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((&same.san, &same.spki_sha256), (&old.san, &old.spki_sha256));
    assert_ne!(same.serial, old.serial);
    let request = RenewRequest {
        csr: csr(&key(), &[]),
        ..renew(&old.serial, "user:alice")
    };
    let rekeyed = client.renew(request).await.unwrap().into_inner();
    assert_eq!(rekeyed.san, old.san);
    assert_ne!(rekeyed.spki_sha256, old.spki_sha256);
    let missing = renew("1234567890abcdef1234567890abcdef", "user:alice");
    refused(client.renew(missing).await, Code::NotFound);
}

#[tokio::test]
async fn a_hold_is_released_and_a_revocation_is_final() {
    let world = World::sqlite().await;
    let serial = issued(&world, "a.example.test").await.serial;
    let mut client = world.client("ra");
    let hold = HoldRequest {
        serial: serial.clone(),
        requester: "user:alice".to_owned(),
    };
    let release = ReleaseRequest {
        serial: serial.clone(),
        requester: "user:alice".to_owned(),
    };
    let held = client.hold(hold.clone()).await.unwrap().into_inner();
    assert_eq!(held.status, "on_hold");
    assert_eq!(held.revocation.unwrap().reason, "certificate-hold");
    let released = client.release(release.clone()).await.unwrap().into_inner();
    assert_eq!((released.status.as_str(), released.revocation), ("valid", None));
    for reason in ["certificate-hold", "remove-from-crl"] {
        refused(
            client.revoke(revoke(&serial, reason)).await,
            Code::InvalidArgument,
        );
    }
    let revoked = client.revoke(revoke(&serial, "key-compromise")).await.unwrap();
    assert_eq!(revoked.into_inner().certificate.unwrap().status, "revoked");
    let request = GetRequest {
        serial: serial.clone(),
    };
    let found = client.get(request).await.unwrap().into_inner();
    assert_eq!(found.revocation.unwrap().reason, "key-compromise");
    refused(client.hold(hold).await, Code::FailedPrecondition);
    refused(client.release(release).await, Code::FailedPrecondition);
    refused(
        client.revoke(revoke(&serial, "superseded")).await,
        Code::FailedPrecondition,
    );
    refused(
        client.revoke(revoke(&serial, "boredom")).await,
        Code::InvalidArgument,
    );
    let late = RevokeRequest {
        invalidity_us: i64::MAX,
        ..revoke(&issued(&world, "b.example.test").await.serial, "key-compromise")
    };
    refused(client.revoke(late).await, Code::InvalidArgument);
}

#[tokio::test]
async fn a_service_asks_whether_a_key_is_compromised() {
    let world = World::sqlite().await;
    let (good, bad) = (key(), key());
    let request = IssueRequest {
        csr: csr(&bad, &["dns:a.example.test"]),
        protocol: "acme".to_owned(),
        ..issue("tls-server", "acme:alice", "dns:a.example.test")
    };
    let mut client = world.client("ra");
    let serial = client.issue(request.clone()).await.unwrap().into_inner().serial;
    client.revoke(revoke(&serial, "key-compromise")).await.unwrap();
    for (key, compromised) in [(&good, false), (&bad, true)] {
        let spki = key.public_key().spki().to_vec();
        let answer = client.check_key(CheckKeyRequest { spki }).await.unwrap();
        assert_eq!(answer.into_inner().compromised, compromised);
    }
    let status = refused(client.issue(request).await, Code::InvalidArgument);
    assert!(status.message().contains("known to be compromised"), "{status:?}");
}
