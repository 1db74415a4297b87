//! Lists as relying parties fetch them.

use std::time::Duration;

use axum::http::{StatusCode, header};
use http_body_util::BodyExt as _;
use testkit::on_both_databases;

use crate::world::{NOW, World};

on_both_databases!(
    a_list_is_served_with_what_caches_need,
    two_lists_of_one_second_are_told_apart,
    no_cache_keeps_a_list_beyond_its_end,
    a_part_is_served_to_those_who_were_interrupted,
    conditions_are_looked_at_before_a_part_is_served,
    what_is_too_large_for_the_memory_is_read_from_the_database,
);

const PATH: &str = "/crl/issuing.crl";

async fn a_list_is_served_with_what_caches_need(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    let (status, first, body) = process.get(PATH, &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(first[header::CONTENT_TYPE], "application/pkix-crl");
    assert_eq!(first[header::CONTENT_LENGTH], body.len().to_string());
    assert_eq!(first[header::CACHE_CONTROL], "public, max-age=60");
    assert_eq!(first[header::LAST_MODIFIED], "Sat, 02 Jan 2027 03:04:05 GMT");
    let since = [("if-modified-since", "Sat, 02 Jan 2027 03:04:05 GMT")];
    let (status, _, body) = process.get(PATH, &since).await;
    assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
    let before = [("if-modified-since", "Sat, 02 Jan 2027 03:04:04 GMT")];
    assert_eq!(process.get(PATH, &before).await.0, StatusCode::OK);
    let head = process.ask("HEAD", PATH, &[]).await;
    assert_eq!(
        head.headers()[header::CONTENT_LENGTH],
        first[header::CONTENT_LENGTH]
    );
    assert!(head.into_body().collect().await.unwrap().to_bytes().is_empty());
    for (path, status) in [
        ("/crl/other.crl", StatusCode::NOT_FOUND),
        ("/crl/issuing/1.crl", StatusCode::NOT_FOUND),
        ("/crl/issuing", StatusCode::NOT_FOUND),
        ("/crl/issuing/delta.crl", StatusCode::OK),
    ] {
        assert_eq!(process.get(path, &[]).await.0, status, "{path}");
    }
    process.stop().await;
}

async fn two_lists_of_one_second_are_told_apart(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    let (_, first, _) = process.get(PATH, &[]).await;
    let since = [("if-modified-since", "Sat, 02 Jan 2027 03:04:05 GMT")];
    world.ca.revoke("0a", "key-compromise", 0);
    world.complete_with(1).await;
    let (_, second, _) = process.get(PATH, &[]).await;
    assert_ne!(second[header::ETAG], first[header::ETAG]);
    assert!(
        !second.contains_key(header::LAST_MODIFIED),
        "it would be in the future"
    );
    assert_eq!(process.get(PATH, &since).await.0, StatusCode::OK);
    world.clock.set(NOW + Duration::from_secs(5));
    let (_, later, _) = process.get(PATH, &[]).await;
    assert_ne!(later[header::LAST_MODIFIED], first[header::LAST_MODIFIED]);
    process.stop().await;
}

async fn no_cache_keeps_a_list_beyond_its_end(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    process.stop().await;
    world.clock.set(NOW + Duration::from_secs(4 * 24 * 3600 - 10));
    let idle = world.idle().await;
    assert_eq!(
        idle.get(PATH, &[]).await.1[header::CACHE_CONTROL],
        "public, max-age=9"
    );
    world.clock.set(NOW + Duration::from_secs(5 * 24 * 3600));
    let (status, headers, _) = idle.get(PATH, &[]).await;
    assert_eq!(
        (status, &headers[header::CACHE_CONTROL]),
        (StatusCode::OK, &"no-cache".parse().unwrap())
    );
}

async fn a_part_is_served_to_those_who_were_interrupted(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    let (_, headers, whole) = process.get(PATH, &[]).await;
    let etag = headers[header::ETAG].to_str().unwrap();
    let (status, headers, part) = process.get(PATH, &[("range", "bytes=10-19")]).await;
    assert_eq!((status, &part[..]), (StatusCode::PARTIAL_CONTENT, &whole[10..20]));
    assert_eq!(
        headers[header::CONTENT_RANGE],
        format!("bytes 10-19/{}", whole.len())
    );
    let rest = [("range", "bytes=20-"), ("if-range", etag)];
    assert_eq!(process.get(PATH, &rest).await.2, whole[20..]);
    let other = [("range", "bytes=20-"), ("if-range", "\"other\"")];
    let (status, _, body) = process.get(PATH, &other).await;
    assert_eq!((status, body), (StatusCode::OK, whole.clone()));
    let (status, headers, _) = process.get(PATH, &[("range", "bytes=99999-")]).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(headers[header::CONTENT_RANGE], format!("bytes */{}", whole.len()));
    process.stop().await;
}

async fn conditions_are_looked_at_before_a_part_is_served(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    let (_, headers, whole) = process.get(PATH, &[]).await;
    let etag = headers[header::ETAG].to_str().unwrap();
    let beginning = ("range", "bytes=0-9,");
    let long_ago = ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (headers, expected) in [
        (&[beginning][..], StatusCode::PARTIAL_CONTENT),
        (&[long_ago, beginning], StatusCode::PRECONDITION_FAILED),
        (&[long_ago], StatusCode::PRECONDITION_FAILED),
        (
            &[long_ago, ("if-match", etag), beginning],
            StatusCode::PARTIAL_CONTENT,
        ),
        (
            &[("if-match", "\"other\""), beginning],
            StatusCode::PRECONDITION_FAILED,
        ),
        (
            &[("if-none-match", "\"other\""), beginning],
            StatusCode::PARTIAL_CONTENT,
        ),
        (&[("if-none-match", etag), beginning], StatusCode::NOT_MODIFIED),
        (
            &[("if-none-match", etag), ("range", "bytes=99999-")],
            StatusCode::NOT_MODIFIED,
        ),
        (
            &[
                ("if-modified-since", "Saturday, 02-Jan-27 03:04:05 GMT"),
                beginning,
            ],
            StatusCode::NOT_MODIFIED,
        ),
        (
            &[("if-modified-since", "Sat Jan  2 03:04:05 2027"), beginning],
            StatusCode::NOT_MODIFIED,
        ),
    ] {
        let (status, answer, body) = process.get(PATH, headers).await;
        assert_eq!(status, expected, "{headers:?}");
        match status {
            StatusCode::PARTIAL_CONTENT => assert_eq!(body, whole[..10], "{headers:?}"),
            StatusCode::NOT_MODIFIED => {
                let length = answer.get(header::CONTENT_LENGTH);
                assert_eq!((body.len(), length), (0, None), "{headers:?}");
            }
            _ => assert_ne!(body, whole, "{headers:?}"),
        }
    }
    process.stop().await;
}

async fn what_is_too_large_for_the_memory_is_read_from_the_database(mut world: World) {
    let process = world.start().await;
    // More than the mebibyte that the other process has for lists.
    for serial in 0..40_000_u32 {
        world
            .ca
            .revoke(&format!("7f{serial:08x}0102030405060708"), "superseded", 0);
    }
    world.complete_with(40_000).await;
    let (_, _, from_memory) = process.get(PATH, &[]).await;
    process.stop().await;
    assert!(from_memory.len() > 1024 * 1024);
    world.config.memory = 1;
    let small = world.idle().await;
    assert_eq!(small.get(PATH, &[]).await.2, from_memory);
    let (_, _, part) = small.get(PATH, &[("range", "bytes=262140-800000")]).await;
    assert_eq!(part, from_memory[262_140..=800_000]);
}
