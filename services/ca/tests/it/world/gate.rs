//! A way to keymgr that a test opens and closes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kit::transport::Transport;
use tokio::sync::{Notify, Semaphore};
use tower::ServiceExt;

/// A way to keymgr that counts the calls, says when one comes, and lets them through one by one.
#[derive(Clone)]
pub(crate) struct Gate {
    calls: Arc<AtomicUsize>,
    asked: Arc<Notify>,
    permits: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        Self {
            calls: Arc::default(),
            asked: Arc::default(),
            permits: Arc::new(Semaphore::new(0)),
        }
    }

    pub(crate) fn before(&self, keymgr: Transport) -> Transport {
        let gate = self.clone();
        Transport::new(tower::service_fn(move |request| {
            let (gate, keymgr) = (gate.clone(), keymgr.clone());
            async move {
                gate.calls.fetch_add(1, Ordering::SeqCst);
                gate.asked.notify_one();
                gate.permits.acquire().await.unwrap().forget();
                keymgr.oneshot(request).await
            }
        }))
    }

    /// Lets this many calls through.
    pub(crate) fn let_through(&self, calls: usize) {
        self.permits.add_permits(calls);
    }

    /// Lets all calls of a test through.
    pub(crate) fn open(&self) {
        self.let_through(1000);
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Returns once it was asked that often.
    pub(crate) async fn called(&self, times: usize) {
        while self.calls() < times {
            self.asked.notified().await;
        }
    }
}
