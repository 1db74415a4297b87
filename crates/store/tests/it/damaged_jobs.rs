//! Rows of jobs and items that cannot be read hide neither themselves nor others.

use std::time::Duration;

use store::jobs::{self, Item, ItemPlace, ItemState, Slice, State};
use store::{Damage, Db};
use uuid::Uuid;

use crate::jobs::{accept, all_jobs, execute};
use crate::support::{Scratch, now, on_both};

on_both!(
    an_item_whose_state_cannot_be_read_counts_and_is_listed_as_failed,
    a_job_that_cannot_be_read_is_listed_among_the_others_and_not_done,
);

async fn an_item_whose_state_cannot_be_read_counts_and_is_listed_as_failed(scratch: Scratch) {
    let db = scratch.migrated().await;
    let job = accept(&db, ("a", 0), &["0", "1", "2", "3", "4"]).await;
    let mut tx = db.begin().await.unwrap();
    let failed = (ItemState::Failed, Some("why"));
    let finished = jobs::finish_item(&mut tx, (job, &ItemPlace::Position(2)), failed, now()).await;
    assert!(finished.unwrap());
    tx.commit().await.unwrap();
    execute(
        &db,
        "UPDATE job_items SET state = 'lost' WHERE position IN (1, 4)",
    )
    .await;
    let progress = jobs::progress(&db, job).await.unwrap();
    assert_eq!((progress.pending, progress.failed), (2, 3));
    let read = async |state, behind: Option<i64>, down, rows| -> Vec<i64> {
        let behind = behind.map(ItemPlace::Position);
        let slice = Slice { behind, down, rows };
        let found = jobs::items(&db, job, state, &slice).await.unwrap();
        for item in &found {
            let lost = match item.position {
                1 | 4 => Damage::from("state"),
                _ => Damage::default(),
            };
            assert_eq!(item.damage, lost, "{item:?}");
        }
        found.iter().map(|item| item.position).collect()
    };
    assert_eq!(read(None, None, false, 10).await, [0, 1, 2, 3, 4]);
    assert_eq!(read(Some(ItemState::Failed), None, false, 2).await, [1, 2]);
    assert_eq!(read(Some(ItemState::Failed), Some(2), false, 2).await, [4]);
    assert_eq!(read(Some(ItemState::Failed), Some(4), true, 9).await, [2, 1]);
    assert_eq!(read(Some(ItemState::Pending), None, false, 10).await, [0, 3]);
    let count = async |most| {
        jobs::count_items(&db, job, Some(ItemState::Failed), most)
            .await
            .unwrap()
    };
    assert_eq!((count(10).await, count(2).await), (3, 2));
}

async fn change(db: &Db, job: Uuid, sql: &'static str) {
    let mut tx = db.begin().await.unwrap();
    let done = store::tx!(&mut tx, |c| sqlx::query(sql).bind(job).execute(c).await.map(drop));
    done.unwrap();
    tx.commit().await.unwrap();
}

/// The job is shown with these columns damaged, and not given to be done.
async fn is_shown_only(db: &Db, job: Uuid, damaged: &str) {
    let shown = jobs::as_stored(db, job).await.unwrap().unwrap();
    assert_eq!(
        (shown.state, shown.damage.to_string()),
        (State::Failed, damaged.to_owned())
    );
    assert_eq!(shown.requester, "a", "what can be read is shown");
    let apart = shown.created - now();
    assert!(
        apart < Duration::from_secs(4),
        "the id tells when it was accepted"
    );
    let refused = jobs::get(db, job).await.unwrap_err().to_string();
    assert!(refused.contains(damaged), "{refused}");
    let mut tx = db.begin().await.unwrap();
    assert!(jobs::hold(&mut tx, job).await.unwrap_err().is_of_content());
    let held = jobs::hold_as_stored(&mut tx, job).await.unwrap().unwrap();
    assert_eq!(held.damage.to_string(), damaged);
}

async fn a_job_that_cannot_be_read_is_listed_among_the_others_and_not_done(scratch: Scratch) {
    let db = scratch.migrated().await;
    let mut all = Vec::new();
    for second in 0..4 {
        all.push(accept(&db, ("a", second), &[]).await);
    }
    let damage = [
        (all[1], "UPDATE jobs SET request = '{' WHERE id = $1", "request"),
        (
            all[2],
            "UPDATE jobs SET state = 'lost', created_us = 9223372036854775807 WHERE id = $1",
            "state, created_us",
        ),
    ];
    for (job, sql, _) in damage {
        change(&db, job, sql).await;
    }
    assert_eq!(all_jobs(&db, false).await, all);
    for (job, _, damaged) in damage {
        is_shown_only(&db, job, damaged).await;
    }
    let whole = jobs::get(&db, all[0]).await.unwrap().unwrap();
    assert_eq!((whole.state, whole.damage), (State::Queued, Damage::default()));
}

