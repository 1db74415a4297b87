//! The CA as other services meet it.

use kit::transport::Transport;
use proto::ca::v1::ca_client::CaClient;
use proto::ca::v1::{
    Certificate, CheckKeyRequest, GetRequest, HoldRequest, IssueRequest, ListCasRequest, ListRequest,
    ReleaseRequest, RenewRequest, RevokeRequest,
};
use proto::feed::v1::{FeedEvent, WatchRequest};
use tonic::{Code, Status, Streaming};

use keys::Signer;

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
        "Hold" => client.hold(HoldRequest::default()).await.map(drop),
        "Release" => client.release(ReleaseRequest::default()).await.map(drop),
        "CheckKey" => client.check_key(CheckKeyRequest::default()).await.map(drop),
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
    for (caller, kind) in [("ra", "user:"), ("enroll", "acme:")] {
        let mut client = world.client(caller);
        let long = format!("{kind}{}", "x".repeat(252));
        for bad in [
            "",
            "alice",
            kind,
            "user:two\nlines",
            "user:nul\0",
            "user:ali ce",
            "user:älice",
            "service:ca",
            "service:gigvault",
            "gigvault",
            "system:masters",
            "USER:alice",
            " user:alice",
            long.as_str(),
        ] {
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
        let longest = format!("{kind}{}", "x".repeat(256 - kind.len()));
        let request = IssueRequest {
            protocol: if caller == "ra" { "rest" } else { "acme" }.to_owned(),
            ..issue("tls-server", &longest, "dns:a.example.test")
        };
        let named = client.issue(request).await.unwrap().into_inner();
        assert_eq!(named.requester, longest);
    }
    assert_eq!(world.count("certificates").await, 3);
}

/// What `caller` is answered for that protocol and requester.
async fn claim(
    world: &World,
    caller: &'static str,
    protocol: &str,
    requester: &str,
) -> Result<Certificate, Status> {
    let request = IssueRequest {
        protocol: protocol.to_owned(),
        ..issue("tls-server", requester, "dns:a.example.test")
    };
    Ok(world.client(caller).issue(request).await?.into_inner())
}

