//! Changes that commit before, while, and after a snapshot is read, some of them long after they began.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use kit::dry_run::Commit;
use proto::ca::v1::SnapshotRevocationsRequest;
use proto::ca::v1::snapshot_revocations_response::Part;
use store::bulk::{Insert, insert};
use store::feed::{Cursor, Feed};
use store::outbox::NewEvent;
use store::time::to_micros;
use store::{Pools, Tx};
use testkit::on_both_databases;
use uuid::Uuid;
use vocabulary::EventType;
use x509::serial::Serial;

use super::issued;
use crate::world::{NOW, World, anyone};

on_both_databases!(a_snapshot_and_the_feed_behind_it_are_the_state);

const ROUNDS: usize = 150;
/// On hold for good: more than a page, so that changes commit between two of them.
const MANY: u32 = 1100;

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

async fn fill(world: &World) {
    let later = to_micros(NOW) + 1_000_000_000_000;
    let rows = (0..MANY).map(|number| {
        // Spread over all serial numbers.
        let serial = number.wrapping_mul(0x9e37_79b9).to_be_bytes().repeat(4);
        let serial = Serial::from_bytes(&serial).unwrap_or_else(|_| Serial::from_bytes(&[1]).unwrap());
        (
            Uuid::from_u128(u128::from(number)),
            serial.as_bytes().to_vec(),
            "issuing",
            "tls-server",
            "",
            "[]",
            "other",
            "rest",
            0_i64,
            0_i64,
            later,
            [7_u8; 32].to_vec(),
            i64::from(number),
            vec![0_u8],
            vec![0_u8],
            Some(0_i64),
            Some(6_i64),
        )
    });
    let mut tx = world.db.begin().await.unwrap();
    insert(&mut tx, &CERTIFICATES, rows).await.unwrap();
    tx.commit().await.unwrap();
}

/// Who is on hold, as the database has it.
async fn state(world: &World) -> BTreeSet<String> {
    let serials: Vec<Vec<u8>> = store::read!(&world.db, |connection| {
        sqlx::query_scalar("SELECT serial FROM certificates WHERE reason IS NOT NULL")
            .fetch_all(connection)
            .await
    })
    .unwrap();
    serials.iter().map(|serial| text(serial)).collect()
}

fn text(octets: &[u8]) -> String {
    Serial::from_bytes(octets).unwrap().to_string()
}

/// Puts on hold, or releases, as the service does, and does not commit yet.
async fn begin(world: &World, serial: &Serial, hold: bool) -> Tx {
    let mut tx = world.db.begin().await.unwrap();
    store::tx!(&mut tx, |connection| {
        sqlx::query("UPDATE certificates SET revoked_at = $1, reason = $2 WHERE serial = $3")
            .bind(hold.then(|| to_micros(NOW)))
            .bind(hold.then_some(6_i64))
            .bind(serial.as_bytes())
            .execute(connection)
            .await
            .map(drop)
    })
    .unwrap();
    let event = NewEvent {
        kind: if hold {
            EventType::CertificateHeld
        } else {
            EventType::CertificateReleased
        },
        subject: serial.to_string(),
        data: serde_json::json!({
            "serial": serial.to_string(), "ca": "issuing", "issuer": "issuing", "crl_shard": 0, "profile": "tls-server",
            "not_after": "2099-12-31T23:59:59Z", "not_after_us": 0, "requester": "test:anyone", "actor": "test:anyone",
            "status": "valid", "reason": null, "revocation_time": null, "revocation_time_us": null, "invalidity_time": null,
            "invalidity_time_us": null, "decided_as": null, "same_key": null,
        }),
        correlation_id: None,
        traceparent: None,
    };
    store::outbox::append(&mut tx, &[event], NOW).await.unwrap();
    tx
}

async fn toggle(ca: &ca::Ca, serial: Serial, hold: bool) {
    let serial = serial.to_string();
    let app = ca.app();
    match hold {
        true => app.hold(&anyone(), &serial, &Commit).await.unwrap().certificate,
        false => app.release(&anyone(), &serial, &Commit).await.unwrap(),
    };
}

