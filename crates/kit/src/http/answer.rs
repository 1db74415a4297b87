//! Memory of answers that wait to be read.
//!
//! An answer of a page is a megabyte that stays in memory until the client has read it. What one client may leave unread
//! is bounded; further pages are refused until it has read some.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::quota::{Exceeded, PeerKey, Quotas, Reservation};
use crate::error::Kind;
use crate::problem::Problem;

/// Answers below this many bytes are not counted.
const SMALL: u64 = 32 * 1024;

/// Bytes that the large answers of a listener may take until they are read.
#[derive(Clone, Debug)]
pub struct AnswerMemory(Arc<Quotas<PeerKey>>);

impl AnswerMemory {
    /// `all` bytes, of which one address has at most `each`.
    #[must_use]
    pub fn new(all: usize, each: usize) -> Self {
        Self(Quotas::new(each, all))
    }

    /// The answer, counted until it is read, or the refusal of it. Not for an answer to a request that changed something.
    pub(super) fn hold(&self, peer: PeerKey, response: Response) -> Response {
        let size = response.body().size_hint().lower();
        if size < SMALL {
            return response;
        }
        match self.0.take(&peer, usize::try_from(size).unwrap_or(usize::MAX)) {
            Ok(memory) => response.map(|body| {
                Body::new(Held {
                    body,
                    _memory: memory,
                })
            }),
            Err(excess) => refusal(excess).into_response(),
        }
    }
}

fn refusal(excess: Exceeded) -> Problem {
    let problem = match excess {
        Exceeded::PerKey => {
            let detail = "too much of earlier answers was not read by this client yet; read them first";
            Problem::new(Kind::RateLimited, "rate-limited", detail)
        }
        Exceeded::Total => {
            let detail = "too many large answers are being read; try again";
            Problem::new(Kind::Unavailable, "unavailable", detail)
        }
    };
    problem.retry_after(Duration::from_secs(1))
}

struct Held {
    body: Body,
    _memory: Reservation<PeerKey>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
