//! The rest of a request body that no handler wants, over HTTP/2.
//!
//! An answer may be sent before the body was read: 401, 413, 429. If the body is let go then, the stream is reset, and
//! clients (curl among them) report the reset in place of the answer, although RFC 9113 section 8.1 forbids it. So the rest is
//! read and thrown away beside the answer, within bounds; beyond them the stream is reset after all. For HTTP/1.1 the
//! connection does the same when it closes: see [`super::linger`].

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::quota::{PeerKey, Quotas};

/// Most bytes of one body that are thrown away.
const LONGEST: usize = 4 * 1024 * 1024;
/// How long the other side may take to send them, or to notice the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bodies at a time, of one client address and of all.
const EACH: usize = 16;
const ALL: usize = 512;

/// Who reads what is left.
#[derive(Clone, Debug)]
pub(super) struct Unread(Arc<Quotas<PeerKey>>);

impl Unread {
    pub(super) fn new() -> Self {
        Self(Quotas::new(EACH, ALL))
    }

    /// Reads the rest of a body in the background, if this peer may have that.
    pub(super) fn drain(&self, peer: PeerKey, body: Body) {
        let (Ok(place), Ok(runtime)) = (self.0.take(&peer, 1), Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            let _drained_or_out_of_patience = timeout(PATIENCE, discard(body)).await;
            drop(place);
        });
    }
}

async fn discard(mut body: Body) {
    let mut left = LONGEST;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio_util::sync::CancellationToken;

    use super::*;

    /// A body without an end; counts what is taken of it.
    fn endless(taken: &Arc<AtomicUsize>) -> Body {
        let taken = Arc::clone(taken);
        Body::from_stream(futures::stream::repeat_with(move || {
            taken.fetch_add(64 * 1024, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from_static(&[0; 64 * 1024]))
        }))
    }

    #[tokio::test]
    async fn no_more_than_the_bound_is_read() {
        let taken = Arc::new(AtomicUsize::new(0));
        discard(endless(&taken)).await;
        let taken = taken.load(Ordering::Relaxed);
        assert!((LONGEST..=LONGEST + 64 * 1024).contains(&taken), "{taken}");
    }

    #[tokio::test]
    async fn one_peer_has_so_many_places_and_gets_them_back() {
        let (unread, end) = (Unread::new(), CancellationToken::new());
        let stuck = || {
            let end = end.clone();
            Body::from_stream(futures::stream::once(async move {
                end.cancelled_owned().await;
                std::io::Result::Ok(Bytes::new())
            }))
        };
        for _ in 0..2 * EACH {
            unread.drain(PeerKey::default(), stuck());
        }
        assert!(unread.0.take(&PeerKey::default(), 1).is_err());
        end.cancel();
        while unread.0.take(&PeerKey::default(), EACH).is_err() {
            tokio::task::yield_now().await;
        }
    }
}
