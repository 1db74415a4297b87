//! What else the feed promises: attributes, wake-ups, durable cursors, cursors that cannot be continued.

use std::time::{Duration, Instant};

use futures::StreamExt;
use store::feed::cursors::{self, Step};
use store::feed::{Cursor, Event, Feed};
use store::outbox::{self, NewEvent};
use store::{Db, StoreError, tx};
use time::OffsetDateTime;
use tokio::time::timeout;
use vocabulary::EventType;

use crate::support::{Scratch, all, append, commit_event, event, now, on_both, subjects};

on_both!(
    events_keep_their_facts,
    events_of_one_transaction_keep_their_order,
    a_commit_wakes_a_subscriber_long_before_it_polls,
    a_rolled_back_event_is_never_seen,
    an_event_that_is_not_as_declared_is_not_appended,
    pages_of_the_feed_join_without_gap,
    a_cursor_behind_what_was_pruned_is_refused,
    a_cursor_ahead_of_the_feed_is_refused,
    durable_cursors_move_only_from_where_they_are,
    of_two_instances_of_a_subscriber_one_moves_the_cursor,
);

const LONG: Duration = Duration::from_secs(3600);
const FAR: OffsetDateTime = time::macros::datetime!(9999-01-01 0:00 UTC);

async fn events_keep_their_facts(scratch: Scratch) {
    let db = scratch.migrated().await;
    let full = NewEvent {
        kind: EventType::CrlPublished,
        subject: "0123".to_owned(),
        data: serde_json::json!({
            "issuer": "ü \"quoted\" \\ {1,2}", "crl_shard": 0, "crl_kind": "complete", "number": 9_007_199_254_740_993_i64,
            "base": null, "entries": 0, "octets": 0, "this_update": "2027-01-02T03:04:05Z", "next_update": "2027-01-03T03:04:05Z",
            "path": "/crl/a.crl", "imported": false,
        }),
        correlation_id: Some("abc".to_owned()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
    };
    let mut tx = db.begin().await.unwrap();
    let ids = outbox::append(&mut tx, &[full.clone(), event("bare")], now())
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let events = all(&db).await;
    assert_eq!(events.iter().map(|event| event.id).collect::<Vec<_>>(), ids);
    assert_eq!(events[0].kind, "crl.published");
    assert_eq!(events[0].event_type(), "io.gigvault.crl.published");
    assert_eq!(events[0].source, "urn:gigvault:ca");
    assert_eq!(events[0].subject, "0123");
    assert_eq!(events[0].time, now());
    assert_eq!(events[0].parse_data::<serde_json::Value>().unwrap(), full.data);
    assert_eq!(events[0].correlation_id, full.correlation_id);
    assert_eq!(events[0].traceparent, full.traceparent);
    assert_eq!(
        (&events[1].correlation_id, &events[1].traceparent),
        (&None, &None)
    );
    assert!(matches!(
        events[1].parse_data::<u32>(),
        Err(StoreError::Corrupt(_))
    ));
}

async fn events_of_one_transaction_keep_their_order(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut tx = db.begin().await.unwrap();
    let names: Vec<_> = (0..300).map(|n| format!("{n:03}")).collect();
    for part in names.chunks(130) {
        let events: Vec<_> = part.iter().map(|name| event(name)).collect();
        outbox::append(&mut tx, &events, now()).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(subjects(&db).await, names);
}

async fn a_commit_wakes_a_subscriber_long_before_it_polls(scratch: Scratch) {
    let db = scratch.migrated().await;
    let other = scratch.open().await;
    let mut here = Feed::new(db.clone(), LONG).subscribe(Cursor::START);
    // SQLite has no signal between processes; the file of one service has one process
    let poll = if scratch.url.starts_with("sqlite") {
        Duration::from_millis(50)
    } else {
        LONG
    };
    let mut elsewhere = Feed::new(other, poll).subscribe(Cursor::START);
    for n in 0..5 {
        // both are waiting by now, and the listener is connected
        let waits = timeout(
            Duration::from_millis(200),
            futures::future::join(here.next(), elsewhere.next()),
        );
        waits.await.unwrap_err();
        let started = Instant::now();
        commit_event(&db, &n.to_string()).await;
        for stream in [
            &mut here as &mut (dyn futures::Stream<Item = _> + Unpin + Send),
            &mut elsewhere,
        ] {
            let event: Event = timeout(Duration::from_secs(20), stream.next())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            assert_eq!(event.subject, n.to_string());
        }
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "woken after {:?}",
            started.elapsed()
        );
    }
}

async fn a_rolled_back_event_is_never_seen(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut tx = db.begin().await.unwrap();
    append(&mut tx, "undone").await;
    drop(tx);
    commit_event(&db, "done").await;
    assert_eq!(subjects(&db).await, ["done"]);
}

async fn an_event_that_is_not_as_declared_is_not_appended(scratch: Scratch) {
    let db = scratch.migrated().await.declaring(&[EventType::CaSuspended]);
    let of_another = NewEvent {
        kind: EventType::KeyGenerated,
        ..event("of another")
    };
    let mut tx = db.begin().await.unwrap();
    let refused = outbox::append(&mut tx, &[event("first"), of_another], now()).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, StoreError::UndeclaredEvent { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the service \"ca\" does not declare events of type \"key.generated\": add the type to its EVENTS"
    );
    append(&mut tx, "declared").await;
    tx.commit().await.unwrap();
    assert_eq!(subjects(&db).await, ["declared"]);

    let less = NewEvent {
        data: serde_json::json!({"ca": "x"}),
        ..event("x")
    };
    let mut tx = db.begin().await.unwrap();
    let error = outbox::append(&mut tx, &[event("first"), less], now())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "an event \"ca.suspended\" is not as `vocabulary` declares it: `actor` is missing"
    );
    append(&mut tx, "after").await;
    tx.commit().await.unwrap();
    assert_eq!(subjects(&db).await, ["declared", "after"]);

    let silent = db.declaring(&[]);
    let mut tx = silent.begin().await.unwrap();
    outbox::append(&mut tx, &[event("x")], now()).await.unwrap_err();
}