/// All items in pages of two, as a client asks for them.
async fn in_pages(db: &Db, job: Uuid, state: Option<ItemState>, down: bool) -> Vec<Item> {
    let (mut all, mut behind) = (Vec::<Item>::new(), None);
    loop {
        let slice = Slice {
            behind,
            down,
            rows: 2,
        };
        let page = jobs::items(db, job, state, &slice).await.unwrap();
        behind = page.last().and_then(Item::place);
        let end = page.len() < 2;
        all.extend(page);
        assert!(all.len() <= 20, "{all:?}");
        if end {
            return all;
        }
        assert!(behind.is_some(), "{all:?}");
    }
}

/// Places that are not numbers: only SQLite keeps them.
#[tokio::test]
async fn items_without_a_readable_position_are_behind_the_others_by_object() {
    let scratch = Scratch::sqlite().await;
    let db = scratch.migrated().await;
    let objects: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    let job = accept(&db, ("a", 0), &objects).await;
    execute(
        &db,
        "UPDATE job_items SET position = 'lost ' || (20 - position) WHERE position IN (0, 2, 4, 5, 7, 8)",
    )
    .await;
    execute(
        &db,
        "UPDATE job_items SET state = 'failed' WHERE object IN ('2', '3', '5', '8')",
    )
    .await;
    let listed = async |state, down| -> Vec<String> {
        let found = in_pages(&db, job, state, down).await;
        for item in &found {
            let lost = ["0", "2", "4", "5", "7", "8"].contains(&&*item.object);
            assert_eq!(item.damage.includes("position"), lost, "{item:?}");
        }
        found.into_iter().map(|item| item.object).collect()
    };
    let up = ["1", "3", "6", "9", "0", "2", "4", "5", "7", "8"];
    let mut down = up;
    down.reverse();
    assert_eq!(listed(None, false).await, up);
    assert_eq!(listed(None, true).await, down);
    assert_eq!(listed(Some(ItemState::Failed), false).await, ["3", "2", "5", "8"]);
    assert_eq!(listed(Some(ItemState::Failed), true).await, ["8", "5", "2", "3"]);
}

#[tokio::test]
async fn an_item_without_a_readable_position_is_done_by_its_object() {
    let scratch = Scratch::sqlite().await;
    let db = scratch.migrated().await;
    let job = accept(&db, ("a", 0), &["0", "1", "2"]).await;
    execute(&db, "UPDATE job_items SET position = 'lost' WHERE position = 1").await;
    let mut tx = db.begin().await.unwrap();
    jobs::add_items(&mut tx, job, &["3".to_owned()]).await.unwrap();
    tx.commit().await.unwrap();
    let pending = jobs::pending(&db, job, 10).await.unwrap();
    let objects: Vec<_> = pending.iter().map(|item| item.object.as_str()).collect();
    assert_eq!(objects, ["0", "2", "3", "1"]);
    for item in pending {
        let mut tx = db.begin().await.unwrap();
        let done = (ItemState::Done, None);
        let place = item.place().unwrap();
        assert!(
            jobs::finish_item(&mut tx, (job, &place), done, now())
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
    }
    assert_eq!(jobs::progress(&db, job).await.unwrap().done, 4);
    // By its position it is known that one cannot be done.
    let job = accept(&db, ("a", 1), &["0"]).await;
    execute(&db, "UPDATE job_items SET object = x'00' WHERE state = 'pending'").await;
    let pending = jobs::pending(&db, job, 10).await.unwrap();
    assert_eq!(pending[0].unreadable_object(), Some(&Damage::from("object")));
    assert_eq!(pending[0].place(), Some(ItemPlace::Position(0)));
}

/// Only SQLite keeps an id that is not one.
#[tokio::test]
async fn a_job_whose_id_cannot_be_read_keeps_no_other_from_being_listed_and_forgotten() {
    let scratch = Scratch::sqlite().await;
    let db = scratch.migrated().await;
    let mut all = Vec::new();
    for second in 0..3 {
        all.push(accept(&db, ("a", second), &[]).await);
    }
    change(&db, all[1], "UPDATE jobs SET id = x'01' WHERE id = $1").await;
    assert_eq!(all_jobs(&db, false).await, [all[0], all[2]]);
    assert_eq!(jobs::without_id(&db, 10).await.unwrap(), 1);
    execute(&db, "UPDATE jobs SET ended_us = 1, state = 'done'").await;
    let most = jobs::JobBounds {
        jobs: 1,
        items: 1,
        bytes: 1,
    };
    assert_eq!(jobs::surplus(&db, "a", most).await.unwrap().len(), 1);
}
