//! The place from which a reader of state follows the feed.

use std::time::Duration;

use futures::StreamExt;
use store::feed::{Cursor, Feed, place};
use store::{Db, Pools};

use crate::support::{Scratch, append, commit_event, on_both};

on_both!(
    what_has_not_committed_is_behind_the_place,
    a_place_is_one_to_go_on_from_before_there_is_any_event,
);

fn feed(db: &Db) -> Feed {
    Feed::new(db.clone(), Duration::from_secs(1))
}

/// What is behind that place, up to the event of that subject.
async fn until(db: &Db, there: Cursor, last: &str) -> Vec<String> {
    let mut events = feed(db).subscribe(there);
    let mut subjects = Vec::new();
    while subjects.last().is_none_or(|subject| subject != last) {
        subjects.push(events.next().await.unwrap().unwrap().subject);
    }
    subjects
}

async fn what_has_not_committed_is_behind_the_place(scratch: Scratch) {
    let db = scratch.migrated().await;
    commit_event(&db, "before").await;
    let mut late = db.begin().await.unwrap();
    append(&mut late, "late").await;
    // Began after that one, and commits before it. On SQLite writers take turns.
    let several = matches!(db.pools(), Pools::Pg(_));
    if several {
        commit_event(&db, "beside").await;
    }
    let there = place(&db).await.unwrap();
    late.commit().await.unwrap();
    commit_event(&db, "after").await;
    let mut behind = until(&db, there, "after").await;
    if several {
        // What has ended is behind it only where an older transaction ran, of another test on that server.
        behind.retain(|subject| subject != "before");
        assert_eq!(behind, ["late", "beside", "after"]);
    } else {
        assert_eq!(behind, ["late", "after"]);
    }
    assert!(there <= place(&db).await.unwrap());
}

async fn a_place_is_one_to_go_on_from_before_there_is_any_event(scratch: Scratch) {
    let db = scratch.migrated().await;
    let there = place(&db).await.unwrap();
    assert_eq!(feed(&db).after(there, 10).await.unwrap(), []);
    assert_eq!(there.to_string().parse::<Cursor>(), Ok(there));
    commit_event(&db, "first").await;
    assert_eq!(until(&db, there, "first").await, ["first"]);
}