async fn pages_of_the_feed_join_without_gap(scratch: Scratch) {
    let db = scratch.migrated().await;
    for n in 0..10 {
        let mut tx = db.begin().await.unwrap();
        outbox::append(
            &mut tx,
            &[event(&format!("{n}a")), event(&format!("{n}b"))],
            now(),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }
    let whole = all(&db).await;
    let feed = Feed::new(db, LONG);
    let mut joined: Vec<Event> = Vec::new();
    while joined.len() < whole.len() {
        let cursor = joined.last().map_or(Cursor::START, |event| event.cursor);
        let page = feed.after(cursor, 3).await.unwrap();
        assert!(!page.is_empty() && page.len() <= 3);
        joined.extend(page);
    }
    assert_eq!(joined, whole);
}

async fn a_cursor_behind_what_was_pruned_is_refused(scratch: Scratch) {
    let db = scratch.migrated().await;
    for n in 0..5 {
        commit_event(&db, &n.to_string()).await;
    }
    let events = all(&db).await;
    let mut tx = db.begin().await.unwrap();
    outbox::subscribers::retire(&mut tx, "audit").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(outbox::prune(&db, FAR, 3).await.unwrap(), 3);
    let feed = Feed::new(db, LONG);
    assert_eq!(
        feed.after(events[2].cursor, 10).await.unwrap(),
        events[3..],
        "nothing is missing after this one"
    );
    assert_eq!(
        feed.after(Cursor::START, 10).await.unwrap(),
        events[3..],
        "the start is what there is"
    );
    let error = feed.after(events[1].cursor, 10).await.unwrap_err();
    assert!(matches!(&error, StoreError::Cursor { .. }), "{error:?}");
    assert!(
        error.to_string().contains("deleted after their retention time"),
        "{error}"
    );
    let mut stream = feed.subscribe(events[1].cursor);
    assert!(matches!(
        stream.next().await,
        Some(Err(StoreError::Cursor { .. }))
    ));
}

async fn a_cursor_ahead_of_the_feed_is_refused(scratch: Scratch) {
    let db = scratch.migrated().await;
    commit_event(&db, "x").await;
    let ahead = "4000000000000-1".parse().unwrap();
    let error = Feed::new(db, LONG).after(ahead, 10).await.unwrap_err();
    assert!(
        error.to_string().contains("restored from an older backup"),
        "{error}"
    );
}

async fn durable_cursors_move_only_from_where_they_are(scratch: Scratch) {
    let db = scratch.migrated().await;
    let at = |text: &str| text.parse::<Cursor>().unwrap();
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        cursors::load(&mut tx, "ca", "audit").await.unwrap(),
        Cursor::START
    );
    let steps = [
        ("7-2", "9-1", false, ""),
        ("", "7-2", true, "7-2"),
        ("", "8-1", false, "7-2"),
        ("7-1", "9-1", false, "7-2"),
        ("7-2", "9-1", true, "9-1"),
    ];
    for (from, to, moves, then) in steps {
        let step = Step {
            from: at(from),
            to: at(to),
        };
        assert_eq!(
            cursors::advance(&mut tx, "ca", "audit", step).await.unwrap(),
            moves,
            "{from} to {to}"
        );
        assert_eq!(
            cursors::load(&mut tx, "ca", "audit").await.unwrap(),
            at(then),
            "{from} to {to}"
        );
    }
    assert_eq!(
        cursors::load(&mut tx, "ca", "other").await.unwrap(),
        Cursor::START
    );
    assert_eq!(
        cursors::load(&mut tx, "auth", "audit").await.unwrap(),
        Cursor::START
    );
}

async fn of_two_instances_of_a_subscriber_one_moves_the_cursor(scratch: Scratch) {
    let db = scratch.migrated().await;
    let instance = |db: Db| async move {
        let mut tx = db.begin().await.unwrap();
        let step = Step {
            from: Cursor::START,
            to: "5-1".parse().unwrap(),
        };
        let moved = cursors::advance(&mut tx, "ca", "audit", step).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        tx.commit().await.unwrap();
        moved
    };
    let (a, b) = tokio::join!(instance(db.clone()), instance(db));
    assert!(a != b, "{a} {b}");
}

/// A dump restored into a new server brings old events with numbers that the new server has yet to reach.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_positions_keep_growing_when_data_moves_to_a_new_server() {
    let db = Scratch::postgres().await.migrated().await;
    commit_event(&db, "old").await;
    let mut tx = db.begin().await.unwrap();
    let sql = "UPDATE outbox SET tx = tx + 1000000000";
    tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
    commit_event(&db, "would sort before the old one").await;
    let mut tx = db.begin().await.unwrap();
    let sql = "DELETE FROM outbox WHERE tx < 1000000000";
    tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();

    // the program starts on the new server
    db.migrate(&crate::support::tables()).await.unwrap();
    db.migrate(&crate::support::tables()).await.unwrap();
    commit_event(&db, "new").await;
    let events = all(&db).await;
    assert_eq!(
        events
            .iter()
            .map(|event| event.subject.as_str())
            .collect::<Vec<_>>(),
        ["old", "new"]
    );
    let feed = Feed::new(db.clone(), LONG);
    assert_eq!(feed.after(events[0].cursor, 10).await.unwrap(), events[1..]);
}
