//! Following a feed: read, and wait for more.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::{BATCH, Cursor, Event, Feed};
use crate::StoreError;

/// First and longest pause while events wait for an older transaction to end, which nothing signals.
const HELD_BACK_PAUSE: Duration = Duration::from_millis(2);
const HELD_BACK_MOST: Duration = Duration::from_millis(100);

/// What a reader of a feed finds, in the order of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The next events, at least one.
    Events(Vec<Event>),
    /// All events that were committed before an instant have been read.
    End {
        /// The place of the last event that was read.
        cursor: Cursor,
        /// The instant: when the read began that found no more.
        as_of: Instant,
    },
}

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
        self.subscribe_to_end(cursor, None).filter_map(|reading| {
            std::future::ready(match reading {
                Ok(Reading::Events(events)) => Some(Ok(events)),
                Ok(Reading::End { .. }) => None,
                Err(error) => Some(Err(error)),
            })
        })
    }

    /// Like [`subscribe_batches`](Self::subscribe_batches), and says when the end of the feed was reached: after the
    /// events that lead there, and every `heartbeat` while there are none. It does not say so while events that are
    /// committed wait for an older transaction, however long that takes.
    pub fn subscribe_to_end(
        &self,
        cursor: Cursor,
        heartbeat: Option<Duration>,
    ) -> impl Stream<Item = Result<Reading, StoreError>> + Send + use<> {
        let reader = Reader {
            feed: self.clone(),
            woken: self.db.signal().listen(),
            cursor,
            pause: HELD_BACK_PAUSE,
            retry: None,
            heartbeat,
            last_end: None,
            ready: VecDeque::new(),
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
    heartbeat: Option<Duration>,
    /// The end that was told last.
    last_end: Option<Instant>,
    /// What was read and not told yet.
    ready: VecDeque<Reading>,
}

impl Reader {
    async fn next(&mut self) -> Result<Reading, StoreError> {
        if let Some(pause) = self.retry.take() {
            tokio::time::sleep(pause).await;
        }
        loop {
            if let Some(reading) = self.ready.pop_front() {
                return Ok(reading);
            }
            // before the read: a commit during it then ends the wait at once
            self.woken.mark_unchanged();
            let began = Instant::now();
            let batch = self.feed.read(self.cursor, BATCH).await.inspect_err(|error| {
                self.retry = Some(error.retry_after().unwrap_or(self.feed.poll));
            })?;
            let found = !batch.events.is_empty();
            if let Some(last) = batch.events.last() {
                self.cursor = last.cursor;
                self.pause = HELD_BACK_PAUSE;
                self.ready.push_back(Reading::Events(batch.events));
            }
            if batch.at_end && self.tells_end(began, found) {
                self.last_end = Some(began);
                self.ready.push_back(Reading::End {
                    cursor: self.cursor,
                    as_of: began,
                });
            }
            if self.ready.is_empty() {
                self.wait(began, batch.held_back).await;
            }
        }
    }

    /// A read that found nothing, because it was woken for nothing, tells it only when a heartbeat is due.
    fn tells_end(&self, began: Instant, found: bool) -> bool {
        let Some(heartbeat) = self.heartbeat else {
            return false;
        };
        found || self.last_end.is_none_or(|last| began >= last + heartbeat)
    }

    async fn wait(&mut self, began: Instant, held_back: bool) {
        let until = if held_back {
            let pause = self.pause.min(self.feed.poll);
            self.pause = (self.pause * 2).min(HELD_BACK_MOST);
            Instant::now() + pause
        } else {
            self.pause = HELD_BACK_PAUSE;
            let poll = began + self.feed.poll;
            let heartbeat = self.heartbeat.zip(self.last_end);
            heartbeat.map_or(poll, |(every, last)| poll.min(last + every))
        };
        // elapsed or woken, the next step is the same; the sender lives as long as our database handle
        let _ = timeout_at(until, self.woken.changed()).await;
    }
}
