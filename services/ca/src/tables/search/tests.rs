//! Orders, and the plans that both databases make: every filter and every order is read along an index, and a list of one
//! requester along their own rows.

pub(crate) mod inventory;
mod plans;

use std::collections::BTreeSet;

use kit::page::Sort;
use store::Db;
use uuid::Uuid;

use super::*;
use crate::domain::{Protocol, SanSuffix, Span, Status};
use inventory::{ALL, KEY, NOW, filled, on_sqlite};

#[test]
fn an_open_end_leads_only_where_nothing_else_does() {
    let moment = Some(OffsetDateTime::UNIX_EPOCH);
    let after = Query {
        expires: Span {
            from: moment,
            to: None,
        },
        ..Query::default()
    };
    let of_somebody = Query {
        requester: vec!["apikey:1".to_owned()],
        ..after.clone()
    };
    let window = Query {
        expires: Span {
            from: None,
            to: moment,
        },
        ..of_somebody.clone()
    };
    let order = |query| Order::natural(query).0;
    assert_eq!(order(&after), Order::Expiry);
    assert_eq!(order(&of_somebody), Order::Issued);
    assert_eq!(order(&window), Order::Expiry);
}

fn own() -> Query {
    Query {
        requester: vec!["own".to_owned()],
        ..Query::default()
    }
}

/// Each filter by itself, and some beside each other.
fn of_one_requester() -> Vec<Query> {
    let at = |micros| Some(store::time::from_micros(micros).unwrap());
    let list = |text: &str| vec![text.to_owned()];
    let till = Span {
        from: None,
        to: at(19_000),
    };
    let window = Query {
        expires: Span { from: at(1), ..till },
        ..own()
    };
    let name = Query {
        san: Some("dns:localhost".parse().unwrap()),
        ..own()
    };
    let suffix = SanSuffix {
        kind: "dns",
        suffix: "host".to_owned(),
    };
    let mut all = vec![
        own(),
        Query {
            subject: Some("CN=localhost".to_owned()),
            ..own()
        },
        Query {
            profile: list("tls-server"),
            ..own()
        },
        Query {
            ca: list("issuing"),
            ..own()
        },
        Query {
            protocol: vec![Protocol::Rest],
            ..own()
        },
        Query {
            san_suffix: Some(suffix),
            ..own()
        },
        Query {
            expires: till,
            ..own()
        },
        Query {
            expires: Span {
                from: at(1),
                to: None,
            },
            ..own()
        },
        Query {
            revoked: till,
            ..own()
        },
        Query {
            spki_sha256: Some(KEY),
            ..own()
        },
        Query {
            spki_sha256: Some(KEY),
            ..name.clone()
        },
        Query {
            key_reused: Some(true),
            ..own()
        },
        Query {
            key_reused: Some(false),
            ..own()
        },
        Query {
            profile: list("tls-server"),
            ..window.clone()
        },
        window,
        name,
    ];
    all.extend(by_status());
    all
}

fn by_status() -> Vec<Query> {
    let mut all = Vec::new();
    for status in [Status::Valid, Status::Revoked, Status::OnHold, Status::Expired] {
        let status = vec![status];
        all.push(Query {
            status: status.clone(),
            ..own()
        });
        all.push(Query {
            status,
            ca: vec!["issuing".to_owned()],
            ..own()
        });
    }
    all
}

/// The page of a list there, the first without a cursor.
fn ask_at(sort: Option<&'static str>, limit: u32, cursor: Option<String>) -> Ask {
    let ask = Ask::over_grpc("certificates", limit, cursor.unwrap_or_default()).unwrap();
    ask.sorted(sort.map(Sort::of))
}

fn ask(sort: Option<&'static str>, limit: u32) -> Ask {
    ask_at(sort, limit, None)
}

/// What the database says it will do, a step per line.
async fn plan(db: &Db, query: &Query, sort: Option<&'static str>, position: Option<&Position>) -> String {
    let asked = sort.map(Sort::of);
    let (order, sort) = Order::of(query, asked);
    let lead = Lead::of(db, query, asked).await.unwrap();
    let now = store::time::from_micros(NOW).unwrap();
    let plan = Plan::new(query, lead, order, now);
    let place: Place<Position> = Ask::default().place(sort).unwrap();
    let lines: Vec<String> = match db.pools() {
        store::Pools::Pg(pool) => {
            let mut sql = QueryBuilder::new("EXPLAIN ");
            plan.select(&mut sql, Row::columns(true), (&place, position));
            sql.push(" LIMIT 51");
            sql.build_query_scalar().fetch_all(pool).await.unwrap()
        }
        store::Pools::Lite { read, .. } => {
            let mut sql = QueryBuilder::new("EXPLAIN QUERY PLAN ");
            plan.select(&mut sql, Row::columns(true), (&place, position));
            sql.push(" LIMIT 51");
            let rows: Vec<(i64, i64, i64, String)> = sql.build_query_as().fetch_all(read).await.unwrap();
            rows.into_iter().map(|row| row.3).collect()
        }
    };
    // No query was recorded, and PostgreSQL reads an empty table whole.
    lines
        .join("\n")
        .replace("Seq Scan on ocsp_queries", "ocsp_queries")
}

