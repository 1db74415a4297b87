//! The CA as other services meet it: who reaches which method; the rest by topic.

mod feed;
mod life;
mod on_behalf;
mod read;
mod received;

use kit::transport::Transport;
use proto::ca::v1::ca_client::CaClient;
use proto::ca::v1::{
    AddCaRequest, Certificate, CheckKeyRequest, GetRequest, HoldRequest, IssueOcspSignerRequest,
    IssueRequest, ListCasRequest, ListRequest, Reason, RecordOcspQueriesRequest, ReleaseRequest,
    RenewRequest, ReportHealthRequest, RevokeRequest, SnapshotRevocationsRequest, StatusRequest,
    WatchRevokedRequest,
};
use proto::feed::v1::WatchRequest;
use tonic::{Code, Status};

use crate::world::{World, csr, key};

const SERVICES: [&str; 13] = [
    "ra", "keymgr", "enroll", "ocsp", "crl", "policy", "auth", "audit", "notify", "ui", "ca", "process", "",
];

/// Names of the methods in the definition.
/// What an empty request is answered.
async fn code(mut client: CaClient<Transport>, method: &str) -> Code {
    let answer = match method {
        "Issue" => client.issue(IssueRequest::default()).await.map(drop),
        "Get" => client.get(GetRequest::default()).await.map(drop),
        "List" => client.list(ListRequest::default()).await.map(drop),
        "Renew" => client.renew(RenewRequest::default()).await.map(drop),
        "Revoke" => client.revoke(RevokeRequest::default()).await.map(drop),
        "Hold" => client.hold(HoldRequest::default()).await.map(drop),
        "Release" => client.release(ReleaseRequest::default()).await.map(drop),
        "CheckKey" => client.check_key(CheckKeyRequest::default()).await.map(drop),
        "ListCas" => client.list_cas(ListCasRequest::default()).await.map(drop),
        "AddCa" => client.add_ca(AddCaRequest::default()).await.map(drop),
        "Status" => client.status(StatusRequest::default()).await.map(drop),
        "SnapshotRevocations" => {
            let request = SnapshotRevocationsRequest::default();
            client.snapshot_revocations(request).await.map(drop)
        }
        "WatchRevoked" => {
            let request = WatchRevokedRequest::default();
            client.watch_revoked(request).await.map(drop)
        }
        "RecordOcspQueries" => {
            let request = RecordOcspQueriesRequest::default();
            client.record_ocsp_queries(request).await.map(drop)
        }
        "IssueOcspSigner" => {
            let request = IssueOcspSignerRequest::default();
            client.issue_ocsp_signer(request).await.map(drop)
        }
        "ReportHealth" => client
            .report_health(ReportHealthRequest::default())
            .await
            .map(drop),
        "Watch" => client.watch(WatchRequest::default()).await.map(drop),
        other => panic!("{other} has no case here"),
    };
    answer.map_or_else(|status| status.code(), |()| Code::Ok)
}

#[tokio::test]
async fn each_service_reaches_its_methods_and_no_other() {
    let world = World::sqlite().await;
    for method in testkit::allow::methods(include_str!(
        "../../../../crates/proto/proto/gigvault/ca/v1/ca.proto"
    )) {
        let (_, callers) = ca::ALLOW
            .iter()
            .find(|(path, _)| path.ends_with(&format!("/{method}")))
            .unwrap();
        for caller in SERVICES {
            let refused = code(world.client(caller), method).await == Code::PermissionDenied;
            assert_eq!(!refused, callers.contains(&caller), "{method} by {caller:?}");
        }
    }
    assert_eq!(world.count("certificates").await, 0);
}

fn issue(profile: &str, requester: &str, san: &str) -> IssueRequest {
    IssueRequest {
        csr: csr(&key(), &[san]),
        profile: profile.to_owned(),
        requester: requester.to_owned(),
        ..IssueRequest::default()
    }
}

fn identity(of: &str) -> IssueRequest {
    issue(
        "service-identity",
        "",
        &format!("uri:spiffe://example.test/svc/{of}"),
    )
}

/// A TLS server certificate of that host, asked for by `ra` for alice.
async fn issued(world: &World, host: &str) -> Certificate {
    let request = issue("tls-server", "user:alice", &format!("dns:{host}"));
    world.client("ra").issue(request).await.unwrap().into_inner()
}

fn renew(serial: &str, requester: &str) -> RenewRequest {
    RenewRequest {
        serial: serial.to_owned(),
        requester: requester.to_owned(),
        ..RenewRequest::default()
    }
}

fn revoke(serial: &str, reason: Reason) -> RevokeRequest {
    RevokeRequest {
        serial: serial.to_owned(),
        reason: reason.into(),
        requester: "user:alice".to_owned(),
        ..RevokeRequest::default()
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code) -> Status {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), code, "{status:?}");
    status
}
