//! Renewal, hold, release and revocation for others.

use keys::Signer;
use proto::ca::v1::{
    CertificateStatus, CheckKeyRequest, GetRequest, HoldRequest, IssueRequest, Protocol, Reason,
    ReleaseRequest, RenewRequest, RevokeRequest,
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
    assert_eq!(held.status(), CertificateStatus::OnHold);
    assert_eq!(held.revocation.unwrap().reason(), Reason::CertificateHold);
    let released = client.release(release.clone()).await.unwrap().into_inner();
    assert_eq!(released.status(), CertificateStatus::Valid);
    assert_eq!(released.revocation, None);
    for reason in [Reason::CertificateHold, Reason::RemoveFromCrl] {
        refused(
            client.revoke(revoke(&serial, reason)).await,
            Code::InvalidArgument,
        );
    }
    let revoked = client
        .revoke(revoke(&serial, Reason::KeyCompromise))
        .await
        .unwrap();
    assert_eq!(
        revoked.into_inner().certificate.unwrap().status(),
        CertificateStatus::Revoked
    );
    let request = GetRequest {
        serial: serial.clone(),
    };
    let found = client.get(request).await.unwrap().into_inner();
    assert_eq!(found.revocation.unwrap().reason(), Reason::KeyCompromise);
    refused(client.hold(hold).await, Code::FailedPrecondition);
    refused(client.release(release).await, Code::FailedPrecondition);
    refused(
        client.revoke(revoke(&serial, Reason::Superseded)).await,
        Code::FailedPrecondition,
    );
    for unknown in [0, 11, -1] {
        let request = RevokeRequest {
            reason: unknown,
            ..revoke(&serial, Reason::Superseded)
        };
        refused(client.revoke(request).await, Code::InvalidArgument);
    }
    let late = RevokeRequest {
        invalidity_us: i64::MAX,
        ..revoke(
            &issued(&world, "b.example.test").await.serial,
            Reason::KeyCompromise,
        )
    };
    refused(client.revoke(late).await, Code::InvalidArgument);
}

#[tokio::test]
async fn a_service_asks_whether_a_key_is_compromised() {
    let world = World::sqlite().await;
    let (good, bad) = (key(), key());
    let request = IssueRequest {
        csr: csr(&bad, &["dns:a.example.test"]),
        protocol: Protocol::Acme.into(),
        ..issue("tls-server", "acme:alice", "dns:a.example.test")
    };
    let mut client = world.client("ra");
    let serial = client.issue(request.clone()).await.unwrap().into_inner().serial;
    client
        .revoke(revoke(&serial, Reason::KeyCompromise))
        .await
        .unwrap();
    for (key, compromised) in [(&good, false), (&bad, true)] {
        let spki = key.public_key().spki().to_vec();
        let answer = client.check_key(CheckKeyRequest { spki }).await.unwrap();
        assert_eq!(answer.into_inner().compromised, compromised);
    }
    let status = refused(client.issue(request).await, Code::InvalidArgument);
    assert!(status.message().contains("known to be compromised"), "{status:?}");
}
