//! Why the feed is ordered as it is: simpler orders lose an event that commits late, which these tests show.

use std::time::Duration;

use futures::StreamExt;
use store::feed::{Cursor, Feed};
use store::{Db, read, tx};
use testkit::Postgres;
use tokio::time::timeout;
use vocabulary::EventType;

use crate::support::{append, commit_event};

const POLL: Duration = Duration::from_millis(500);
/// Long enough for a loaded machine; reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the order is not that of a sequence: the reader of the sequence loses an event that the feed delivers.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_orders_by_sequence_skips_what_commits_late_and_the_feed_does_not() {
    let server = Postgres::start().await.unwrap();
    let db = Db::open(&server.url(), "ca", crate::support::options())
        .await
        .unwrap()
        .declaring(EventType::ALL);
    db.migrate(&crate::support::migrator(&[
        "CREATE TABLE naive (n BIGSERIAL, event TEXT)",
    ]))
    .await
    .unwrap();
    let feed = Feed::new(db.clone(), POLL);
    let mut naive = Naive {
        db: db.clone(),
        last: 0,
        seen: Vec::new(),
    };
    let mut cursor = Cursor::START;
    let mut seen = Vec::new();

    let mut slow = db.begin().await.unwrap();
    naive_append(&mut slow, "slow").await;
    let mut fast = db.begin().await.unwrap();
    naive_append(&mut fast, "fast").await;
    fast.commit().await.unwrap();

    naive.read().await;
    for event in feed.after(cursor, 10).await.unwrap() {
        cursor = event.cursor;
        seen.push(event.subject);
    }
    assert_eq!(seen, [""; 0], "the feed waits for the older transaction");
    slow.commit().await.unwrap();
    naive.read().await;
    seen.extend(
        feed.after(cursor, 10)
            .await
            .unwrap()
            .into_iter()
            .map(|event| event.subject),
    );

    assert_eq!(naive.seen, ["fast"], "the sequence lost an event");
    assert_eq!(seen, ["slow", "fast"]);
}

/// A read and the look at why it found nothing see different moments. The older transaction that hid the event may end
/// between the two, and ends without a signal when it is undone: nothing but the look can tell the reader to try again.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_held_back_by_a_transaction_that_is_undone_arrives_without_a_signal() {
    let server = Postgres::start().await.unwrap();
    let db = Db::open(&server.url(), "ca", crate::support::options())
        .await
        .unwrap()
        .declaring(EventType::ALL);
    db.migrate(&crate::support::tables()).await.unwrap();
    let mut stream = Feed::new(db.clone(), Duration::from_secs(3600)).subscribe(Cursor::START);
    for round in 0..400_u32 {
        let mut older = db.begin().await.unwrap();
        append(&mut older, "undone").await;
        commit_event(&db, &round.to_string()).await;
        let undo = async {
            tokio::time::sleep(Duration::from_micros(u64::from(round % 40) * 50)).await;
            drop(older);
        };
        let (event, ()) = tokio::join!(timeout(PATIENCE, stream.next()), undo);
        let event = event.expect("the reader sleeps on").unwrap().unwrap();
        assert_eq!(event.subject, round.to_string());
    }
}

async fn naive_append(tx: &mut store::Tx, subject: &str) {
    append(tx, subject).await;
    let sql = "INSERT INTO naive (event) VALUES ($1)";
    tx!(tx, |c| sqlx::query(sql).bind(subject).execute(c).await.map(drop)).unwrap();
}

struct Naive {
    db: Db,
    last: i64,
    seen: Vec<String>,
}

impl Naive {
    async fn read(&mut self) {
        let sql = "SELECT n, event FROM naive WHERE n > $1 ORDER BY n";
        let rows: Vec<(i64, String)> = read!(&self.db, |c| sqlx::query_as(sql)
            .bind(self.last)
            .fetch_all(c)
            .await)
        .unwrap();
        for (n, event) in rows {
            self.last = n;
            self.seen.push(event);
        }
    }
}

/// The feed's own order without its horizon would skip as well: the horizon is what the first test rests on.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_horizon_the_order_by_transaction_would_skip() {
    let server = Postgres::start().await.unwrap();
    let db = Db::open(&server.url(), "ca", crate::support::options())
        .await
        .unwrap()
        .declaring(EventType::ALL);
    db.migrate(&crate::support::tables()).await.unwrap();
    let mut slow = db.begin().await.unwrap();
    append(&mut slow, "slow").await;
    commit_event(&db, "fast").await;
    let sql = "SELECT tx, subject FROM outbox WHERE tx > $1 ORDER BY tx, ordinal";
    let read_after = async |tx: i64| -> Vec<(i64, String)> {
        read!(&db, |c| sqlx::query_as(sql).bind(tx).fetch_all(c).await).unwrap()
    };
    let first = read_after(0).await;
    assert_eq!(first[0].1, "fast");
    slow.commit().await.unwrap();
    assert_eq!(read_after(first[0].0).await, []);
    assert_eq!(read_after(0).await[0].1, "slow");
}
