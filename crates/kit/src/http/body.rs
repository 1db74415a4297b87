//! A body, before and while it is read.
//!
//! The layer takes the body out of every request and puts a [`Gate`] in its place. Only the extractors of this crate
//! open it, and they do so for a caller who was [`Admitted`]: a body costs nothing before its sender is known. While it
//! is read it has a pace to keep and takes memory from a [`BodyMemory`], of which one address, one principal and
//! all unauthenticated callers together have a part.

mod memory;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};
use vocabulary::ProblemType;

use super::places::{Place, Places};
use super::quota::{Exceeded, KeyedPermit, PeerKey};
use crate::error::FAILED;
use crate::problem::Problem;
pub use memory::BodyMemory;
pub(crate) use memory::{Alone, ReservedMemory};

/// Whose request it is; in its extensions once that is known.
#[derive(Clone, Debug)]
pub(crate) enum Admitted {
    /// A principal whose credential and permission were checked.
    Principal(Arc<str>),
    /// The route is open to anybody.
    Anybody,
}

/// The slowest that a body may come: `grace`, and then `rate` bytes in each second since it began.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Time that is not counted.
    pub grace: Duration,
    /// Bytes a second.
    pub rate: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(5),
            rate: 16 * 1024,
        }
    }
}

impl Pace {
    /// How long after its begin something may take that has come this far.
    pub(crate) fn allowance(self, bytes: usize) -> Duration {
        self.grace + Duration::from_secs_f64(bytes as f64 / f64::from(self.rate.max(1)))
    }
}

/// The body of a request that waits to be read. Clones share it.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    body: Mutex<Option<Body>>,
    /// What was not read of it to its end.
    rest: Mutex<Option<Body>>,
    held: Mutex<Option<ReservedMemory>>,
    place: Mutex<Option<(KeyedPermit<Arc<str>>, Instant)>>,
    places: Places,
    request: Mutex<Option<Place>>,
    reading: AtomicBool,
    unread: AtomicBool,
    peer: PeerKey,
    memory: BodyMemory,
    limit: usize,
    pace: Pace,
    lists: bool,
}

/// How a gate is set up.
pub(super) struct Terms {
    pub(super) peer: PeerKey,
    pub(super) memory: BodyMemory,
    pub(super) places: Places,
    /// That of the request.
    pub(super) place: Place,
    pub(super) limit: usize,
    pub(super) pace: Pace,
    /// Whether the answer is a page of a list.
    pub(super) lists: bool,
}

impl Gate {
    pub(super) fn new(body: Body, terms: Terms) -> Self {
        let unread = !body.is_end_stream();
        Self(Arc::new(Inner {
            body: Mutex::new(Some(body)),
            rest: Mutex::default(),
            held: Mutex::default(),
            place: Mutex::default(),
            places: terms.places,
            request: Mutex::new(Some(terms.place)),
            reading: AtomicBool::new(false),
            unread: AtomicBool::new(unread),
            peer: terms.peer,
            memory: terms.memory,
            limit: terms.limit,
            pace: terms.pace,
            lists: terms.lists,
        }))
    }

    /// Whether the request is for a page of a list.
    pub(crate) fn lists(&self) -> bool {
        self.0.lists
    }

    /// The place of the request is that of a principal from now on.
    pub(super) fn admit(&self, principal: &Arc<str>) -> Result<(), Problem> {
        let mut place = self.0.request.lock().unwrap_or_else(PoisonError::into_inner);
        match place.as_mut() {
            Some(place) => self.0.places.admit(place, principal),
            None => Ok(()),
        }
    }

    /// Gives up the place of the request.
    pub(super) fn place(&self) -> Option<Place> {
        self.0
            .request
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Keeps a place until the request is answered.
    pub(super) fn keep(&self, place: KeyedPermit<Arc<str>>) {
        *self.0.place.lock().unwrap_or_else(PoisonError::into_inner) = Some((place, Instant::now()));
    }

    /// Gives up the place that was kept, and says since when it was.
    pub(super) fn leave(&self) -> Option<(KeyedPermit<Arc<str>>, Instant)> {
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the body is being read at this moment.
    pub(super) fn is_reading(&self) -> bool {
        self.0.reading.load(Ordering::Relaxed)
    }

    /// What was not read of the body to its end; none if it was, or if there was none.
    pub(super) fn unread(&self) -> Option<Body> {
        let take = |slot: &Mutex<Option<Body>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let rest = take(&self.0.rest).or_else(|| take(&self.0.body));
        rest.filter(|_| self.0.unread.load(Ordering::Relaxed))
    }

    /// The whole body. What it takes of the memory is given back when the request is answered.
    async fn read(&self, admitted: &Admitted) -> Result<Bytes, Problem> {
        let inner = &*self.0;
        let body = inner.body.lock().unwrap_or_else(PoisonError::into_inner).take();
        let body = body.ok_or_else(|| unreadable("the body was read already"))?;
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        // Also when the request is ended in the middle of it.
        let mut kept = Returned(Some(body), &inner.rest);
        let body = kept.0.get_or_insert_default();
        let limit = Limit::of(inner.limit, inner.memory.alone(admitted));
        // What was announced is refused before memory is held for it.
        limit.check(body.size_hint().lower())?;
        let mut held = inner.memory.open(inner.peer, admitted).map_err(full)?;
        inner.reading.store(true, Ordering::Relaxed);
        let whole = read(body, limit, inner.pace, |bytes| held.more(bytes)).await;
        inner.reading.store(false, Ordering::Relaxed);
        let whole = whole?;
        inner.unread.store(false, Ordering::Relaxed);
        *inner.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(whole)
    }
}

/// A body that is kept for whoever throws away its rest.
struct Returned<'a>(Option<Body>, &'a Mutex<Option<Body>>);

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) = self.0.take();
    }
}

