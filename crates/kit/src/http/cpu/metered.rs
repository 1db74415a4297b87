//! The futures of a connection, which wait for their turn.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use hyper::rt::Executor;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};
use vocabulary::metric;

use super::spare::Core;
use super::{ConnectionCpu, Spent};

/// How long a poll may be kept from its core by other processes, and still be charged for it.
const PREEMPTED: Duration = Duration::from_millis(50);

thread_local! {
    /// The task that this thread polls now.
    static POLLED: Cell<Polled> = const {
        Cell::new(Polled { running: false, turn: false, lent: false })
    };
}

/// What a task and a request that is polled in it tell one another.
#[derive(Clone, Copy)]
struct Polled {
    /// Whether the task has begun what must not wait: a handshake, or a request that is not answered yet.
    running: bool,
    /// Whether the task has its turn, and has begun no request in it.
    turn: bool,
    /// Whether a request of the task runs on a core that was lent to it.
    lent: bool,
}

/// A task of a connection, polled as far as its client may use the cores. It waits before each poll, but not while a request
/// runs in it. The task of an HTTP/2 connection runs none: each stream is a task of its own.
pub(in crate::http) struct Metered<F> {
    future: Pin<Box<F>>,
    cpu: Arc<ConnectionCpu>,
    /// See [`Polled::running`].
    running: bool,
    /// Until it is its turn, where that has to be waited for.
    turn: Option<BoxFuture<'static, Turn>>,
}

impl Spent {
    /// Of a poll that used that much CPU time, and was over after `elapsed`.
    pub(super) fn in_a_poll(used: Duration, elapsed: Duration) -> Self {
        // A process that was stopped for a while holds nothing up.
        let held = elapsed.min(used + PREEMPTED);
        Self { used, held }
    }
}

impl<F> Metered<F> {
    /// A connection, which waits from its first poll on.
    pub(in crate::http) fn connection(future: F, cpu: &Arc<ConnectionCpu>) -> Self {
        Self::new(future, cpu, false)
    }

    /// What has begun: a handshake, which goes on to its end, or a stream, which goes on until its request was answered.
    pub(in crate::http) fn begun(future: F, cpu: &Arc<ConnectionCpu>) -> Self {
        Self::new(future, cpu, true)
    }

    fn new(future: F, cpu: &Arc<ConnectionCpu>, running: bool) -> Self {
        Self {
            future: Box::pin(future),
            cpu: Arc::clone(cpu),
            running,
            turn: None,
        }
    }

    /// The future itself.
    pub(in crate::http) fn inner(&mut self) -> Pin<&mut F> {
        self.future.as_mut()
    }

    /// Nothing of the connection waits for its turn any more: a process that stops does not wait for its clients.
    pub(in crate::http) fn exempt(&self) {
        self.cpu.set_exempt(true);
    }
}

impl<F: Future> Metered<F> {
    /// Polls the future, and says whether a request in it ran on a core that was lent.
    fn poll_inner(&mut self, turn: bool, context: &mut Context<'_>) -> (Poll<F::Output>, bool) {
        POLLED.set(Polled {
            running: self.running,
            turn,
            lent: false,
        });
        let polled = self.future.as_mut().poll(context);
        let Polled { running, lent, .. } = POLLED.get();
        self.running = running;
        (polled, lent)
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        if this.cpu.is_exempt() {
            this.turn = None;
            this.cpu.spare().seen(Instant::now());
            return this.poll_inner(false, context).0;
        }
        if this.turn.is_none() && !this.running && !this.cpu.may_go_on() {
            this.turn = Some(Box::pin(turn(Arc::clone(&this.cpu))));
        }
        let turn = match &mut this.turn {
            Some(turn) => Some(ready!(turn.as_mut().poll(context))),
            None => None,
        };
        this.turn = None;
        let (begun, used) = (Instant::now(), thread_time());
        if this.cpu.comes_first() {
            this.cpu.spare().seen(begun);
        }
        let (polled, of_request) = this.poll_inner(turn.is_some(), context);
        let lent = of_request || matches!(turn, Some(Turn::Lent(_)));
        let used = thread_time().saturating_sub(used);
        this.cpu.charge_for(Spent::in_a_poll(used, begun.elapsed()), lent);
        drop(turn);
        polled
    }
}

/// The begin of a request, which waits where its client has to. Requests that a client has sent one after the other follow one
/// another in one poll of their connection, which would never be between two of them.
#[derive(Default)]
pub(in crate::http) struct Begin(Option<BoxFuture<'static, Turn>>);

impl Begin {
    /// Ready when the request may be polled for the first time, while the turn is held. From now on its task does not wait,
    /// until [`answered`].
    pub(in crate::http) fn poll(
        &mut self,
        cpu: &Arc<ConnectionCpu>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Turn>> {
        let polled = POLLED.get();
        POLLED.set(Polled {
            running: true,
            turn: false,
            ..polled
        });
        if cpu.is_exempt() || (self.0.is_none() && (polled.turn || cpu.may_go_on())) {
            return Poll::Ready(None);
        }
        let wait = self.0.get_or_insert_with(|| Box::pin(turn(Arc::clone(cpu))));
        let turn = ready!(wait.as_mut().poll(context));
        self.0 = None;
        if matches!(turn, Turn::Lent(_)) {
            POLLED.set(Polled {
                lent: true,
                ..POLLED.get()
            });
        }
        Poll::Ready(Some(turn))
    }
}

/// The request of the task that is polled now has its answer: sending it may wait.
pub(in crate::http) fn answered() {
    POLLED.set(Polled {
        running: false,
        ..POLLED.get()
    });
}

/// The right to be polled once.
pub(in crate::http) enum Turn {
    /// Out of its own part.
    Own {
        _of_peer: Option<OwnedSemaphorePermit>,
        _of_all: Option<OwnedSemaphorePermit>,
    },
    /// On a core that no other client needs.
    Lent(#[expect(dead_code, reason = "held until it is dropped")] Core),
}

/// Returns when the client may begin something new.
pub(in crate::http) async fn admitted(cpu: &Arc<ConnectionCpu>) {
    if !cpu.may_go_on() {
        turn(Arc::clone(cpu)).await;
    }
}

/// On a core that no other client needs, or out of the part of the client.
async fn turn(cpu: Arc<ConnectionCpu>) -> Turn {
    let either = async {
        tokio::select! {
            biased;
            Some(core) = cpu.spare().core(&cpu.peer.line) => Turn::Lent(core),
            own = own_turn(&cpu) => own,
        }
    };
    let mut either = pin!(either);
    if let Poll::Ready(turn) = futures::poll!(either.as_mut()) {
        return turn;
    }
    // Those who only wait for one another are not held back.
    if !cpu.spare().is_idle(Instant::now()) {
        metrics::counter!(metric::CPU_WAITS_TOTAL).increment(1);
    }
    either.await
}

/// First among the connections of the client address, then among the addresses: each in the order in which they came.
async fn own_turn(cpu: &ConnectionCpu) -> Turn {
    let of_peer = Arc::clone(&cpu.peer.turn).acquire_owned().await.ok();
    wait(|| cpu.wait_for_own()).await;
    let of_all = match cpu.wait_for_all().is_zero() {
        true => None,
        false => Arc::clone(&cpu.budget.0.turn).acquire_owned().await.ok(),
    };
    wait(|| cpu.wait_for_all()).await;
    Turn::Own {
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
            false => tokio::spawn(Metered::begun(future, &self.0)),
        };
    }
}
