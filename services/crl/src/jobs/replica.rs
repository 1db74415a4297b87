//! The entries as a replica of what ca has: a snapshot, then its feed.

use std::time::{Duration, Instant};

use kit::feed::{CaughtUp, Follower};
use proto::feed::v1::FeedEvent;
use store::feed::Cursor;
use store::feed::cursors::Step;
use store::lease::Lease;

use crate::app::{App, Told};
use crate::error::Error;

/// Time after which a place in the feed is stored that nothing else has to be stored with: after a restart these events are read again.
const PLACE_KEPT: Duration = Duration::from_secs(30);

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
        }
    }

    async fn keep(&mut self, to: Cursor, told: &Told) -> Result<(), Error> {
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
        let told = Told::read(&events)?;
        if told.unclear {
            self.lost = true;
            return Err(Error::internal(
                "an event of an earlier version of ca does not name the CRL; a snapshot is taken",
            ));
        }
        if !told.is_nothing() || self.kept.elapsed() > PLACE_KEPT {
            self.keep(to, &told).await?;
        }
        self.read = Some(to);
        if told.issuers {
            self.app.learn_issuers(&self.lease).await?;
        }
        Ok(())
    }

    async fn caught_up(&mut self, _: CaughtUp) -> Result<(), Error> {
        match self.app.place().await? {
            Some(_) => Ok(()),
            // The clock was ahead, and certificates were taken for expired that are not.
            None => {
                self.lost = true;
                Err(Error::internal("entries may be missing; a snapshot is taken"))
            }
        }
    }

    async fn lost(&mut self) -> Result<(), Error> {
        self.lost = true;
        Ok(())
    }
}
