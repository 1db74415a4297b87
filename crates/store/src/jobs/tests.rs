//! What the statements of this module read, by what the databases say of them: no job and no item but those that are asked for,
//! however many a requester has had.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;
use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;
use crate::lease::{self, Lease};
use crate::{Options, Pools};

/// Every statement that was run since it was last cleared.
static RUN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Takes down what sqlx says of each statement.
struct Statements;

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Statement);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Statement;

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        let words: Vec<&str> = value.split_whitespace().collect();
        let of_jobs = words.iter().any(|word| matches!(*word, "jobs" | "job_items"));
        let reads = words
            .first()
            .is_some_and(|first| matches!(*first, "SELECT" | "UPDATE" | "DELETE"));
        if field.name() == "db.statement" && of_jobs && reads {
            RUN.lock().unwrap().insert(words.join(" "));
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const TERM: Duration = Duration::from_secs(60);
const MOST: JobBounds = JobBounds {
    jobs: 10,
    items: 10,
    bytes: 1000,
};

/// 20,000 jobs of one requester that have ended, and 20 items of each of a thousand of them.
const FILL_SQLITE: &[&str] = &[
    "INSERT INTO jobs (id, kind, requester, request, state, collected, created_us, started_us, ended_us, pending_items,
       done_items, skipped_items, failed_items)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
     SELECT randomblob(16), 'test', 'a', '{}', 'done', TRUE, i, i, i, 0, 1, 0, 0 FROM n",
    "INSERT INTO job_items (job, position, object, state)
     WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19)
     SELECT job.id, n.i, n.i, 'done' FROM n, (SELECT id FROM jobs LIMIT 1000) AS job",
];
const FILL_POSTGRES: &[&str] = &[
    "INSERT INTO jobs (id, kind, requester, request, state, collected, created_us, started_us, ended_us, pending_items,
       done_items, skipped_items, failed_items)
     SELECT gen_random_uuid(), 'test', 'a', '{}', 'done', TRUE, i, i, i, 0, 1, 0, 0 FROM generate_series(1, 20000) AS i",
    "INSERT INTO job_items (job, position, object, state)
     SELECT job.id, i, i, 'done' FROM generate_series(0, 19) AS i, (SELECT id FROM jobs LIMIT 1000) AS job",
    "ANALYZE jobs, job_items",
];

async fn filled(url: &str) -> Db {
    let options = Options {
        allow_unsafe: true,
        ..Options::default()
    };
    let db = Db::open(url, "ca", options).await.unwrap();
    db.migrate(&Migrator::with_migrations(Vec::new())).await.unwrap();
    let fill = match db.pools() {
        Pools::Pg(_) => FILL_POSTGRES,
        Pools::Lite { .. } => FILL_SQLITE,
    };
    let mut tx = db.begin().await.unwrap();
    for sql in fill {
        let filled = crate::tx!(&mut tx, |c| sqlx::query(*sql).execute(c).await.map(drop));
        filled.unwrap();
    }
    tx.commit().await.unwrap();
    db
}

