//! The RPC `Watch`, which every service has: its events in their one order, from a cursor on, without an end.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use proto::feed::v1::{FeedEvent, WatchRequest};
use store::Db;
use store::feed::{Cursor, Event, Feed};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::error::Invalid;
use crate::grpc::to_status;

/// How often the feed looks for events that no notification announced.
const POLL: Duration = Duration::from_secs(1);

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
    /// `INVALID_ARGUMENT` for a cursor that is not one; the stream itself ends with a status where events behind the cursor
    /// were removed, or the database does not answer.
    pub fn answer(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        let after = request.into_inner().after.parse::<Cursor>();
        let after = after.map_err(|error| to_status(&Invalid::new("after", error)))?;
        let events = self
            .feed
            .subscribe(after)
            .map_ok(encode)
            .map_err(|error| to_status(&error))
            .take_until(self.stop.clone().cancelled_owned());
        Ok(Response::new(events.boxed()))
    }
}

fn encode(event: Event) -> FeedEvent {
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
