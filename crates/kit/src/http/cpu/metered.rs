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
use tokio::time::sleep;

use super::ConnectionCpu;

/// Where a future is made to wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Never,
    WhileNoRequestRuns,
}

/// A future of a connection, polled as far as its client may use the cores.
pub(in crate::http) struct Metered<F> {
    future: Pin<Box<F>>,
    cpu: Arc<ConnectionCpu>,
    waits: Waits,
    /// Until it is its turn, where that has to be waited for.
    turn: Option<BoxFuture<'static, Turn>>,
}

impl<F> Metered<F> {
    /// A connection, which waits between requests.
    pub(in crate::http) fn between_requests(future: F, cpu: &Arc<ConnectionCpu>) -> Self {
        Self::new(future, cpu, Waits::WhileNoRequestRuns)
    }

    /// What goes on once it was begun, and only its time counts: a handshake, a request.
    pub(in crate::http) fn counted(future: F, cpu: &Arc<ConnectionCpu>) -> Self {
        Self::new(future, cpu, Waits::Never)
    }

    fn new(future: F, cpu: &Arc<ConnectionCpu>, waits: Waits) -> Self {
        Self {
            future: Box::pin(future),
            cpu: Arc::clone(cpu),
            waits,
            turn: None,
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
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        if this.cpu.is_exempt() {
            this.turn = None;
            return this.future.as_mut().poll(context);
        }
        let may_wait = this.waits == Waits::WhileNoRequestRuns && !this.cpu.is_running();
        if this.turn.is_none() && may_wait && !this.cpu.may_go_on() {
            this.turn = Some(Box::pin(turn(Arc::clone(&this.cpu))));
        }
        let turn = match &mut this.turn {
            Some(turn) => Some(ready!(turn.as_mut().poll(context))),
            None => None,
        };
        this.turn = None;
        let begun = thread_time();
        let polled = this.future.as_mut().poll(context);
        this.cpu.charge(thread_time().saturating_sub(begun));
        drop(turn);
        polled
    }
}

/// The right to be polled once.
struct Turn {
    _of_peer: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

/// Returns when the client may begin something new.
pub(in crate::http) async fn admitted(cpu: &Arc<ConnectionCpu>) {
    if !cpu.may_go_on() {
        turn(Arc::clone(cpu)).await;
    }
}

/// First among the connections of the client address, then among the addresses: each in the order in which they came.
async fn turn(cpu: Arc<ConnectionCpu>) -> Turn {
    let of_peer = Arc::clone(&cpu.peer.turn).acquire_owned().await.ok();
    wait(|| cpu.wait_for_own()).await;
    let of_all = match cpu.wait_for_all().is_zero() {
        true => None,
        false => Arc::clone(&cpu.budget.0.turn).acquire_owned().await.ok(),
    };
    wait(|| cpu.wait_for_all()).await;
    Turn {
        _of_peer: of_peer,
        _of_all: of_all,
    }
}

async fn wait(how_long: impl Fn() -> Duration) {
    loop {
        match how_long() {
            Duration::ZERO => return,
            time => sleep(time).await,
        }
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
            false => tokio::spawn(Metered::counted(future, &self.0)),
        };
    }
}
