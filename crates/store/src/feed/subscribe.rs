//! Following a feed: read, and wait for more.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{BATCH, Cursor, Event, Feed};
use crate::StoreError;

/// First and longest pause while events wait for an older transaction to end, which nothing signals.
const HELD_BACK_PAUSE: Duration = Duration::from_millis(2);
const HELD_BACK_MOST: Duration = Duration::from_millis(100);

impl Feed {
    /// The events that follow a cursor, and then those to come. Never ends.
    ///
    /// An error does not end the stream either: the next item is read from the same place, after the error's
    /// [`retry_after`](StoreError::retry_after). [`StoreError::Cursor`] comes again until the caller drops the
    /// stream.
    pub fn subscribe(&self, cursor: Cursor) -> impl Stream<Item = Result<Event, StoreError>> + Send + use<> {
        self.subscribe_batches(cursor).flat_map(|batch| match batch {
            Ok(events) => stream::iter(events.into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(error)]),
        })
    }

    /// Like [`subscribe`](Self::subscribe), in batches as they are read (never empty), for subscribers that handle
    /// many events in one transaction.
    pub fn subscribe_batches(
        &self,
        cursor: Cursor,
    ) -> impl Stream<Item = Result<Vec<Event>, StoreError>> + Send + use<> {
        let reader = Reader {
            feed: self.clone(),
            woken: self.db.signal().listen(),
            cursor,
            pause: HELD_BACK_PAUSE,
            retry: None,
        };
        stream::unfold(
            reader,
            |mut reader| async move { Some((reader.next().await, reader)) },
        )
        .boxed()
    }
}

struct Reader {
    feed: Feed,
    woken: watch::Receiver<()>,
    cursor: Cursor,
    pause: Duration,
    retry: Option<Duration>,
}

impl Reader {
    async fn next(&mut self) -> Result<Vec<Event>, StoreError> {
        if let Some(pause) = self.retry.take() {
            tokio::time::sleep(pause).await;
        }
        loop {
            // before the read: a commit during it then ends the wait at once
            self.woken.mark_unchanged();
            let batch = self.feed.read(self.cursor, BATCH).await.inspect_err(|error| {
                self.retry = Some(error.retry_after().unwrap_or(self.feed.poll));
            })?;
            if let Some(last) = batch.events.last() {
                self.cursor = last.cursor;
                self.pause = HELD_BACK_PAUSE;
                return Ok(batch.events);
            }
            self.wait(batch.held_back).await;
        }
    }

    async fn wait(&mut self, held_back: bool) {
        let longest = if held_back {
            self.pause.min(self.feed.poll)
        } else {
            self.feed.poll
        };
        self.pause = if held_back {
            (self.pause * 2).min(HELD_BACK_MOST)
        } else {
            HELD_BACK_PAUSE
        };
        // elapsed or woken, the next step is the same; the sender lives as long as our database handle
        let _ = timeout(longest, self.woken.changed()).await;
    }
}