async fn accept(db: &Db) -> Uuid {
    let job = NewJob {
        kind: "test",
        requester: "a",
        request: &Value::Null,
        format: 1,
        claim: None,
        correlation_id: None,
        traceparent: None,
    };
    let mut tx = db.begin().await.unwrap();
    let id = create(&mut tx, &job, NOW).await.unwrap();
    add_items(&mut tx, id, &["1".to_owned(), "2".to_owned()])
        .await
        .unwrap();
    collected_to(&mut tx, id, None).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// Calls every function of the module.
async fn all_of_it(db: &Db) {
    let lease = lease::take(db, "test", "test", TERM).await.unwrap().unwrap();
    let queue = Queued { jobs: 10, items: 10 };
    let id = accept(db).await;
    by_claim(db, [0; 32]).await.unwrap();
    get(db, id).await.unwrap().unwrap();
    as_stored(db, id).await.unwrap().unwrap();
    waiting(db, &[("test", 1), ("other", 2)], 10).await.unwrap();
    assert_eq!(
        queued(db, "a", queue).await.unwrap(),
        Queued { jobs: 1, items: 2 }
    );
    lists(db, id).await;
    let mut tx = db.begin().await.unwrap();
    queued_in(&mut tx, "a", queue).await.unwrap();
    changes(&mut tx, id).await;
    tx.commit().await.unwrap();
    forgotten(db, &lease).await;
}

async fn changes(tx: &mut Tx, id: Uuid) {
    hold(tx, id).await.unwrap().unwrap();
    hold_as_stored(tx, id).await.unwrap().unwrap();
    assert!(start(tx, id, NOW).await.unwrap());
    assert!(cancel(tx, id, "a", NOW).await.unwrap());
    assert!(
        finish_item(tx, (id, &ItemPlace::Position(0)), (ItemState::Done, None), NOW)
            .await
            .unwrap()
    );
    fail(tx, id, "why").await.unwrap();
    assert_eq!(drop_pending(tx, id).await.unwrap(), Pruned::All);
    let counts = progress_in(tx, id).await.unwrap();
    assert_eq!(
        (counts.done, counts.pending),
        (1, 1),
        "what was dropped is counted"
    );
    assert!(end(tx, id, (State::Canceled, None), NOW).await.unwrap());
}

async fn lists(db: &Db, id: Uuid) {
    for behind in [None, Some(id)] {
        let slice = Slice {
            behind,
            down: true,
            rows: 10,
        };
        for requester in [None, Some("a")] {
            list(db, requester, &slice).await.unwrap();
            count(db, requester, 10).await.unwrap();
        }
    }
    assert_eq!(without_id(db, 100_000).await.unwrap(), 0);
    progress(db, id).await.unwrap();
    pending(db, id, 10).await.unwrap();
    let places = [
        None,
        Some(ItemPlace::Position(0)),
        Some(ItemPlace::Object("0".to_owned())),
    ];
    for state in ItemState::ALL.into_iter().map(Some).chain([None]) {
        for behind in places.clone() {
            for down in [false, true] {
                let behind = behind.clone();
                let slice = Slice {
                    behind,
                    down,
                    rows: 10,
                };
                items(db, id, state, &slice).await.unwrap();
            }
        }
        count_items(db, id, state, 10).await.unwrap();
    }
}

async fn forgotten(db: &Db, lease: &Lease) {
    assert_eq!(of_too_many(db, MOST).await.unwrap(), ["a"]);
    let beyond = surplus(db, "a", MOST).await.unwrap();
    assert_eq!(beyond.len(), 100);
    assert_eq!(
        forget(db, lease, (beyond[0], "its lease")).await.unwrap(),
        Pruned::All
    );
    assert_eq!(
        prune(db, lease, |job| job.to_string(), NOW).await.unwrap(),
        Pruned::All
    );
    forget_claims(db, lease, NOW).await.unwrap();
}

/// What the database says that it does for a statement, whatever its parameters are.
async fn plan(db: &Db, sql: &str) -> String {
    let lines: Vec<String> = match db.pools() {
        Pools::Pg(pool) => {
            let parameters = (1..30)
                .take_while(|number| sql.contains(&format!("${number}")))
                .count();
            let nulls = vec!["NULL"; parameters].join(", ");
            let mut session = pool.begin().await.unwrap();
            let prepare = format!("SET LOCAL plan_cache_mode = force_generic_plan; PREPARE p AS {sql}");
            sqlx::raw_sql(AssertSqlSafe(prepare))
                .execute(&mut session)
                .await
                .unwrap();
            let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE p({nulls})"));
            let rows = sqlx::raw_sql(explain).fetch_all(&mut session).await.unwrap();
            sqlx::raw_sql("DEALLOCATE p").execute(&mut session).await.unwrap();
            rows.iter().map(|row| sqlx::Row::get(row, 0)).collect()
        }
        Pools::Lite { read, .. } => {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(read).await.unwrap();
            rows.into_iter().map(|row| row.3).collect()
        }
    };
    lines.join("\n")
}

fn judge(sql: &str, plan: &str) {
    let scans = [
        "SCAN jobs",
        "SCAN job_items",
        "Seq Scan on jobs",
        "Seq Scan on job_items",
    ];
    // The first is asked for by the one that prunes, the others end at their limits: PostgreSQL reads the table where most
    // rows are the requester's, as here.
    let whole = sql.contains("GROUP BY requester")
        || sql.contains("FROM jobs LIMIT")
        || sql.ends_with("LIMIT $1) AS counted");
    assert!(
        whole || !scans.iter().any(|scan| plan.contains(scan)),
        "{sql}\n{plan}"
    );
    let sql = sql.replace("jobs.", "");
    if sql.contains("requester = $1 AND ended_us") {
        // Few jobs have not ended: PostgreSQL may look for these first.
        let unfinished = "Index Cond: (ended_us IS NULL)";
        let along = ["jobs_of_requester_by_end", "jobs_unfinished", unfinished];
        assert!(along.iter().any(|index| plan.contains(index)), "{sql}\n{plan}");
        assert!(
            !plan.contains("TEMP B-TREE") && !plan.contains("Sort"),
            "{sql}\n{plan}"
        );
    }
    if sql.contains("MAX(started_us)") {
        assert!(plan.contains("jobs_served"), "{sql}\n{plan}");
    }
    // SQLite says which columns it compares: of a requester alone, it would read every job that is kept.
    let bounded = sql.contains("MAX(started_us)") || sql.contains("WHERE requester = $2 LIMIT $1");
    assert!(bounded || !plan.contains("(requester=?)"), "{sql}\n{plan}");
}

async fn reads_what_it_answers(url: &str) {
    let db = filled(url).await;
    RUN.lock().unwrap().clear();
    all_of_it(&db).await;
    // A connection of SQLite may say so after it has answered.
    let known = || RUN.lock().unwrap().len();
    let mut before = 0;
    while before < known() {
        before = known();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let run = RUN.lock().unwrap().clone();
    assert!(run.len() > 25, "{run:#?}");
    for sql in run {
        let plan = plan(&db, &sql).await;
        judge(&sql, &plan);
    }
}

/// In one test: what was run is known of the whole process.
#[tokio::test(flavor = "multi_thread")]
async fn every_statement_reads_what_it_answers_and_no_more_on_both_databases() {
    tracing::subscriber::set_global_default(Statements).unwrap();
    let folder = tempfile::tempdir().unwrap();
    reads_what_it_answers(&format!("sqlite:{}", folder.path().join("t.db").display())).await;
    let server = testkit::Postgres::shared().await.unwrap();
    reads_what_it_answers(&server.fresh_database().await.unwrap()).await;
}

#[test]
fn that_test_calls_every_function() {
    let here = include_str!("tests.rs");
    let sources = [
        include_str!("../jobs.rs"),
        include_str!("items.rs"),
        include_str!("kept.rs"),
        include_str!("old.rs"),
        include_str!("queue.rs"),
    ];
    let functions = sources
        .iter()
        .flat_map(|source| source.split("pub async fn ").skip(1));
    let names: Vec<&str> = functions
        .filter_map(|rest| rest.split(['(', '<']).next())
        .collect();
    assert!(names.len() > 20, "{names:?}");
    let is_called = |name: &str| {
        here.match_indices(&format!("{name}("))
            .any(|(at, _)| !here[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.'))
    };
    for name in names {
        assert!(is_called(name), "{name} is not called");
    }
}
