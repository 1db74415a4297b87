//! The CA as other services meet it.

use kit::transport::Transport;
use proto::ca::v1::ca_client::CaClient;
use proto::ca::v1::{
    Certificate, GetRequest, IssueRequest, ListCasRequest, ListRequest, RenewRequest, RevokeRequest,
};
use proto::feed::v1::WatchRequest;
use tonic::{Code, Status};

use crate::world::{World, csr, key};

const SERVICES: [&str; 12] = [
    "ra", "keymgr", "enroll", "ocsp", "crl", "policy", "auth", "audit", "notify", "ui", "ca", "",
];

/// Names of the methods in the definition.
fn methods() -> Vec<&'static str> {
    include_str!("../../../../crates/proto/proto/gigvault/ca/v1/ca.proto")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("rpc ")?.split_once('('))
        .map(|(method, _)| method)
        .collect()
}

#[test]
fn every_method_has_a_rule() {
    let methods: Vec<String> = methods()
        .into_iter()
        .map(|method| format!("/gigvault.ca.v1.Ca/{method}"))
        .collect();
    let ruled: Vec<&str> = ca::ALLOW.iter().map(|(method, _)| *method).collect();
    assert_eq!(methods, ruled);
}

/// What an empty request is answered.
async fn code(mut client: CaClient<Transport>, method: &str) -> Code {
    let answer = match method {
        "Issue" => client.issue(IssueRequest::default()).await.map(drop),
        "Get" => client.get(GetRequest::default()).await.map(drop),
        "List" => client.list(ListRequest::default()).await.map(drop),
        "Renew" => client.renew(RenewRequest::default()).await.map(drop),
        "Revoke" => client.revoke(RevokeRequest::default()).await.map(drop),
        "ListCas" => client.list_cas(ListCasRequest::default()).await.map(drop),
        "Watch" => client.watch(WatchRequest::default()).await.map(drop),
        other => panic!("{other} has no case here"),
    };
    answer.map_or_else(|status| status.code(), |()| Code::Ok)
}

#[tokio::test]
async fn each_service_reaches_its_methods_and_no_other() {
    let world = World::sqlite().await;
    for method in methods() {
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

fn revoke(serial: &str, reason: &str) -> RevokeRequest {
    RevokeRequest {
        serial: serial.to_owned(),
        reason: reason.to_owned(),
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

#[tokio::test]
async fn a_service_that_asks_for_others_names_them() {
    let world = World::sqlite().await;
    let certificate = issued(&world, "a.example.test").await;
    assert_eq!(certificate.requester, "user:alice");
    let serial = certificate.serial.as_str();
    for caller in ["ra", "enroll"] {
        let mut client = world.client(caller);
        for bad in ["", "two\nlines", "nul\0", &"x".repeat(257)] {
            let answers = [
                client.issue(issue("tls-server", bad, "dns:a.example.test")).await,
                client.renew(renew(serial, bad)).await,
                client
                    .revoke(RevokeRequest {
                        requester: bad.to_owned(),
                        ..revoke(serial, "superseded")
                    })
                    .await,
            ];
            for answer in answers {
                let status = refused(answer, Code::InvalidArgument);
                assert!(status.message().contains("requester"), "{status:?}");
            }
        }
        let longest = "ü".repeat(256);
        let request = issue("tls-server", &longest, "dns:a.example.test");
        let named = client.issue(request).await.unwrap().into_inner();
        assert_eq!(named.requester, longest);
    }
    assert_eq!(world.count("certificates").await, 3);
}

#[tokio::test]
async fn every_service_gets_and_renews_its_own_identity_only() {
    let world = World::sqlite().await;
    for (caller, other) in [("ra", "auth"), ("enroll", "ra")] {
        let mut client = world.client(caller);
        refused(client.issue(identity(other)).await, Code::PermissionDenied);
        let own = client.issue(identity(caller)).await.unwrap().into_inner();
        assert_eq!(own.requester, format!("service:{caller}"));
        assert_eq!(own.san, [format!("uri:spiffe://example.test/svc/{caller}")]);
        let renewed = client.renew(renew(&own.serial, "")).await.unwrap().into_inner();
        assert_eq!((renewed.san, renewed.profile), (own.san, own.profile));
    }
    let auth = world
        .client("auth")
        .issue(identity("auth"))
        .await
        .unwrap()
        .into_inner();
    for named in ["", "service:auth", "user:alice"] {
        refused(
            world.client("ra").renew(renew(&auth.serial, named)).await,
            Code::NotFound,
        );
    }
    refused(
        world
            .client("auth")
            .issue(issue("tls-server", "user:alice", "dns:a.example.test"))
            .await,
        Code::PermissionDenied,
    );
}