/// The body of an admitted caller. Without the layer, as in tests of a service's routes alone, it is read from the request.
pub(super) async fn take(parts: &Parts, body: Body) -> Result<Bytes, Problem> {
    let Some(admitted) = parts.extensions.get::<Admitted>() else {
        tracing::error!(
            "a handler reads a body before it knows the caller: take Allow or Unauthenticated first"
        );
        return Err(Problem::new(ProblemType::Internal, FAILED));
    };
    match parts.extensions.get::<Gate>() {
        Some(gate) => gate.read(admitted).await,
        None => {
            let limit = Limit::Body(super::BODY_LIMIT);
            read(&mut { body }, limit, Pace::default(), |_| Ok(())).await
        }
    }
}

/// Most bytes of a body.
#[derive(Clone, Copy)]
enum Limit {
    /// By what the path takes.
    Body(usize),
    /// By the memory of the caller.
    Memory(Alone),
}

impl Limit {
    fn of(limit: usize, alone: Alone) -> Self {
        match alone.bytes < limit {
            true => Self::Memory(alone),
            false => Self::Body(limit),
        }
    }

    fn check(self, length: u64) -> Result<(), Problem> {
        match self {
            Self::Body(limit) if length > limit as u64 => Err(too_large(limit)),
            Self::Memory(alone) if length > alone.bytes as u64 => {
                Err(Problem::new(ProblemType::BodyTooLarge, alone.refusal("body")))
            }
            Self::Body(_) | Self::Memory(_) => Ok(()),
        }
    }
}

async fn read(
    body: &mut Body,
    limit: Limit,
    pace: Pace,
    mut memory: impl FnMut(usize) -> Result<(), Exceeded>,
) -> Result<Bytes, Problem> {
    let begun = Instant::now();
    let mut whole = BytesMut::new();
    // The time allowed is looked at again for each frame: it grows with what has come, so that a slow client may send a
    // large body, and a stalled one may not wait.
    loop {
        let frame = timeout_at(begun + pace.allowance(whole.len()), body.frame());
        let frame = match frame.await.map_err(|_late| stalled(pace))? {
            None => return Ok(whole.freeze()),
            Some(frame) => frame.map_err(|_broken| unreadable("the body could not be read to its end"))?,
        };
        let Ok(data) = frame.into_data() else { continue };
        limit.check(whole.len().saturating_add(data.len()) as u64)?;
        memory(data.len()).map_err(full)?;
        whole.extend_from_slice(&data);
    }
}

fn unreadable(detail: &'static str) -> Problem {
    Problem::new(ProblemType::InvalidRequest, detail)
}

pub(super) fn too_large(limit: usize) -> Problem {
    let detail = format!("the body is larger than the limit of {limit} bytes");
    Problem::new(ProblemType::BodyTooLarge, detail)
}

fn full(excess: Exceeded) -> Problem {
    let problem = match excess {
        Exceeded::PerKey => {
            let detail = "too many request bodies of this client are being read; finish some of them first";
            Problem::new(ProblemType::RateLimited, detail)
        }
        Exceeded::Total => {
            let detail = "too many request bodies are being read; try again";
            Problem::new(ProblemType::Unavailable, detail)
        }
    };
    problem.retry_after(Duration::from_secs(1))
}

/// RFC 9110 section 15.5.9.
pub(super) fn stalled(pace: Pace) -> Problem {
    let detail = format!(
        "the body did not arrive in time: after {} seconds it has to come at {} bytes a second",
        pace.grace.as_secs(),
        pace.rate
    );
    Problem::new(ProblemType::RequestTimeout, detail)
}

/// What a handler finds that reads the body of a request past [`take`]: an error.
pub(super) struct Closed;

impl HttpBody for Closed {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        let text = "bodies are read by the extractors of kit::http only";
        Poll::Ready(Some(Err(std::io::Error::other(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowance_grows_with_what_has_come() {
        let pace = Pace {
            grace: Duration::from_secs(5),
            rate: 1000,
        };
        assert_eq!(pace.allowance(0), Duration::from_secs(5));
        assert_eq!(pace.allowance(3000), Duration::from_secs(8));
    }
}
