//! The futures of a connection, which wait for their turn.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use hyper::rt::Executor;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use super::ConnectionCpu;

/// A future of a connection, polled as far as its client may use the cores.
pub(in crate::http) struct Metered<F> {
    future: Pin<Box<F>>,
    cpu: Arc<ConnectionCpu>,
    turn: Turn,
}

enum Turn {
    /// It has to be waited for, if at all.
    None,
    Queued(BoxFuture<'static, Option<OwnedSemaphorePermit>>),
    /// It is kept while it is slept, and until the poll is over.
    Taken {
        until: Pin<Box<Sleep>>,
        _permit: Option<OwnedSemaphorePermit>,
    },
}

impl<F> Metered<F> {
    pub(in crate::http) fn new(future: F, cpu: &Arc<ConnectionCpu>) -> Self {
        Self {
            future: Box::pin(future),
            cpu: Arc::clone(cpu),
            turn: Turn::None,
        }
    }

    /// The future itself.
    pub(in crate::http) fn inner(&mut self) -> Pin<&mut F> {
        self.future.as_mut()
    }

    /// Nothing of the connection waits for its turn any more: a process that stops does not wait for its clients.
    pub(in crate::http) fn exempt(&self) {
        self.cpu.exempt.store(true, Ordering::Release);
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.turn {
                Turn::None if self.cpu.wait().is_zero() => return Poll::Ready(()),
                Turn::None => {
                    let queue = Arc::clone(&self.cpu.peer.turn);
                    self.turn = Turn::Queued(Box::pin(async move { queue.acquire_owned().await.ok() }));
                }
                Turn::Queued(permit) => {
                    let permit = ready!(permit.as_mut().poll(context));
                    self.turn = Turn::Taken {
                        until: Box::pin(sleep(self.cpu.wait())),
                        _permit: permit,
                    };
                }
                Turn::Taken { until, .. } => {
                    ready!(until.as_mut().poll(context));
                    match self.cpu.wait() {
                        wait if wait.is_zero() => return Poll::Ready(()),
                        wait => until.as_mut().reset(Instant::now() + wait),
                    }
                }
            }
        }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        if this.cpu.is_exempt() {
            this.turn = Turn::None;
            return this.future.as_mut().poll(context);
        }
        ready!(this.poll_turn(context));
        let begun = thread_time();
        let polled = this.future.as_mut().poll(context);
        this.cpu.charge(thread_time().saturating_sub(begun));
        this.turn = Turn::None;
        polled
    }
}

/// CPU time of this thread.
fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Runs the requests of an HTTP/2 connection, each a task of its own.
#[derive(Clone)]
pub(in crate::http) struct MeteredExecutor(pub(in crate::http) Arc<ConnectionCpu>);

impl<F> Executor<F> for MeteredExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        match self.0.is_exempt() {
            true => tokio::spawn(future),
            false => tokio::spawn(Metered::new(future, &self.0)),
        };
    }
}
