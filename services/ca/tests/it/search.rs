//! The inventory at the edges of its index: the longest names, and filters that overlap.

use std::collections::BTreeSet;

use aws_lc_rs::rand;
use ca::{Error, IssueRequest, Issued, Query, Requester, SanSuffix, Typed};
use data_encoding::BASE64URL_NOPAD;
use kit::dry_run::Commit;
use kit::error::{Fault, Kind};
use kit::page::{Ask, Count, Counting, Page, Precision, Sort};
use testkit::on_both_databases;
use x509::San;

use crate::world::{World, anyone, csr_of, issue_all, key, on_profile, owner, refused, server};

on_both_databases!(
    a_name_too_long_for_the_index_is_refused_and_hurts_nobody_else,
    the_longest_subject_is_stored_and_found,
    lists_by_name_page_over_the_longest_names,
    a_name_and_a_suffix_find_what_has_both,
    a_cursor_of_another_order_reader_or_form_is_refused,
    certificates_are_counted_and_not_their_names,
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
    let ask = Ask::over_grpc("certificates", limit, cursor.unwrap_or_default().to_owned()).unwrap();
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
        // Found by its key, its names are compared one by one.
        let query = Query {
            spki_sha256: Some(issued.spki_sha256),
            ..query
        };
        let own = listed(&world, &owner("test:anyone"), &query, &Ask::default()).await;
        assert_eq!(
            own.unwrap().items.len(),
            expected,
            "{san} and {suffix}, of the key"
        );
    }
}

async fn listed(
    world: &World,
    requester: &Requester,
    query: &Query,
    ask: &Ask,
) -> Result<Page<Issued>, Error> {
    world.ca.app().search(requester, query.clone(), ask).await
}

/// What any caller can make: a cursor with its checksum, which is not a secret.
fn forged(list: &str, key: &str) -> String {
    let bound = list.bytes().chain([0]).chain(key.bytes());
    let sum = bound.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    BASE64URL_NOPAD.encode(&[&sum.to_be_bytes(), key.as_bytes()].concat())
}

async fn a_cursor_of_another_order_reader_or_form_is_refused(world: World) {
    for host in ["a.example.test", "b.example.test"] {
        world.issue(server(&key(), host)).await;
    }
    let by_name = Query {
        san_suffix: Some(SanSuffix {
            kind: "dns",
            suffix: "example.test".to_owned(),
        }),
        ..Query::default()
    };
    let own = owner("test:anyone");
    let at = |cursor: Option<String>| Ask::over_grpc("certificates", 1, cursor.unwrap_or_default()).unwrap();
    for query in [&by_name, &Query::default()] {
        for (reader, other) in [(&anyone(), &own), (&own, &anyone())] {
            let page = listed(&world, reader, query, &at(None)).await.unwrap();
            let next = at(page.next_cursor);
            assert_eq!(listed(&world, reader, query, &next).await.unwrap().items.len(), 1);
            let error = refused(listed(&world, other, query, &next).await, Kind::Invalid);
            assert_eq!(error.shown().field, Some("cursor"), "{error}");
        }
    }
    let id = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    let keys = [
        format!(r#"{{"Issued":"{id}"}}"#),
        format!(r#"{{"Time":[0,"{id}"]}}"#),
        format!(r#"{{"Subject":["CN=a","{id}"]}}"#),
        format!(r#"{{"Name":["YQ","{id}"]}}"#),
        format!(r#"{{"Subject":["CN=a\u0000","{id}"]}}"#),
        r#""none""#.to_owned(),
    ];
    let taken = |sort: &str, key: &str| {
        let form = match sort {
            "-issued_at" => "Issued",
            "not_after" | "-revoked_at" => "Time",
            "subject" => "Subject",
            _ => "Name",
        };
        key.contains(form) && !key.contains("u0000")
    };
    for sort in ["-issued_at", "not_after", "-revoked_at", "subject", "name"] {
        let (query, asked) = match sort {
            "name" => (by_name.clone(), None),
            _ => (Query::default(), Some(Sort::of(sort))),
        };
        for key in &keys {
            let cursor = forged(&format!("certificates by {sort}"), &format!("[false,{key}]"));
            let ask = at(Some(cursor)).sorted(asked);
            let answer = listed(&world, &anyone(), &query, &ask).await;
            if taken(sort, key) {
                assert!(answer.is_ok(), "{sort} {key}: {answer:?}");
            } else {
                let error = refused(answer, Kind::Invalid);
                assert_eq!(error.shown().field, Some("cursor"), "{sort} {key}: {error}");
            }
        }
    }
}

async fn certificates_are_counted_and_not_their_names(world: World) {
    let exact = |rows| {
        Some(Count {
            rows,
            precision: Precision::Exact,
        })
    };
    let suffix = SanSuffix {
        kind: "dns",
        suffix: "flood.example.test".to_owned(),
    };
    let named = Query {
        san_suffix: Some(suffix.clone()),
        ..Query::default()
    };
    let typed = Query {
        q: Some(Typed {
            names: vec![suffix],
            subject: String::new(),
            hex: None,
        }),
        ..Query::default()
    };
    let counting = Ask::over_grpc("certificates", 500, String::new()).unwrap();
    let counting = counting.counting(Counting::Exact);
    let sorted = counting.clone().sorted(Some(Sort::of("not_after")));
    let stranger = owner("test:stranger");
    let key = key();
    // More names than certificates may be sorted, and few certificates.
    for number in 0..=11 {
        for query in [&named, &typed] {
            let nothing = listed(&world, &stranger, query, &counting).await.unwrap();
            assert_eq!(nothing.count, exact(0), "after {number} certificates of others");
        }
        if number < 11 {
            let names = (0..95).map(|name| format!("dns:h{number}-{name}.flood.example.test"));
            let sans = names.map(|name| name.parse().unwrap()).collect();
            world
                .issue(IssueRequest {
                    sans: Some(sans),
                    ..server(&key, "a.example.test")
                })
                .await;
        }
    }
    for requester in [&anyone(), &owner("test:anyone")] {
        for (query, ask) in [
            (&named, &counting),
            (&named, &sorted),
            (&typed, &counting),
            (&typed, &sorted),
        ] {
            let page = listed(&world, requester, query, ask).await.unwrap();
            let serials: BTreeSet<_> = page.items.iter().map(|item| item.serial).collect();
            assert_eq!((page.items.len(), serials.len()), (11, 11), "{query:?} {ask:?}");
            assert_eq!(page.count, exact(11), "{query:?} {ask:?}");
        }
    }
    let of_others = Query {
        requester: vec!["test:anyone".to_owned()],
        ..Query::default()
    };
    let nothing = listed(&world, &stranger, &of_others, &counting).await.unwrap();
    assert_eq!((nothing.items.len(), nothing.count), (0, exact(0)));
}