#[tokio::test]
async fn a_service_claims_only_protocols_and_requesters_of_its_table() {
    let world = World::sqlite().await;
    let may: &[(&str, &str, &[&str])] = &[
        ("ra", "rest", &["user", "apikey", "service-account"]),
        ("ra", "grpc", &["user", "apikey", "service-account"]),
        ("ra", "", &["user", "apikey", "service-account"]),
        ("ra", "acme", &["acme"]),
        ("ra", "est", &["est"]),
        ("ra", "scep", &["scep"]),
        ("enroll", "acme", &["acme"]),
        ("enroll", "est", &["est"]),
        ("enroll", "scep", &["scep"]),
    ];
    let kinds = [
        "user",
        "apikey",
        "service-account",
        "acme",
        "est",
        "scep",
        "service",
        "gigvault",
    ];
    for caller in ["ra", "enroll"] {
        for protocol in [
            "", "rest", "grpc", "acme", "est", "scep", "internal", "Internal", "nosuch",
        ] {
            for kind in kinds {
                let allowed = may
                    .iter()
                    .any(|(who, how, whom)| *who == caller && *how == protocol && whom.contains(&kind));
                match claim(&world, caller, protocol, &format!("{kind}:1")).await {
                    Ok(made) => assert!(allowed, "{caller} {protocol} {kind}: {}", made.protocol),
                    Err(status) => {
                        assert!(!allowed, "{caller} {protocol} {kind}: {status:?}");
                        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_service_that_asks_for_others_gets_them_no_identity_and_no_authority() {
    let world = World::sqlite().await;
    for caller in ["ra", "enroll"] {
        let requester = if caller == "ra" { "user:alice" } else { "acme:1" };
        for (profile, san, code) in [
            (
                "service-identity",
                format!("uri:spiffe://example.test/svc/{caller}"),
                Code::InvalidArgument,
            ),
            (
                "service-identity",
                "uri:spiffe://example.test/svc/ca".to_owned(),
                Code::InvalidArgument,
            ),
            (
                "workload",
                "uri:spiffe://example.test/svc/ca".to_owned(),
                Code::FailedPrecondition,
            ),
            (
                "tls-server",
                "dns:api.example.test".to_owned(),
                Code::FailedPrecondition,
            ),
            ("sub-ca", "dns:a.test".to_owned(), Code::PermissionDenied),
            ("services-ca", "dns:a.test".to_owned(), Code::InvalidArgument),
            ("ocsp-signer", "dns:a.test".to_owned(), Code::PermissionDenied),
        ] {
            let request = IssueRequest {
                protocol: if caller == "ra" { "rest" } else { "acme" }.to_owned(),
                ..issue(profile, requester, &san)
            };
            let status = world.client(caller).issue(request).await.unwrap_err();
            assert!(
                status.code() == code || (code == Code::FailedPrecondition && status.code() != Code::Ok),
                "{caller} {profile}: {status:?}"
            );
        }
    }
    assert_eq!(world.count("certificates").await, 0);
}

#[tokio::test]
async fn the_limits_of_a_requester_come_with_the_request() {
    let world = World::sqlite().await;
    let limited = |san: &str| IssueRequest {
        allowed_names: vec!["dns:*.dev.example.test".to_owned()],
        ..issue("tls-server", "apikey:0123abcd", san)
    };
    let mut client = world.client("ra");
    client.issue(limited("dns:a.dev.example.test")).await.unwrap();
    assert!(client.issue(limited("dns:a.example.test")).await.is_err());
    let unreadable = IssueRequest {
        allowed_names: vec!["dns:*".to_owned()],
        ..limited("dns:a.dev.example.test")
    };
    refused(client.issue(unreadable).await, Code::InvalidArgument);
    let wide = issued(&world, "a.example.test").await;
    let renewal = RenewRequest {
        allowed_names: vec!["dns:*.dev.example.test".to_owned()],
        ..renew(&wide.serial, "user:alice")
    };
    assert!(client.renew(renewal).await.is_err());
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

#[tokio::test]
async fn a_certificate_is_found_by_its_serial_number() {
    let world = World::sqlite().await;
    let made = issued(&world, "a.example.test").await;
    for caller in ["ocsp", "crl", "notify", "ra"] {
        let serial = made.serial.clone();
        let found = world
            .client(caller)
            .get(GetRequest { serial })
            .await
            .unwrap()
            .into_inner();
        assert_eq!(found, made);
    }
    for (serial, code) in [
        ("1234567890abcdef1234567890abcdef", Code::NotFound),
        ("nothex", Code::InvalidArgument),
        ("", Code::InvalidArgument),
    ] {
        let serial = serial.to_owned();
        refused(world.client("ocsp").get(GetRequest { serial }).await, code);
    }
}

/// Three certificates, oldest first.
async fn three(world: &World) -> Vec<String> {
    let mut made = Vec::new();
    for host in ["a.example.test", "b.example.test", "c.other.test"] {
        made.push(issued(world, host).await.serial);
        // The order of the list is that of the clock.
        world.clock.advance(time::Duration::SECOND);
    }
    made
}

/// Serial numbers and where the next page starts.
async fn list(world: &World, request: ListRequest) -> Result<(Vec<String>, String), Status> {
    let answer = world.client("crl").list(request).await?.into_inner();
    let serials = answer.items.into_iter().map(|item| item.serial).collect();
    Ok((serials, answer.next_cursor))
}

#[tokio::test]
async fn lists_go_on_at_a_cursor() {
    let world = World::sqlite().await;
    let made = three(&world).await;
    let newest: Vec<String> = made.iter().rev().cloned().collect();
    assert_eq!(
        list(&world, ListRequest::default()).await.unwrap(),
        (newest.clone(), String::new())
    );

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for more in [true, true, false] {
        let request = ListRequest {
            limit: 1,
            cursor,
            ..ListRequest::default()
        };
        let (serials, next) = list(&world, request).await.unwrap();
        assert_eq!(!next.is_empty(), more);
        seen.extend(serials);
        cursor = next;
    }
    assert_eq!(seen, newest);
}

#[tokio::test]
async fn lists_take_filters_and_refuse_what_is_none() {
    let world = World::sqlite().await;
    let made = three(&world).await;
    world
        .client("ra")
        .revoke(revoke(&made[0], "superseded"))
        .await
        .unwrap();
    let text = str::to_owned;
    let filters = [
        (
            ListRequest {
                san: text("dns:b.example.test"),
                ..ListRequest::default()
            },
            &made[1..2],
        ),
        (
            ListRequest {
                san_suffix: text("other.test"),
                ..ListRequest::default()
            },
            &made[2..],
        ),
        (
            ListRequest {
                status: text("revoked"),
                ..ListRequest::default()
            },
            &made[..1],
        ),
        (
            ListRequest {
                requester: text("user:bob"),
                ..ListRequest::default()
            },
            &[],
        ),
        (
            ListRequest {
                profile: text("device"),
                ..ListRequest::default()
            },
            &[],
        ),
        (
            ListRequest {
                key_reused: Some(true),
                ..ListRequest::default()
            },
            &[],
        ),
    ];
    for (request, expected) in filters {
        let (serials, _) = list(&world, request.clone()).await.unwrap();
        assert_eq!(serials, expected, "{request:?}");
    }

    let bad = [
        ListRequest {
            cursor: text("x"),
            ..ListRequest::default()
        },
        ListRequest {
            limit: 501,
            ..ListRequest::default()
        },
        ListRequest {
            status: text("odd"),
            ..ListRequest::default()
        },
        ListRequest {
            san: text("odd"),
            ..ListRequest::default()
        },
    ];
    for request in bad {
        refused(list(&world, request).await, Code::InvalidArgument);
    }
}

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
    assert_eq!(revoked.into_inner().status, "revoked");
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

async fn watch(world: &World, after: &str) -> Streaming<FeedEvent> {
    let request = WatchRequest {
        after: after.to_owned(),
    };
    world.client("audit").watch(request).await.unwrap().into_inner()
}

/// The next event about a certificate.
async fn next(events: &mut Streaming<FeedEvent>) -> FeedEvent {
    loop {
        let event = events.message().await.unwrap().unwrap();
        if event.r#type.starts_with("io.gigvault.certificate.") {
            return event;
        }
    }
}

#[tokio::test]
async fn a_subscriber_goes_on_behind_its_cursor_until_the_service_stops() {
    let world = World::sqlite().await;
    let first = issued(&world, "a.example.test").await;
    let mut events = watch(&world, "").await;
    let seen = next(&mut events).await;
    assert_eq!(
        (seen.r#type.as_str(), &seen.subject),
        ("io.gigvault.certificate.issued", &first.serial)
    );
    drop(events);

    let second = issued(&world, "b.example.test").await;
    let mut events = watch(&world, &seen.cursor).await;
    assert_eq!(next(&mut events).await.subject, second.serial);
    // What happens while it waits comes too.
    world
        .client("ra")
        .revoke(revoke(&first.serial, "superseded"))
        .await
        .unwrap();
    let revoked = next(&mut events).await;
    assert_eq!(
        (revoked.r#type.as_str(), revoked.subject),
        ("io.gigvault.certificate.revoked", first.serial)
    );

    world.stop.cancel();
    assert!(events.message().await.unwrap().is_none(), "the stream goes on");

    let after = "elsewhere".to_owned();
    refused(
        world.client("audit").watch(WatchRequest { after }).await,
        Code::InvalidArgument,
    );
}

#[tokio::test]
async fn a_subject_beside_the_request_takes_the_place_of_its_own() {
    let world = World::sqlite().await;
    let ask = |subject: &str| IssueRequest {
        subject: subject.to_owned(),
        ..issue("tls-server", "user:alice", "dns:web.example.test")
    };
    let issued = world
        .client("ra")
        .issue(ask("CN=web.example.test,O=Example"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(issued.subject, "CN=web.example.test,O=Example");
    let certificate = x509::Certificate::from_der(&issued.certificate).unwrap();
    assert_eq!(certificate.subject().to_string(), issued.subject);
    for (subject, said) in [("CN", "subject"), ("CN=other.example.test", "alternative names")] {
        let refused = world.client("ra").issue(ask(subject)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{subject}: {refused:?}");
        assert!(refused.message().contains(said), "{subject}: {refused:?}");
    }
}
