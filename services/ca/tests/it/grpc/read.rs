//! Certificates one by one and in lists.

use proto::ca::v1::{CertificateStatus, GetRequest, ListRequest, Reason};
use tonic::{Code, Status};

use super::{issued, refused, revoke};
use crate::world::World;

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
async fn lists_take_filters() {
    let world = World::sqlite().await;
    let made = three(&world).await;
    world
        .client("ra")
        .revoke(revoke(&made[0], Reason::Superseded))
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
                status: CertificateStatus::Revoked.into(),
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
}

#[tokio::test]
async fn lists_refuse_what_is_no_filter() {
    let world = World::sqlite().await;
    let text = str::to_owned;
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
            status: 99,
            ..ListRequest::default()
        },
        ListRequest {
            protocol: -1,
            ..ListRequest::default()
        },
        ListRequest {
            spki_sha256: vec![7; 31],
            ..ListRequest::default()
        },
        ListRequest {
            expires_after_us: i64::MAX,
            ..ListRequest::default()
        },
        ListRequest {
            expires_after_us: 2,
            expires_before_us: 1,
            ..ListRequest::default()
        },
        ListRequest {
            requester: text("nul\0"),
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
