//! Following the feed of another service: connect, hand over what arrives, and connect again.
//!
//! The follower keeps its place itself: in its database, in the transaction of the effects, or in memory beside them. It is
//! asked for it at each connection. Heartbeats tell it that it has seen everything up to an instant of its own clock, so that
//! it knows how old its state can be at most, also where the network held back what was sent.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use proto::feed::v1::{FeedEvent, WatchRequest};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Response, Status, Streaming};

use crate::error::chain;
use crate::retry::Retry;

/// First and longest pause before the next connection.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Events that are handed over at once, at most.
const BATCH: usize = 500;
/// A stream is opened again after this time: how far the clocks of two machines have come apart is never more than they do in
/// it, which is less than a third of a second at the 500 ppm by which a clock is slewed at most.
const OPEN: Duration = Duration::from_secs(600);
/// Heartbeats of silence after which the connection is given up, and the least time for it. Silence is not a fault where a
/// transaction holds the feed back.
const SILENT: u32 = 10;
const LEAST_SILENCE: Duration = Duration::from_secs(10);
/// Openings that took longer than a heartbeat, one after the other, until one is taken as it is.
const SLOW_OPENINGS: u32 = 3;

/// What becomes of the events of a feed.
pub trait Follower: Send {
    /// Why something could not be done now. It is tried again after a pause.
    type Error: std::error::Error + Send;

    /// The place from which to go on: the cursor of the last event whose effects are kept. Without one, the follower takes a
    /// snapshot first, and answers the cursor that belongs to it. Asked at each connection.
    fn place(&mut self) -> impl Future<Output = Result<String, Self::Error>> + Send;

    /// The next events, in the order of the feed, at least one. They may have been seen before.
    fn events(&mut self, events: Vec<FeedEvent>) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Nothing more had been committed at an instant.
    fn caught_up(&mut self, at: CaughtUp) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The feed cannot go on from the place that was given: what followed was removed, or the database of the service was
    /// restored from a backup. The next [`place`](Self::place) has to be that of a new snapshot.
    fn lost(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// All events that were committed before `as_of` have been handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaughtUp {
    /// The place of the last of them.
    pub cursor: String,
    /// By the clock of this process, and not later than it was.
    pub as_of: Instant,
}

/// Whose feed, and how often it is to say that there is nothing.
#[derive(Clone, Copy, Debug)]
pub struct Following {
    /// The service, for the log.
    pub service: &'static str,
    /// 100 ms to a minute.
    pub heartbeat: Duration,
}

/// Follows a feed until `stop`. `watch` opens the stream: the RPC `Watch` of a generated client.
pub async fn follow<F, W, R>(following: Following, mut watch: W, follower: &mut F, stop: CancellationToken)
where
    F: Follower,
    W: FnMut(WatchRequest) -> R + Send,
    R: Future<Output = Result<Response<Streaming<FeedEvent>>, Status>> + Send,
{
    let mut connection = Connection::new(following);
    let follow = async {
        loop {
            let ended = connection.run(&mut watch, follower).await;
            connection.pause(ended).await;
        }
    };
    stop.run_until_cancelled(follow).await;
}

/// Why a connection ended.
enum ConnectionEnd<E> {
    /// Its time was over, or what it told was old.
    Renewed,
    /// The service stopped, or the network broke.
    Broke(Status),
    /// No message for so long.
    Silent(Duration),
    /// The cursor is not one of this feed any more.
    Lost(Status),
    /// The follower could not do it.
    Failed(E),
}

impl<E> From<E> for ConnectionEnd<E> {
    fn from(error: E) -> Self {
        Self::Failed(error)
    }
}

struct Connection {
    following: Following,
    retry: Retry,
}

impl Connection {
    fn new(following: Following) -> Self {
        Self {
            following,
            retry: Retry::new(format!("feed of {}", following.service), (PAUSE, LONGEST_PAUSE)),
        }
    }

    async fn run<F, W, R>(&mut self, watch: &mut W, follower: &mut F) -> ConnectionEnd<F::Error>
    where
        F: Follower,
        W: FnMut(WatchRequest) -> R + Send,
        R: Future<Output = Result<Response<Streaming<FeedEvent>>, Status>> + Send,
    {
        match self.follow(watch, follower).await {
            Ok(()) => ConnectionEnd::Renewed,
            Err(ConnectionEnd::Lost(status)) => match follower.lost().await {
                Ok(()) => ConnectionEnd::Lost(status),
                Err(error) => ConnectionEnd::Failed(error),
            },
            Err(ended) => ended,
        }
    }

