//! The answers of one connection that the client has not taken yet.
//!
//! A socket that is full is noticed by [`super::flow::Flow`]. An HTTP/2 client can also keep its socket empty and its
//! window shut: then an answer waits inside of the connection, and only here is it seen.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

use super::body::Pace;
use super::flow::Patience;

/// Most bytes that are handed over at a time: what is handed over is no longer counted.
const PIECE: usize = 32 * 1024;

/// What runs on a connection.
#[derive(Debug)]
pub(super) struct Outstanding {
    begun: Instant,
    pace: Pace,
    running: AtomicUsize,
    /// Milliseconds after `begun` at which the last request ended.
    ended: AtomicU64,
    answers: Mutex<Vec<Arc<Turn>>>,
}

/// Whose turn it is with one answer.
#[derive(Debug, Default)]
struct Turn {
    /// Milliseconds after the begin of the connection until which the client has to take something; 0 when it is our turn.
    until: AtomicU64,
    over: AtomicBool,
}

impl Outstanding {
    pub(super) fn new(pace: Pace) -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            pace,
            running: AtomicUsize::new(0),
            ended: AtomicU64::new(0),
            answers: Mutex::default(),
        })
    }

    fn milliseconds(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.begun).as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    /// How long the connection has been without a request.
    pub(super) fn idle(&self, now: Instant) -> Duration {
        let now = self.milliseconds(now);
        match self.is_busy() {
            true => Duration::ZERO,
            false => Duration::from_millis(now.saturating_sub(self.ended.load(Ordering::Relaxed))),
        }
    }

    /// Whether the client lets an answer wait too long.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        let now = self.milliseconds(now);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|turn| !turn.over.load(Ordering::Relaxed));
        answers
            .iter()
            .map(|turn| turn.until.load(Ordering::Relaxed))
            .any(|until| until != 0 && until < now)
    }
}

/// A request that runs, until it is dropped.
#[derive(Debug)]
pub(super) struct Running(Arc<Outstanding>);

impl Running {
    pub(super) fn begin(on: &Arc<Outstanding>) -> Self {
        on.running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(on))
    }

    /// The answer of the request. `windowed` where the client's window decides how much is taken; else the socket does, and
    /// [`super::flow::Flow`] watches that.
    pub(super) fn answer(self, body: Body, windowed: bool) -> Answer {
        let turn = Arc::new(Turn::default());
        let mut answers = self.0.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push(Arc::clone(&turn));
        drop(answers);
        Answer {
            body,
            windowed,
            rest: Bytes::new(),
            given: 0,
            patience: Patience::new(self.0.pace),
            turn,
            running: self,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let now = self.0.milliseconds(Instant::now());
        self.0.ended.store(now, Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer that notes whose turn it is.
pub(super) struct Answer {
    body: Body,
    windowed: bool,
    rest: Bytes,
    given: usize,
    patience: Patience,
    turn: Arc<Turn>,
    running: Running,
}

impl Answer {
    /// The next piece of what the body gave. hyper takes a whole frame at once, however large, into its buffer (HTTP/1.1)
    /// or as soon as the window is not quite shut (HTTP/2), and lets go of the body with the last one. So the last byte
    /// comes alone: it waits until nearly all others were taken.
    fn piece(&mut self) -> Option<Bytes> {
        let length = match self.rest.len() {
            0 => return None,
            1 => 1,
            most => (most - 1).min(PIECE),
        };
        Some(self.rest.split_to(length))
    }

    fn give(&mut self, bytes: usize) {
        self.given = bytes;
        if !self.windowed {
            return;
        }
        // 0 says that it is our turn.
        let until = self
            .running
            .0
            .milliseconds(self.patience.wait(Instant::now()))
            .max(1);
        self.turn.until.store(until, Ordering::Relaxed);
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        this.patience.moved(Instant::now(), this.given);
        this.turn.until.store(0, Ordering::Relaxed);
        if let Some(piece) = this.piece() {
            this.give(piece.len());
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let frame = match std::task::ready!(Pin::new(&mut this.body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            end => return Poll::Ready(end),
        };
        let frame = match frame.into_data() {
            Ok(data) if !data.is_empty() => {
                this.rest = data;
                Frame::data(this.piece().unwrap_or_default())
            }
            Ok(data) => Frame::data(data),
            Err(other) => other,
        };
        this.give(frame.data_ref().map_or(0, Bytes::len));
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.turn.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn pace() -> Pace {
        Pace {
            grace: Duration::from_secs(10),
            rate: 1000,
        }
    }

    fn later(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn pieces_are_the_whole_answer() {
        let outstanding = Outstanding::new(pace());
        for length in [0, 1, 2, PIECE, PIECE + 1, PIECE + 2, 3 * PIECE] {
            let bytes = vec![7; length];
            let answer = Running::begin(&outstanding).answer(Body::from(bytes.clone()), true);
            assert_eq!(answer.size_hint().exact(), Some(length as u64));
            assert_eq!(answer.collect().await.unwrap().to_bytes(), bytes);
        }
        assert!(!outstanding.is_busy() && !outstanding.is_stalled(later(60)));
    }

    #[tokio::test]
    async fn an_answer_that_is_not_taken_is_noticed() {
        let outstanding = Outstanding::new(pace());
        let mut answer = Running::begin(&outstanding).answer(Body::from(vec![7; 100]), true);
        assert!(!outstanding.is_stalled(later(60)), "it was not asked for yet");
        answer.frame().await.unwrap().unwrap();
        assert!(!outstanding.is_stalled(later(9)));
        assert!(outstanding.is_stalled(later(11)));
        assert_eq!(outstanding.idle(later(11)), Duration::ZERO);
        drop(answer);
        assert!(!outstanding.is_stalled(later(60)));
        assert!(outstanding.idle(later(11)) > Duration::from_secs(10));
    }
}
