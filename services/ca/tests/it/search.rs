//! The inventory at the edges of its index: the longest names, and filters that overlap.

use std::collections::BTreeSet;

use aws_lc_rs::rand;
use ca::{IssueRequest, Issued, Query, SanSuffix};
use data_encoding::BASE64URL_NOPAD;
use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use kit::page::{Ask, Limit};
use testkit::on_both_databases;
use x509::San;

use crate::world::{World, anyone, csr_of, issue_all, key, on_profile, refused, server};

on_both_databases!(
    a_name_too_long_for_the_index_is_refused_and_hurts_nobody_else,
    the_longest_subject_is_stored_and_found,
    lists_by_name_page_over_the_longest_names,
    a_name_and_a_suffix_find_what_has_both,
);

/// Text that no database compresses.
fn noise(length: usize) -> String {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).unwrap();
    let mut text = BASE64URL_NOPAD.encode(&bytes);
    text.truncate(length);
    text
}

/// `uri:https://a.example.test/…/end` of that length.
fn uri(length: usize) -> String {
    let (start, end) = ("uri:https://a.example.test/", "/end");
    format!("{start}{}{end}", noise(length - start.len() - end.len()))
}

/// A subject of that many bytes.
fn subject(length: usize) -> String {
    let units: String = (0..15).map(|_| format!(",OU={}", noise(60))).collect();
    format!("O={}{units}", "x".repeat(length - 2 - units.len()))
}

fn with_subject(subject: &str) -> IssueRequest {
    let key = key();
    IssueRequest {
        csr: csr_of(subject, &key, &["dns:a.example.test"]),
        ..on_profile("tls-client", &key, "dns:a.example.test")
    }
}

async fn found(
    world: &World,
    query: &Query,
    limit: u32,
    cursor: Option<&str>,
) -> (Vec<Issued>, Option<String>) {
    let limit = Limit::try_from(limit).unwrap();
    let ask = Ask::first("certificates", limit).at(cursor.map(str::to_owned));
    let page = world.ca.app().search(&anyone(), query.clone(), &ask).await;
    let page = page.unwrap();
    (page.items, page.next_cursor)
}

async fn a_name_too_long_for_the_index_is_refused_and_hurts_nobody_else(world: World) {
    assert!(uri(2048).parse::<San>().is_ok() && uri(2049).parse::<San>().is_err());
    let long_subject = with_subject(&subject(1025));
    let innocent = server(&key(), "b.example.test");
    let requests = [long_subject.clone(), innocent];
    let answers = issue_all(requests.map(|request| (world.ca.clone(), anyone(), request))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let error = refused(
        world.ca.app().issue(&anyone(), long_subject, &Commit).await,
        Kind::Unprocessable,
    );
    assert_eq!(error.shown().field, Some("csr.subject"), "{error}");
    assert_eq!(world.count("certificates").await, 1);
}

async fn the_longest_subject_is_stored_and_found(world: World) {
    let issued = world.issue(with_subject(&subject(1024))).await;
    assert_eq!(issued.subject.len(), 1024);
    let query = Query {
        subject: Some(issued.subject.clone()),
        ..Query::default()
    };
    let (items, _) = found(&world, &query, 1, None).await;
    assert_eq!(items[0].serial, issued.serial);
}

async fn lists_by_name_page_over_the_longest_names(world: World) {
    let mut names = BTreeSet::new();
    for length in [300, 400, 1000, 2048, 2048] {
        let name = uri(length);
        world.issue(on_profile("tls-client", &key(), &name)).await;
        names.insert(name);
    }
    let query = Query {
        san_suffix: Some(SanSuffix {
            kind: "uri",
            suffix: "/end".to_owned(),
        }),
        ..Query::default()
    };
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let (items, next) = found(&world, &query, 1, cursor.as_deref()).await;
        seen.extend(items.into_iter().flat_map(|issued| issued.sans));
        match next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), names.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), names);
}

async fn a_name_and_a_suffix_find_what_has_both(world: World) {
    let names = ["dns:a.example.test", "dns:b.example.test", "dns:c.other.test"];
    let sans: Vec<San> = names.iter().map(|name| name.parse().unwrap()).collect();
    let issued = world
        .issue(IssueRequest {
            sans: Some(sans.clone()),
            ..server(&key(), "a.example.test")
        })
        .await;
    for (san, suffix, expected) in [
        (&sans[0], "example.test", 1),
        (&sans[1], "example.test", 1),
        (&sans[2], "example.test", 0),
        (&sans[2], "other.test", 1),
    ] {
        let query = Query {
            san: Some(san.clone()),
            san_suffix: Some(SanSuffix {
                kind: "dns",
                suffix: suffix.to_owned(),
            }),
            ..Query::default()
        };
        let (items, next) = found(&world, &query, 5, None).await;
        assert_eq!(items.len(), expected, "{san} and {suffix}");
        assert!(items.iter().all(|item| item.serial == issued.serial));
        assert_eq!(next, None);
    }
}
