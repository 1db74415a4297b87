//! What services get that ask for others, and what they get for themselves.

use proto::ca::v1::{Certificate, IssueRequest, Protocol, Reason, RenewRequest, RevokeRequest};
use tonic::{Code, Status};

use super::{identity, issue, issued, refused, renew, revoke};
use crate::world::World;

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
            let revocation = RevokeRequest {
                requester: bad.to_owned(),
                ..revoke(serial, Reason::Superseded)
            };
            let answers = [
                client
                    .issue(issue("tls-server", bad, "dns:a.example.test"))
                    .await
                    .map(drop),
                client.renew(renew(serial, bad)).await.map(drop),
                client.revoke(revocation).await.map(drop),
            ];
            for answer in answers {
                let status = refused(answer, Code::InvalidArgument);
                assert!(status.message().contains("requester"), "{status:?}");
            }
        }
        let longest = format!("{kind}{}", "x".repeat(256 - kind.len()));
        let request = IssueRequest {
            protocol: if caller == "ra" {
                Protocol::Rest
            } else {
                Protocol::Acme
            }
            .into(),
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
    protocol: i32,
    requester: &str,
) -> Result<Certificate, Status> {
    let request = IssueRequest {
        protocol,
        ..issue("tls-server", requester, "dns:a.example.test")
    };
    Ok(world.client(caller).issue(request).await?.into_inner())
}

#[tokio::test]
async fn a_service_claims_only_protocols_and_requesters_of_its_table() {
    let world = World::sqlite().await;
    let may: &[(&str, Protocol, &[&str])] = &[
        ("ra", Protocol::Rest, &["user", "apikey", "service-account"]),
        ("ra", Protocol::Grpc, &["user", "apikey", "service-account"]),
        (
            "ra",
            Protocol::Unspecified,
            &["user", "apikey", "service-account"],
        ),
        ("ra", Protocol::Acme, &["acme"]),
        ("ra", Protocol::Est, &["est"]),
        ("ra", Protocol::Scep, &["scep"]),
        ("enroll", Protocol::Acme, &["acme"]),
        ("enroll", Protocol::Est, &["est"]),
        ("enroll", Protocol::Scep, &["scep"]),
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
        // 7 and -1 are of no version that this one knows.
        for protocol in [0, 1, 2, 3, 4, 5, 6, 7, -1] {
            for kind in kinds {
                let allowed = may.iter().any(|(who, how, whom)| {
                    *who == caller && i32::from(*how) == protocol && whom.contains(&kind)
                });
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
                protocol: if caller == "ra" {
                    Protocol::Rest
                } else {
                    Protocol::Acme
                }
                .into(),
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
