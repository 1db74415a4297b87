//! The walk through all revocations: along its index on both databases, in the order of octets, each once.

use store::Pools;

use super::*;
use crate::tables::search::tests::inventory::{ALL, filled, on_sqlite};

/// What the database says it will do, a step per line.
async fn plan(db: &Db, place: &Place) -> String {
    let text = sqlx::AssertSqlSafe;
    let lines: Vec<String> = match db.pools() {
        Pools::Pg(pool) => {
            let query = sqlx::query_scalar(text(format!("EXPLAIN {}", page_sql())));
            let query = query.bind(0_i64).bind(&place.ca).bind(place.generation);
            query.bind(&place.serial).bind(1000_i64).fetch_all(pool).await
        }
        .unwrap(),
        Pools::Lite { read, .. } => {
            let query = sqlx::query_as(text(format!("EXPLAIN QUERY PLAN {}", page_sql())));
            let query = query.bind(0_i64).bind(&place.ca).bind(place.generation);
            let rows: Vec<(i64, i64, i64, String)> = query
                .bind(&place.serial)
                .bind(1000_i64)
                .fetch_all(read)
                .await
                .unwrap();
            rows.into_iter().map(|row| row.3).collect()
        }
    };
    lines.join("\n")
}

fn issuing() -> IssuerName {
    IssuerName::parse("issuing").unwrap()
}

async fn whole(db: &Db, issuer: Option<&IssuerName>, from: OffsetDateTime, limit: usize) -> Vec<Serial> {
    let mut serials = Vec::new();
    let mut place = Some(Place::before(issuer));
    while let Some(there) = place {
        let page = page(db, issuer, from, (&there, limit), Unreadable::Fails)
            .await
            .unwrap();
        assert!(page.items.len() <= limit);
        serials.extend(page.items.iter().map(|item| item.serial));
        place = page.next;
    }
    serials
}

async fn revocations_are_read_along_their_index(db: &Db) {
    for place in [Place::before(None), Place::before(Some(&issuing()))] {
        let plan = plan(db, &place).await;
        assert!(plan.contains("certificates_revocations"), "{plan}");
        for step in ["Sort", "TEMP B-TREE", "Seq Scan", "Bitmap"] {
            assert!(!plan.contains(step), "{plan}");
        }
        // The place is where the walk begins, not what rows are compared with.
        assert!(
            plan.contains("Index Cond: ((ROW(ca, generation, serial) >") || plan.contains("SEARCH c USING"),
            "{plan}"
        );
    }
    let from = store::time::from_micros(5000).unwrap();
    let mut expected: Vec<Serial> = (5000..ALL)
        .filter(|number| number % 4 < 2)
        .map(|number: u128| Serial::from_bytes(&(number | 1 << 120).to_be_bytes()).unwrap())
        .collect();
    expected.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    for issuer in [None, Some(&issuing())] {
        assert_eq!(whole(db, issuer, from, 1000).await, expected);
    }
    // A page that is full and the last one, too.
    assert_eq!(whole(db, Some(&issuing()), from, expected.len()).await, expected);
    let later = IssuerName::parse("issuing.2").unwrap();
    assert_eq!(whole(db, Some(&later), from, 1000).await, []);
    assert_eq!(
        whole(db, Some(&IssuerName::parse("a").unwrap()), from, 3).await,
        []
    );
}

#[tokio::test]
async fn revocations_are_read_along_their_index_on_sqlite() {
    let (_dir, db) = on_sqlite().await;
    revocations_are_read_along_their_index(&db).await;
}

#[tokio::test]
async fn revocations_are_read_along_their_index_on_postgresql() {
    let server = testkit::postgres::Postgres::shared().await.unwrap();
    let db = filled(&server.fresh_database().await.unwrap()).await;
    revocations_are_read_along_their_index(&db).await;
}
