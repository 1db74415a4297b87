//! Orders, and the plans that both databases make: a list of one requester is read along their own rows.

use std::collections::BTreeSet;

use store::bulk::Insert;
use store::{Db, Options};

use super::*;
use crate::domain::SanSuffix;
use crate::tables::MIGRATIONS;

#[test]
fn an_open_end_leads_only_where_nothing_else_does() {
    let moment = Some(OffsetDateTime::UNIX_EPOCH);
    let after = Query {
        expires_after: moment,
        ..Query::default()
    };
    let of_somebody = Query {
        requester: Some("apikey:1".to_owned()),
        ..after.clone()
    };
    let window = Query {
        expires_before: moment,
        ..of_somebody.clone()
    };
    assert_eq!(Order::of(&after), Order::Expiry);
    assert_eq!(Order::of(&of_somebody), Order::Newest);
    assert_eq!(Order::of(&window), Order::Expiry);
}

/// Certificates of `own` among many more of `other`, which are all alike otherwise.
const ALL: u128 = 20_000;
const OWN_EACH: u128 = 401;
const NOW: i64 = 10_000;

const CERTIFICATES: Insert = Insert::into(
    "certificates",
    &[
        "id",
        "serial",
        "ca",
        "profile",
        "subject",
        "sans",
        "requester",
        "protocol",
        "issued_at",
        "not_before",
        "not_after",
        "spki_sha256",
        "key_use",
        "fingerprint_sha256",
        "der",
        "revoked_at",
        "reason",
    ],
);
const NAMES: Insert = Insert::into("certificate_names", &["name", "id"]);

/// One key that all have, so that it leads nowhere.
const KEY: [u8; 32] = [7; 32];

async fn filled(url: &str) -> Db {
    let options = Options {
        allow_unsafe: true,
        ..Options::default()
    };
    let db = Db::open(url, "ca", options).await.unwrap();
    db.migrate(&MIGRATIONS).await.unwrap();
    let numbers: Vec<u128> = (0..ALL).collect();
    let serials: Vec<[u8; 16]> = numbers
        .iter()
        .map(|number| (number | 1 << 120).to_be_bytes())
        .collect();
    let prints: Vec<Vec<u8>> = serials.iter().map(|serial| serial.repeat(2)).collect();
    let rows = numbers.iter().zip(serials.iter().zip(&prints));
    let rows = rows.map(|(number, (serial, print))| {
        let reason = match number % 4 {
            0 => Some(4_i64),
            1 => Some(6),
            _ => None,
        };
        // Most keys were used before, so that it is worth an index which were not.
        let shared = number % 100 != 3;
        let key = if shared { KEY.as_slice() } else { print.as_slice() };
        (
            Uuid::from_u128(*number),
            serial.as_slice(),
            "issuing",
            "tls-server",
            "CN=localhost",
            r#"["dns:localhost"]"#,
            if number % OWN_EACH == 3 { "own" } else { "other" },
            "rest",
            0_i64,
            0_i64,
            i64::try_from(*number).unwrap(),
            key,
            if shared {
                i64::try_from(*number).unwrap() + 1
            } else {
                0
            },
            print.as_slice(),
            print.as_slice(),
            reason,
            reason,
        )
    });
    let names = numbers
        .iter()
        .map(|number| (names::exact("dns:localhost"), Uuid::from_u128(*number)));
    let mut tx = db.begin().await.unwrap();
    store::bulk::insert(&mut tx, &CERTIFICATES, rows).await.unwrap();
    store::bulk::insert(&mut tx, &NAMES, names).await.unwrap();
    store::tx!(&mut tx, |connection| sqlx::query("ANALYZE")
        .execute(connection)
        .await
        .map(drop))
    .unwrap();
    tx.commit().await.unwrap();
    db
}

fn own() -> Query {
    Query {
        requester: Some("own".to_owned()),
        ..Query::default()
    }
}