/// The indexes and tables that a plan reads, but for those that find the successor and the last query of each certificate that is shown.
fn reads(plan: &str) -> BTreeSet<&str> {
    let words = plan.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let of_tables = words.filter(|word| word.starts_with("certificate") || word.contains("autoindex"));
    of_tables
        .filter(|word| {
            ![
                "certificates",
                "certificates_replaces",
                "sqlite_autoindex_ocsp_queries_1",
            ]
            .contains(word)
        })
        .collect()
}

async fn lists_are_read_along_their_own_rows(db: &Db) {
    for query in of_one_requester() {
        let first = plan(db, &query, None, None).await;
        assert_eq!(
            reads(&first),
            ["certificates_requester"].into(),
            "{query:?}:\n{first}"
        );
        assert!(!first.contains("Seq Scan"), "{query:?}:\n{first}");
        if Order::natural(&query).0 == Order::Issued {
            let position = Position::Issued(Uuid::from_u128(ALL / 2));
            let next = plan(db, &query, None, Some(&position)).await;
            assert_eq!(
                reads(&next),
                ["certificates_requester"].into(),
                "{query:?}:\n{next}"
            );
            assert!(
                !next.contains("Sort") && !next.contains("TEMP B-TREE"),
                "{query:?}:\n{next}"
            );
        }
        pages_hold_all_of_it_once(db, &query).await;
    }
    let unused = Query {
        key_reused: Some(false),
        ..Query::default()
    };
    let plan = plan(db, &unused, None, None).await;
    assert_eq!(reads(&plan), ["certificates_first_of_key"].into(), "{plan}");
}

async fn pages_hold_all_of_it_once(db: &Db, query: &Query) {
    let all = whole(db, query, None).await;
    assert!(!all.is_empty(), "{query:?}");
    assert!(all.iter().all(|item| item.requester == "own"), "{query:?}");
    let ids: Vec<Uuid> = all.iter().map(|item| item.id).collect();
    both_ways(db, query, None, &ids).await;
}

/// The first 500 rows.
async fn whole(db: &Db, query: &Query, sort: Option<&'static str>) -> Vec<Issued> {
    let now = store::time::from_micros(NOW).unwrap();
    search(db, query, &ask(sort, 500), now).await.unwrap().items
}

/// Pages lead over exactly these rows, to the end and back.
async fn both_ways(db: &Db, query: &Query, sort: Option<&'static str>, all: &[Uuid]) {
    let now = store::time::from_micros(NOW).unwrap();
    let ids = |page: &Page<Issued>| -> Vec<Uuid> { page.items.iter().map(|item| item.id).collect() };
    let (mut there, mut cursor, mut last) = (Vec::new(), None, Vec::new());
    let mut before = None;
    while there.len() < all.len() {
        let page = search(db, query, &ask_at(sort, 17, cursor), now).await.unwrap();
        last = ids(&page);
        there.extend(last.clone());
        before = page.prev_cursor;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    there.truncate(all.len());
    assert_eq!(there, all, "{query:?} by {sort:?}");
    let mut back = vec![last];
    while let Some(cursor) = before {
        let page = search(db, query, &ask_at(sort, 17, Some(cursor)), now)
            .await
            .unwrap();
        back.push(ids(&page));
        before = page.prev_cursor;
    }
    back.reverse();
    let mut back = back.concat();
    back.truncate(all.len());
    assert_eq!(back, all, "{query:?} by {sort:?}, from the end");
}

#[tokio::test]
async fn lists_of_one_requester_are_read_along_their_own_rows_on_sqlite() {
    let (_dir, db) = on_sqlite().await;
    lists_are_read_along_their_own_rows(&db).await;
}

#[tokio::test]
async fn lists_of_one_requester_are_read_along_their_own_rows_on_postgresql() {
    let server = testkit::postgres::Postgres::shared().await.unwrap();
    let db = filled(&server.fresh_database().await.unwrap()).await;
    lists_are_read_along_their_own_rows(&db).await;
}

#[tokio::test]
async fn what_few_have_leads_for_one_requester() {
    let (_dir, db) = on_sqlite().await;
    let rare = Query {
        san: Some("dns:rare.example.test".parse().unwrap()),
        ..own()
    };
    let key = Query {
        spki_sha256: Some([9; 32]),
        ..own()
    };
    let certificate = Query {
        fingerprint_sha256: Some(KEY),
        ..own()
    };
    for (query, lead, index) in [
        (rare, Lead::Names, "certificate_names_name"),
        (key, Lead::Pinned, "certificates_key_use"),
        (certificate, Lead::Pinned, "certificates_fingerprint"),
    ] {
        assert_eq!(Lead::of(&db, &query, None).await.unwrap(), lead);
        let plan = plan(&db, &query, None, None).await;
        assert!(
            plan.contains(index) && !plan.contains("certificates_requester"),
            "{plan}"
        );
    }
}
