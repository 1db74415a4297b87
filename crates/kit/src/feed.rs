//! The RPC `Watch`, which every service has: its events in their one order, from a cursor on, without an end; and the way
//! in which another service follows it.

mod follow;

use std::ops::RangeInclusive;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use proto::feed::v1::{FeedEvent, WatchRequest};
use store::feed::{Cursor, Event, Feed, Reading};
use store::{Db, StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

pub use self::follow::{CaughtUp, Follower, Following, follow};
use crate::error::Invalid;
use crate::grpc::to_status;

/// How often the feed looks for events that no notification announced.
const POLL: Duration = Duration::from_secs(1);

/// Heartbeats that may be asked for, in milliseconds.
const HEARTBEATS: RangeInclusive<u32> = 100..=60_000;

/// What a `Watch` answers.
pub type WatchStream = BoxStream<'static, Result<FeedEvent, Status>>;

/// A service's feed, for its RPC and for the process.
#[derive(Clone)]
pub struct Watch {
    db: Db,
    feed: Feed,
    stop: CancellationToken,
}

impl Watch {
    /// Of the events in the outbox of that database. A subscription has no end of its own: `stop` ends it, or else a drain
    /// would wait for it.
    #[must_use]
    pub fn new(db: Db, stop: CancellationToken) -> Self {
        Self {
            feed: Feed::new(db.clone(), POLL),
            db,
            stop,
        }
    }

    /// The database whose outbox it shows.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Answers the RPC.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a cursor that is not one, or a heartbeat out of its bounds; the stream itself ends with a status
    /// where events behind the cursor were removed (`OUT_OF_RANGE`), or the database does not answer.
    pub fn answer(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        let opened = Instant::now();
        let WatchRequest { after, heartbeat_ms } = request.into_inner();
        let after = after.parse::<Cursor>();
        let after = after.map_err(|error| to_status(&Invalid::new("after", error)))?;
        let heartbeat = heartbeat(heartbeat_ms).map_err(|invalid| to_status(&invalid))?;
        let events = self
            .feed
            .subscribe_to_end(after, heartbeat)
            .map_ok(move |reading| stream::iter(encode(reading, opened).map(Ok)))
            .map_err(|error| refusal(&error))
            .try_flatten()
            .take_until(self.stop.clone().cancelled_owned());
        Ok(Response::new(events.boxed()))
    }
}

fn heartbeat(ms: u32) -> Result<Option<Duration>, Invalid> {
    match ms {
        0 => Ok(None),
        ms if HEARTBEATS.contains(&ms) => Ok(Some(Duration::from_millis(ms.into()))),
        _ => Err(Invalid::new("heartbeat_ms", "takes 0 for none, or 100 to 60000")),
    }
}

/// A subscriber does not get on from its cursor by trying again: it has to know that from the code alone.
fn refusal(error: &StoreError) -> Status {
    match error {
        StoreError::Cursor { .. } => Status::out_of_range(error.to_string()),
        error => to_status(error),
    }
}

fn encode(reading: Reading, opened: Instant) -> impl Iterator<Item = FeedEvent> + Send {
    let (events, end) = match reading {
        Reading::Events(events) => (events, None),
        Reading::End { cursor, as_of } => (Vec::new(), Some(encode_heartbeat(cursor, as_of - opened))),
    };
    events.into_iter().map(encode_event).chain(end)
}

fn encode_heartbeat(cursor: Cursor, since_opened: Duration) -> FeedEvent {
    FeedEvent {
        cursor: cursor.to_string(),
        time_us: i64::try_from(since_opened.as_micros()).unwrap_or(i64::MAX),
        ..FeedEvent::default()
    }
}

fn encode_event(event: Event) -> FeedEvent {
    FeedEvent {
        cursor: event.cursor.to_string(),
        id: event.id.to_string(),
        r#type: event.event_type(),
        subject: event.subject,
        time_us: store::time::to_micros(event.time),
        data: event.data,
        traceparent: event.traceparent.unwrap_or_default(),
        correlation_id: event.correlation_id.unwrap_or_default(),
    }
}
