//! Many at once, in one process and in two.

use std::collections::{BTreeMap, BTreeSet};

use ca::{Error, Issued};
use keys::SoftwareKey;
use testkit::database::TestDatabase;
use testkit::on_both_databases;

use crate::world::{World, anyone, issue_all, key, server};

on_both_databases!(
    concurrent_requests_get_distinct_serials_and_count_each_key_without_a_gap,
    a_serial_number_that_exists_is_refused_by_the_database,
);

fn distinct(answers: Vec<Result<Issued, Error>>) -> BTreeSet<String> {
    answers
        .into_iter()
        .map(|answer| answer.unwrap().serial.to_string())
        .collect()
}

/// How often each key was used; each count goes from 0 up by one.
async fn uses_without_a_gap(world: &World) -> Vec<usize> {
    let mut by_key: BTreeMap<Vec<u8>, Vec<i64>> = BTreeMap::new();
    for (spki, key_use) in world.key_uses().await {
        by_key.entry(spki).or_default().push(key_use);
    }
    let mut uses = Vec::new();
    for counted in by_key.values() {
        let expected: Vec<i64> = (0..).take(counted.len()).collect();
        assert_eq!(*counted, expected);
        uses.push(counted.len());
    }
    uses.sort_unstable();
    uses
}

async fn concurrent_requests_get_distinct_serials_and_count_each_key_without_a_gap(world: World) {
    let shared = [key(), key()];
    let requests = (0..200).map(|number| {
        let own: SoftwareKey;
        let key = match number % 4 {
            0 => &shared[0],
            1 => &shared[1],
            _ => {
                own = key();
                &own
            }
        };
        let request = server(key, &format!("n{number}.example.test"));
        (world.ca.clone(), anyone(), request)
    });
    let requests: Vec<_> = requests.collect();
    assert_eq!(distinct(issue_all(requests).await).len(), 200);
    let uses = uses_without_a_gap(&world).await;
    assert_eq!(uses.len(), 102);
    assert_eq!(uses[100..], [50, 50]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_certify_one_key_at_the_same_time() {
    let world = World::on(TestDatabase::postgresql().await.unwrap()).await;
    let replicas = [world.ca.clone(), world.replica().await];
    let key = key();
    let request = server(&key, "a.example.test");
    for round in 1..=20_usize {
        let requests = replicas
            .iter()
            .flat_map(|replica| (0..4).map(|_| (replica.clone(), anyone(), request.clone())));
        let requests: Vec<_> = requests.collect();
        assert_eq!(distinct(issue_all(requests).await).len(), 8);
        assert_eq!(uses_without_a_gap(&world).await, [8 * round]);
    }
}

async fn a_serial_number_that_exists_is_refused_by_the_database(world: World) {
    let there = world.issue(server(&key(), "a.example.test")).await;
    let copy = async |serial: &[u8]| -> Result<(), sqlx::Error> {
        let mut tx = world.db.begin().await.unwrap();
        let done = store::tx!(tx, |connection| {
            sqlx::query(
                "INSERT INTO certificates (id, serial, ca, profile, subject, sans, requester, protocol, issued_at,
                     not_before, not_after, spki_sha256, key_use, fingerprint_sha256, der)
                 SELECT $1, $2, 'services', profile, subject, sans, requester, protocol, issued_at,
                     not_before, not_after, spki_sha256, 1, fingerprint_sha256, der FROM certificates",
            )
            .bind(uuid::Uuid::from_u128(7))
            .bind(serial.to_vec())
            .execute(connection)
            .await
            .map(drop)
        });
        match done {
            Ok(()) => tx.rollback().await.unwrap(),
            Err(_) => drop(tx),
        }
        done
    };
    let refused = copy(there.serial.as_bytes()).await.unwrap_err();
    assert!(
        refused.as_database_error().unwrap().is_unique_violation(),
        "{refused}"
    );
    // It was the serial number and nothing else.
    copy(&[0x55; 16]).await.unwrap();
}