/// Each filter by itself, and some beside each other.
fn of_one_requester() -> Vec<Query> {
    let at = |micros| Some(store::time::from_micros(micros).unwrap());
    let text = |text: &str| Some(text.to_owned());
    let window = Query {
        expires_after: at(1),
        expires_before: at(19_000),
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
            subject: text("CN=localhost"),
            ..own()
        },
        Query {
            profile: text("tls-server"),
            ..own()
        },
        Query {
            ca: text("issuing"),
            ..own()
        },
        Query {
            protocol: Some(Protocol::Rest),
            ..own()
        },
        Query {
            san_suffix: Some(suffix),
            ..own()
        },
        Query {
            expires_before: at(19_000),
            ..own()
        },
        Query {
            expires_after: at(1),
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
            profile: text("tls-server"),
            ..window.clone()
        },
        window,
        name,
    ];
    for status in [Status::Valid, Status::Revoked, Status::OnHold, Status::Expired] {
        let status = Some(status);
        all.push(Query { status, ..own() });
        all.push(Query {
            status,
            ca: text("issuing"),
            ..own()
        });
    }
    all
}

/// What the database says it will do, a step a line.
async fn plan(db: &Db, query: &Query, position: Option<&Position>) -> String {
    let order = Order::of(query);
    let lead = Lead::of(db, query).await.unwrap();
    let now = store::time::from_micros(NOW).unwrap();
    let lines: Vec<String> = match db.pools() {
        store::Pools::Pg(pool) => {
            let mut sql = QueryBuilder::new("EXPLAIN ");
            select(&mut sql, query, lead, (order, position), now);
            sql.push(" LIMIT 51");
            sql.build_query_scalar().fetch_all(pool).await.unwrap()
        }
        store::Pools::Lite { read, .. } => {
            let mut sql = QueryBuilder::new("EXPLAIN QUERY PLAN ");
            select(&mut sql, query, lead, (order, position), now);
            sql.push(" LIMIT 51");
            let rows: Vec<(i64, i64, i64, String)> = sql.build_query_as().fetch_all(read).await.unwrap();
            rows.into_iter().map(|row| row.3).collect()
        }
    };
    lines.join("\n")
}

/// The indexes and tables that a plan reads.
fn reads(plan: &str) -> BTreeSet<&str> {
    let words = plan.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let of_tables = words.filter(|word| word.starts_with("certificate") || word.contains("autoindex"));
    of_tables.filter(|word| *word != "certificates").collect()
}

async fn lists_are_read_along_their_own_rows(db: &Db) {
    for query in of_one_requester() {
        let first = plan(db, &query, None).await;
        assert_eq!(
            reads(&first),
            ["certificates_requester"].into(),
            "{query:?}:\n{first}"
        );
        assert!(!first.contains("Seq Scan"), "{query:?}:\n{first}");
        if Order::of(&query) == Order::Newest {
            let position = Position::Newest(Uuid::from_u128(ALL / 2));
            let next = plan(db, &query, Some(&position)).await;
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
    let plan = plan(db, &unused, None).await;
    assert_eq!(reads(&plan), ["certificates_first_of_key"].into(), "{plan}");
}

async fn pages_hold_all_of_it_once(db: &Db, query: &Query) {
    let now = store::time::from_micros(NOW).unwrap();
    let all = search(db, query, Limit::try_from(500).unwrap(), None, now)
        .await
        .unwrap();
    assert!(!all.items.is_empty() && all.next_cursor.is_none(), "{query:?}");
    assert!(all.items.iter().all(|item| item.requester == "own"), "{query:?}");
    let (mut paged, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = search(db, query, Limit::try_from(7).unwrap(), cursor.as_deref(), now)
            .await
            .unwrap();
        paged.extend(page.items.into_iter().map(|item| item.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let all: Vec<Uuid> = all.items.into_iter().map(|item| item.id).collect();
    assert_eq!(paged, all, "{query:?}");
}

async fn on_sqlite() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let db = filled(&format!("sqlite:{}", dir.path().join("ca.db").display())).await;
    (dir, db)
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
        assert_eq!(Lead::of(&db, &query).await.unwrap(), lead);
        let plan = plan(&db, &query, None).await;
        assert!(
            plan.contains(index) && !plan.contains("certificates_requester"),
            "{plan}"
        );
    }
}
