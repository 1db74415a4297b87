//! Messages while they are received over the network: each keeps a pace and takes memory from what the listener has for
//! them, of which one address and one service have a part. Of a stream of messages one is in memory at a time.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;
use tonic::body::Body;

use super::MAX_MESSAGE;
use super::deadline::Requests;
use crate::http::body::{Admitted, Alone, ReservedMemory};
use crate::http::{BodyMemory, Connection, Pace};
use crate::peer::Peer;

/// The memory that a call holds; given back when the call is answered.
pub(super) type Holding = Option<Arc<Mutex<ReservedMemory>>>;

/// Time that a stream of requests may be silent, besides what its pace gives it.
const STREAM_GRACE: Duration = Duration::from_secs(30);

/// The request with its messages counted. Calls in process are not: their messages are in memory already.
pub(super) fn counted(
    request: Request<Body>,
    requests: Requests,
) -> Result<(Request<Body>, Holding), Status> {
    let extensions = request.extensions();
    let (Some(memory), Some(connection)) = (extensions.get::<BodyMemory>(), extensions.get::<Connection>())
    else {
        return Ok((request, None));
    };
    let name = extensions.get().and_then(Peer::name).unwrap_or_default();
    let admitted = Admitted::Principal(Arc::from(format!("service:{name}")));
    let alone = memory.alone(&admitted);
    let held = memory
        .open(connection.peer(), &admitted)
        .map_err(|_excess| full())?;
    let held = Arc::new(Mutex::new(held));
    let holding = Some(Arc::clone(&held));
    let counted = request.map(|body| {
        Body::new(Received {
            body,
            held,
            alone,
            requests,
            length: 0,
            begun: Instant::now(),
            late: None,
        })
    });
    Ok((counted, holding))
}

fn full() -> Status {
    Status::resource_exhausted("too many messages are being received; try again")
}

struct Received {
    body: Body,
    held: Arc<Mutex<ReservedMemory>>,
    alone: Alone,
    requests: Requests,
    length: usize,
    begun: Instant,
    late: Option<Pin<Box<Sleep>>>,
}

impl Received {
    /// When the next frame is late.
    fn end(&self) -> Instant {
        let pace = match self.requests {
            Requests::One => Pace::default(),
            // Its sender may have to make what comes next.
            Requests::Stream => Pace {
                grace: STREAM_GRACE,
                ..Pace::default()
            },
        };
        self.begun + pace.allowance(self.length)
    }

    /// Counts a frame. Of a stream no more than a message is kept that is not whole yet, and the memory for that is held to its
    /// end.
    fn count(&mut self, bytes: usize) -> Result<(), Status> {
        let before = self.length;
        self.length = before.saturating_add(bytes);
        let most = match self.requests {
            Requests::One => usize::MAX,
            Requests::Stream => MAX_MESSAGE,
        };
        if self.length.min(most) > self.alone.bytes {
            return Err(Status::resource_exhausted(self.alone.refusal("message")));
        }
        let more = self.length.min(most) - before.min(most);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.more(more).map_err(|_excess| full())
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            let end = this.end();
            let late = this.late.get_or_insert_with(|| Box::pin(sleep_until(end)));
            let text = "the message did not arrive in time";
            return late
                .as_mut()
                .poll(context)
                .map(|()| Some(Err(Status::deadline_exceeded(text))));
        };
        this.late = None;
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            if let Err(full) = this.count(bytes) {
                return Poll::Ready(Some(Err(full)));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