    async fn follow<F, W, R>(
        &mut self,
        watch: &mut W,
        follower: &mut F,
    ) -> Result<(), ConnectionEnd<F::Error>>
    where
        F: Follower,
        W: FnMut(WatchRequest) -> R + Send,
        R: Future<Output = Result<Response<Streaming<FeedEvent>>, Status>> + Send,
    {
        let after = follower.place().await?;
        let (opened, stream) = self.open(watch, after).await?;
        let mut messages = stream.ready_chunks(BATCH);
        let silence = (self.following.heartbeat * SILENT).max(LEAST_SILENCE);
        while opened.elapsed() < OPEN {
            let chunk = timeout(silence, messages.next()).await;
            let chunk = chunk.map_err(|_elapsed| ConnectionEnd::Silent(silence))?;
            let chunk = chunk.ok_or_else(|| ConnectionEnd::Broke(Status::unavailable("the stream ended")))?;
            let read = ReceivedBatch::of(chunk);
            self.hand_over(read.events, follower).await?;
            if let Some(heartbeat) = read.heartbeat {
                let late = self.caught_up(heartbeat, opened, follower).await?;
                if late {
                    return Ok(());
                }
            }
            if let Some(status) = read.end {
                return Err(ended(status));
            }
        }
        Ok(())
    }

    /// The stream, and an instant before the one from which the service counts. The longer the opening took, the older
    /// everything looks that the stream tells; by the second time the connection is there.
    async fn open<W, R, E>(
        &self,
        watch: &mut W,
        after: String,
    ) -> Result<(Instant, Streaming<FeedEvent>), ConnectionEnd<E>>
    where
        W: FnMut(WatchRequest) -> R + Send,
        R: Future<Output = Result<Response<Streaming<FeedEvent>>, Status>> + Send,
    {
        let heartbeat = self.following.heartbeat;
        let mut slow = 0;
        loop {
            let opened = Instant::now();
            let request = WatchRequest {
                after: after.clone(),
                heartbeat_ms: u32::try_from(heartbeat.as_millis()).unwrap_or(u32::MAX),
            };
            let stream = watch(request).await.map_err(ended)?.into_inner();
            if opened.elapsed() <= heartbeat || slow == SLOW_OPENINGS {
                return Ok((opened, stream));
            }
            slow += 1;
        }
    }

    async fn hand_over<F: Follower>(
        &mut self,
        events: Vec<FeedEvent>,
        follower: &mut F,
    ) -> Result<(), ConnectionEnd<F::Error>> {
        if events.is_empty() {
            return Ok(());
        }
        follower.events(events).await?;
        self.retry.works();
        Ok(())
    }

    /// Tells the follower; whether it came so late that a new stream is the faster way to the present.
    async fn caught_up<F: Follower>(
        &mut self,
        heartbeat: FeedEvent,
        opened: Instant,
        follower: &mut F,
    ) -> Result<bool, ConnectionEnd<F::Error>> {
        let since_opened = Duration::from_micros(u64::try_from(heartbeat.time_us).unwrap_or(0));
        let received = Instant::now();
        // The other clock may be a little faster.
        let as_of = opened
            .checked_add(since_opened)
            .map_or(received, |as_of| as_of.min(received));
        let cursor = heartbeat.cursor;
        follower.caught_up(CaughtUp { cursor, as_of }).await?;
        self.retry.works();
        Ok(received - as_of > self.following.heartbeat * SILENT)
    }

    async fn pause<E: std::error::Error>(&mut self, ended: ConnectionEnd<E>) {
        let cause = match ended {
            ConnectionEnd::Renewed => return,
            ConnectionEnd::Lost(status) => {
                tracing::warn!(
                    feed = self.following.service,
                    cause = status.message(),
                    "feed cannot be continued; a new snapshot is taken"
                );
                return sleep(PAUSE).await;
            }
            ConnectionEnd::Broke(status) => chain(&status),
            ConnectionEnd::Silent(time) => format!("no message for {} s", time.as_secs()),
            ConnectionEnd::Failed(error) => chain(&error),
        };
        // The first failure may be a restart.
        let pause = match self.retry.lasts() {
            true => self.retry.failed_by(cause),
            false => self.retry.later(),
        };
        sleep(pause).await;
    }
}

fn ended<E>(status: Status) -> ConnectionEnd<E> {
    match status.code() {
        Code::OutOfRange => ConnectionEnd::Lost(status),
        _ => ConnectionEnd::Broke(status),
    }
}

/// What was received at once: events, then the last heartbeat behind all of them, then the end of the stream.
struct ReceivedBatch {
    events: Vec<FeedEvent>,
    heartbeat: Option<FeedEvent>,
    end: Option<Status>,
}

impl ReceivedBatch {
    fn of(messages: Vec<Result<FeedEvent, Status>>) -> Self {
        let mut read = Self {
            events: Vec::with_capacity(messages.len()),
            heartbeat: None,
            end: None,
        };
        for message in messages {
            match message {
                Ok(event) if event.id.is_empty() => read.heartbeat = Some(event),
                Ok(event) => {
                    // What a heartbeat says is true behind later events too, but its place is that of the last one.
                    if let Some(heartbeat) = &mut read.heartbeat {
                        heartbeat.cursor.clone_from(&event.cursor);
                    }
                    read.events.push(event);
                }
                Err(status) => read.end = Some(status),
            }
        }
        read
    }
}