/// The place behind the last event that is there: what a snapshot must not give.
async fn last_event(world: &World) -> Cursor {
    let (tx, ordinal): (i64, i64) = store::read!(&world.db, |connection| {
        sqlx::query_as("SELECT tx, ordinal FROM outbox ORDER BY tx DESC, ordinal DESC LIMIT 1")
            .fetch_one(connection)
            .await
    })
    .unwrap();
    format!("{tx}-{ordinal}").parse().unwrap()
}

/// Applies all events behind that place, of which none is yet to commit.
async fn apply(world: &World, after: Cursor, mut on_hold: BTreeSet<String>) -> BTreeSet<String> {
    let place = after.to_string();
    let (tx, ordinal) = place.split_once('-').unwrap();
    let behind: i64 = store::read!(&world.db, |connection| {
        sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE (tx, ordinal) > ($1, $2)")
            .bind(tx.parse::<i64>().unwrap())
            .bind(ordinal.parse::<i64>().unwrap())
            .fetch_one(connection)
            .await
    })
    .unwrap();
    let feed = Feed::new(world.db.clone(), std::time::Duration::from_secs(1));
    let behind = usize::try_from(behind).unwrap();
    let mut events = feed.subscribe(after).take(behind);
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        match event.kind.as_str() {
            "certificate.held" => on_hold.insert(event.subject),
            "certificate.released" => on_hold.remove(&event.subject),
            other => panic!("{other}"),
        };
    }
    on_hold
}

/// Reads a snapshot, and commits in its course: as soon as its place is taken, after its first page, or at its end.
async fn read_while(world: &World, mut late: Option<Tx>, when: usize) -> (Cursor, BTreeSet<String>) {
    let request = SnapshotRevocationsRequest::default();
    let answer = world.client("ocsp").snapshot_revocations(request).await;
    let mut parts = answer.unwrap().into_inner();
    let (mut cursor, mut on_hold, mut seen) = (None, BTreeSet::new(), 0);
    while let Some(part) = parts.message().await.unwrap() {
        let last = match part.part.unwrap() {
            Part::Start(start) => {
                cursor = Some(start.cursor.parse().unwrap());
                false
            }
            Part::Entries(entries) => {
                on_hold.extend(entries.items.iter().map(|item| text(&item.serial)));
                false
            }
            Part::End(_) => true,
        };
        if (last || seen == when)
            && let Some(late) = late.take()
        {
            late.commit().await.unwrap();
        }
        seen += 1;
    }
    (cursor.unwrap(), on_hold)
}

async fn a_snapshot_and_the_feed_behind_it_are_the_state(world: World) {
    fill(&world).await;
    let mut changing = Vec::new();
    for number in 0..7 {
        changing.push((issued(&world, &format!("a{number}.example.test")).await, false));
    }
    let is_postgres = matches!(world.db.pools(), Pools::Pg(_));
    let mut lost = 0;
    for round in 0..ROUNDS {
        let mut next = |offset: usize| {
            let (serial, on_hold) = &mut changing[(round + offset) % 7];
            *on_hold = !*on_hold;
            (*serial, *on_hold)
        };
        let [(late, hold), before, beside] = [next(0), next(2), next(4)];
        let late = begin(&world, &late, hold).await;
        // Began after that one, and commits before it. On SQLite it waits for it.
        if is_postgres {
            toggle(&world.ca, before.0, before.1).await;
        }
        let of_last = last_event(&world).await;
        let ca = world.ca.clone();
        let beside = tokio::spawn(async move {
            toggle(&ca, beside.0, beside.1).await;
            if !is_postgres {
                toggle(&ca, before.0, before.1).await;
            }
        });
        let (cursor, listed) = read_while(&world, Some(late), round % 4).await;
        beside.await.unwrap();
        let state = state(&world).await;
        assert_eq!(
            apply(&world, cursor, listed.clone()).await,
            state,
            "round {round}"
        );
        lost += usize::from(apply(&world, of_last, listed).await != state);
    }
    // What commits late has a lower number than the last event.
    assert_eq!(lost > 0, is_postgres, "{lost}");
}
