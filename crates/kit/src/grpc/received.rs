//! Messages while they are received over the network: each keeps a pace and takes memory from what the listener has for
//! them, of which one address and one service have a part.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;
use tonic::body::Body;

use crate::http::body::{Admitted, Held};
use crate::http::{BodyMemory, Connection, Pace};
use crate::peer::Peer;

/// The memory that a call holds; given back when the call is answered.
pub(super) type Holding = Option<Arc<Mutex<Held>>>;

/// The request with its messages counted. Calls in process are not: their messages are in memory already.
pub(super) fn counted(request: Request<Body>) -> Result<(Request<Body>, Holding), Status> {
    let extensions = request.extensions();
    let (Some(memory), Some(connection)) = (extensions.get::<BodyMemory>(), extensions.get::<Connection>())
    else {
        return Ok((request, None));
    };
    let name = extensions.get().and_then(Peer::name).unwrap_or_default();
    let admitted = Admitted::Principal(Arc::from(format!("service:{name}")));
    let held = memory
        .open(connection.peer(), &admitted)
        .map_err(|_excess| full())?;
    let held = Arc::new(Mutex::new(held));
    let holding = Some(Arc::clone(&held));
    let counted = request.map(|body| {
        Body::new(Received {
            body,
            held,
            pace: Pace::default(),
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
    held: Arc<Mutex<Held>>,
    pace: Pace,
    length: usize,
    begun: Instant,
    late: Option<Pin<Box<Sleep>>>,
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
            let end = this.begun + this.pace.allowance(this.length);
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
            this.length += bytes;
            let mut held = this.held.lock().unwrap_or_else(PoisonError::into_inner);
            if held.more(bytes).is_err() {
                return Poll::Ready(Some(Err(full())));
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
