//! What everybody's rows are read along: each filter and each order has an index, and finds exactly the right rows.

use kit::error::Fault as _;
use kit::page::{Count, Counting, Precision};
use x509::crl::Reason;

use super::*;
use crate::domain::{LintVerdict, Typed};

/// A filter, by which it is read, and whether a certificate of that number has it.
type Case = (Query, &'static str, fn(u128) -> bool);

fn at(micros: i64) -> Option<OffsetDateTime> {
    Some(store::time::from_micros(micros).unwrap())
}

fn cases() -> Vec<Case> {
    let all = Query::default;
    let serial = (1234_u128 | 1 << 120).to_be_bytes();
    let hex = data_encoding::HEXLOWER.encode(&serial);
    vec![
        (
            Query {
                serial: vec![x509::Serial::from_bytes(&serial).unwrap()],
                ..all()
            },
            "certificates_serial",
            |number| number == 1234,
        ),
        (
            Query {
                key_type: vec!["rsa3072".parse().unwrap()],
                ..all()
            },
            "certificates_key_type",
            |number| number % 50 == 3,
        ),
        (
            Query {
                reason: vec![Reason::KeyCompromise],
                ..all()
            },
            "certificates_reason",
            |number| number % 400 == 0,
        ),
        (
            Query {
                revoked: Span {
                    from: at(100),
                    to: at(200),
                },
                ..all()
            },
            "certificates_revoked_at",
            |number| (100..200).contains(&number) && number % 4 < 2,
        ),
        (
            Query {
                lint: Some(LintVerdict::Warned),
                ..all()
            },
            "certificates_warned",
            |number| number % 100 == 3,
        ),
        (
            Query {
                lint: Some(LintVerdict::By("some_lint".to_owned())),
                ..all()
            },
            "certificates_warned",
            |number| number % 100 == 3,
        ),
        (
            Query {
                q: Some(Typed {
                    names: Vec::new(),
                    subject: "CN=none".to_owned(),
                    hex: Some(hex),
                }),
                ..all()
            },
            "certificates_serial",
            |number| number == 1234,
        ),
    ]
}

async fn each_filter_is_read_along_its_index(db: &Db) {
    for (query, index, has) in cases() {
        let plan = plan(db, &query, None, None).await;
        assert!(plan.contains(index), "{index} for {query:?}:\n{plan}");
        assert!(
            !plan.contains("Seq Scan") && !plan.contains("SCAN c\n") && !plan.ends_with("SCAN c"),
            "{query:?}:\n{plan}"
        );
        let found: BTreeSet<u128> = whole(db, &query, None)
            .await
            .iter()
            .map(|item| item.id.as_u128())
            .collect();
        let expected: BTreeSet<u128> = (0..ALL).filter(|number| has(*number)).collect();
        if expected.len() <= 500 {
            assert_eq!(found, expected, "{query:?}");
        } else {
            assert!(
                found.len() == 500 && found.iter().all(|number| has(*number)),
                "{query:?}"
            );
        }
    }
}

async fn successors_are_found(db: &Db) {
    for renewed in [true, false] {
        let query = Query {
            has_successor: Some(renewed),
            expires: Span {
                from: at(0),
                to: at(300),
            },
            ..Query::default()
        };
        let plan = plan(db, &query, None, None).await;
        assert!(
            plan.contains("certificates_replaces") && plan.contains("certificates_expiry"),
            "{plan}"
        );
        let found = whole(db, &query, None).await;
        assert_eq!(found.len(), if renewed { 30 } else { 270 });
        for item in found {
            let number = item.id.as_u128();
            assert_eq!(number % 10 == 2, renewed, "{number}");
            assert_eq!(item.replaced_by.is_some(), renewed, "{number}");
        }
    }
}

/// A sort, the index that has it, and the number by which it sorts.
const SORTS: [(&str, &str); 6] = [
    ("-issued_at", ""),
    ("issued_at", ""),
    ("not_after", "certificates_expiry"),
    ("-not_after", "certificates_expiry"),
    ("revoked_at", "certificates_revoked_at"),
    ("-revoked_at", "certificates_revoked_at"),
];

async fn each_order_is_that_of_an_index(db: &Db) {
    for (sort, index) in SORTS {
        let query = Query::default();
        let plan = plan(db, &query, Some(sort), None).await;
        assert!(plan.contains(index), "{sort}:\n{plan}");
        assert!(
            !plan.contains("Sort") && !plan.contains("TEMP B-TREE"),
            "{sort}:\n{plan}"
        );
        let mut expected: Vec<u128> = (0..ALL)
            .filter(|number| !sort.ends_with("revoked_at") || number % 4 < 2)
            .collect();
        if sort.starts_with('-') {
            expected.reverse();
        }
        let expected: Vec<Uuid> = expected.into_iter().take(60).map(Uuid::from_u128).collect();
        both_ways(db, &query, Some(sort), &expected).await;
    }
    for sort in ["subject", "-subject"] {
        let plan = plan(db, &Query::default(), Some(sort), None).await;
        assert!(
            plan.contains("certificates_subject") && !plan.contains("Sort") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
    }
}

/// Twenty thousand certificates have that name: they are listed in the order of their index, and in no other.
async fn what_many_have_is_not_sorted(db: &Db) {
    let name = Query {
        san: Some("dns:localhost".parse().unwrap()),
        ..Query::default()
    };
    let now = store::time::from_micros(NOW).unwrap();
    let refused = search(db, &name, &ask(Some("not_after"), 5), now).await;
    assert_eq!(refused.unwrap_err().shown().field, Some("sort"));
    assert!(search(db, &name, &ask(Some("-issued_at"), 5), now).await.is_ok());
    let typed = Query {
        q: Some(Typed {
            names: vec![SanSuffix {
                kind: "dns",
                suffix: "host".to_owned(),
            }],
            subject: String::new(),
            hex: None,
        }),
        ..Query::default()
    };
    let refused = search(db, &typed, &ask(None, 5), now).await;
    assert_eq!(refused.unwrap_err().shown().field, Some("q"));
}

async fn counts_say_how_far_they_went(db: &Db) {
    let now = store::time::from_micros(NOW).unwrap();
    let count = async |query: Query, counting| {
        let ask = ask(None, 5).counting(counting);
        search(db, &query, &ask, now).await.unwrap().count
    };
    let all = Query::default();
    assert_eq!(count(all.clone(), Counting::None).await, None);
    let exact = |rows| {
        Some(Count {
            rows,
            precision: Precision::Exact,
        })
    };
    assert_eq!(count(all.clone(), Counting::Exact).await, exact(20_000));
    assert_eq!(count(own(), Counting::Estimate).await, exact(50));
    let rough = count(all, Counting::Estimate).await.unwrap();
    match db.pools() {
        store::Pools::Pg(_) => {
            assert_eq!(rough.precision, Precision::Estimate);
            assert!((10_000..40_000).contains(&rough.rows), "{rough:?}");
        }
        store::Pools::Lite { .. } => assert_eq!((rough.rows, rough.precision), (1000, Precision::AtLeast)),
    }
}

async fn everybodys(db: &Db) {
    each_filter_is_read_along_its_index(db).await;
    successors_are_found(db).await;
    each_order_is_that_of_an_index(db).await;
    what_many_have_is_not_sorted(db).await;
    counts_say_how_far_they_went(db).await;
}

#[tokio::test]
async fn filters_and_orders_are_those_of_indexes_on_sqlite() {
    let (_dir, db) = on_sqlite().await;
    everybodys(&db).await;
}

#[tokio::test]
async fn filters_and_orders_are_those_of_indexes_on_postgresql() {
    let server = testkit::postgres::Postgres::shared().await.unwrap();
    let db = filled(&server.fresh_database().await.unwrap()).await;
    everybodys(&db).await;
}
