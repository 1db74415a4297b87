//! The entries as a replica of what ca has: a snapshot, then its feed.

use std::time::{Duration, Instant};

use kit::error::chain;
use kit::feed::{CaughtUp, Follower};
use proto::feed::v1::FeedEvent;
use store::feed::Cursor;
use store::feed::cursors::Step;
use store::lease::Lease;
use time::OffsetDateTime;

use crate::app::{App, FeedChanges};
use crate::error::Error;

/// Time after which a place in the feed is stored that nothing else has to be stored with: after a restart these events are read again.
const PLACE_KEPT: Duration = Duration::from_secs(30);

/// How often it is stored that nothing was left to tell.
const NOTED: time::Duration = time::Duration::seconds(10);

pub(super) struct Replica {
    app: App,
    lease: Lease,
    /// As it is stored.
    stored: Cursor,
    /// Events up to here were read.
    read: Option<Cursor>,
    /// Only a snapshot tells what is revoked.
    lost: bool,
    kept: Instant,
    /// As it is stored.
    caught_up: Option<OffsetDateTime>,
}

impl Replica {
    pub(super) fn new(app: App, lease: Lease) -> Self {
        Self {
            app,
            lease,
            stored: Cursor::START,
            read: None,
            lost: false,
            kept: Instant::now(),
            caught_up: None,
        }
    }

    async fn keep(&mut self, to: Cursor, told: &FeedChanges) -> Result<(), Error> {
        let from = self.stored;
        self.app.apply(&self.lease, Step { from, to }, told).await?;
        self.stored = to;
        self.kept = Instant::now();
        Ok(())
    }
}

impl Follower for Replica {
    type Error = Error;

    async fn place(&mut self) -> Result<String, Error> {
        self.app.learn_issuers(&self.lease).await?;
        if let (Some(read), false) = (self.read, self.lost) {
            return Ok(read.to_string());
        }
        let place = match self.lost {
            false => self.app.place().await?,
            true => None,
        };
        let place = match place {
            Some(place) => place,
            None => self.app.take_snapshot(&self.lease).await?,
        };
        self.lost = false;
        self.stored = place;
        self.read = Some(place);
        Ok(place.to_string())
    }

    async fn events(&mut self, events: Vec<FeedEvent>) -> Result<(), Error> {
        let Some(last) = events.last() else { return Ok(()) };
        let to = last.cursor.parse::<Cursor>();
        let to = to.map_err(|error| Error::internal(format!("ca sent a cursor: {error}")))?;
        let told = match FeedChanges::read(&events) {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(cause = chain(&error), "a snapshot of revocations is taken");
                self.lost = true;
                return Err(error);
            }
        };
        if !told.is_nothing() || self.kept.elapsed() > PLACE_KEPT {
            self.keep(to, &told).await?;
        }
        self.read = Some(to);
        if told.issuers {
            self.app.learn_issuers(&self.lease).await?;
        }
        Ok(())
    }

    async fn caught_up(&mut self, at: CaughtUp) -> Result<(), Error> {
        if self.app.place().await?.is_none() {
            // The clock was ahead, and certificates were taken for expired that are not.
            self.lost = true;
            return Err(Error::internal("entries may be missing; a snapshot is taken"));
        }
        let at = self.app.clock.now() - at.as_of.elapsed();
        let since = self.caught_up.map(|before| at - before);
        // A clock that was set back is noted at once.
        if since.is_some_and(|since| since >= time::Duration::ZERO && since < NOTED) {
            return Ok(());
        }
        self.app.caught_up(&self.lease, at).await?;
        self.caught_up = Some(at);
        Ok(())
    }

    async fn lost(&mut self) -> Result<(), Error> {
        self.lost = true;
        Ok(())
    }
}
