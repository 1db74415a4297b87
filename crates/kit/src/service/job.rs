//! Background work of a service.

use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use store::Db;
use store::lease::Lease;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::leader::{Leader, Turn};
use crate::error::chain;
use crate::retry::Retry;

/// Work that goes on until the process stops. It ends by itself soon after its token is canceled.
pub struct Job {
    name: &'static str,
    work: Work,
}

type Round = Box<dyn FnMut() -> BoxFuture<'static, Result<(), RoundError>> + Send>;

/// Why one round of periodic work failed.
pub(super) type RoundError = Box<dyn std::error::Error + Send + Sync>;

enum Work {
    /// Decides itself when to do what.
    Task(Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>),
    /// One round after the other, in one of the processes that run the service.
    Leader { every: Duration, leader: Leader },
    /// One round after the other, in every process that runs the service.
    Each {
        every: Duration,
        round: Round,
        last: Last,
    },
}

/// What becomes of work that is due when the process stops.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The next process does it.
    Left,
    /// It is in the memory of this process: one more round.
    Done,
}

impl Job {
    /// Work with a rhythm of its own. `run` gets the token that says when to end.
    pub fn task<F, R>(name: &'static str, run: F) -> Self
    where
        F: FnOnce(CancellationToken) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let run = move |stop| run(stop).boxed();
        Self {
            name,
            work: Work::Task(Box::new(run)),
        }
    }

    /// Periodic work that every process does for itself, such as writing down what it counted: the first round at once, the
    /// next `every` after one began. A round that fails is logged, once for each problem, and the next comes in its time. One that is under way when
    /// the process stops is left at its next `await`, unless it is done [at the end](Self::and_at_the_end) too.
    pub fn each<F, R, E>(name: &'static str, every: Duration, round: F) -> Self
    where
        F: FnMut() -> R + Send + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        Self {
            name,
            work: Work::Each {
                every,
                round: boxed(round),
                last: Last::Left,
            },
        }
    }

    /// Periodic work on what replicas share, such as removing old rows: one of all that share `db` does it, once in `every`.
    /// Its effects hold the lease in their transactions ([`Lease::hold`]), so that a process that is late changes nothing. A
    /// round that fails is logged, and may be tried again by any of them at its next tick. One that is under way when the process
    /// stops is left at its next `await`, so what it does goes into transactions, piece by piece.
    pub fn leader<F, R, E>(name: &'static str, every: Duration, db: Db, round: F) -> Self
    where
        F: FnMut(Lease) -> R + Send + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let leader = Leader::new(db, round);
        Self {
            name,
            work: Work::Leader { every, leader },
        }
    }

    /// One more round when the process stops: for what only its memory holds.
    #[must_use]
    pub fn and_at_the_end(mut self) -> Self {
        if let Work::Each { last, .. } = &mut self.work {
            *last = Last::Done;
        }
        self
    }

    /// Runs it to its end.
    pub async fn run(self, stop: CancellationToken) {
        let mut log = Retry::of_rounds(self.name);
        match self.work {
            Work::Task(run) => run(stop).await,
            Work::Leader { every, mut leader } => {
                let mut due = Rounds::every(every, stop.clone());
                while due.next().await {
                    match leader.round(self.name, every, &stop).await {
                        // Of the round of another process this one knows nothing.
                        Ok(Turn::Other) => {}
                        Ok(Turn::Own) => report(&mut log, Ok(())),
                        Err(error) => report(&mut log, Err(error)),
                    }
                }
            }
            Work::Each {
                every,
                mut round,
                last,
            } => {
                let mut due = Rounds::every(every, stop.clone());
                while due.next().await {
                    match last {
                        Last::Left => {
                            if let Some(round) = stop.run_until_cancelled(round()).await {
                                report(&mut log, round);
                            }
                        }
                        // What it took out of memory is written or put back.
                        Last::Done => report(&mut log, round().await),
                    }
                }
                if last == Last::Done {
                    report(&mut log, round().await);
                }
            }
        }
    }
}

/// When periodic work is due.
struct Rounds {
    timer: Interval,
    stop: CancellationToken,
}

impl Rounds {
    fn every(every: Duration, stop: CancellationToken) -> Self {
        let mut timer = interval(every);
        // A round that took long is not made up for by several at once.
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { timer, stop }
    }

    /// Waits for the next round; false when the process stops.
    async fn next(&mut self) -> bool {
        self.stop.run_until_cancelled(self.timer.tick()).await.is_some()
    }
}

fn boxed<F, R, E>(mut round: F) -> Round
where
    F: FnMut() -> R + Send + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    Box::new(move || round().map(|done| done.map_err(RoundError::from)).boxed())
}

/// Once for each problem, however many rounds it lasts.
fn report(log: &mut Retry, round: Result<(), RoundError>) {
    match round {
        Ok(()) => log.works(),
        Err(error) => {
            let _the_next_round_has_its_time = log.failed_by(chain(error.as_ref()));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::*;

    /// A round that tells of itself and fails.
    fn failing(told: UnboundedSender<()>) -> impl FnMut() -> std::future::Ready<std::io::Result<()>> {
        move || {
            let _nobody_listens = told.send(());
            std::future::ready(Err(std::io::Error::other("no disk")))
        }
    }

    async fn count(rounds: &mut UnboundedReceiver<()>, wanted: usize) -> usize {
        let mut seen = 0;
        while seen < wanted && rounds.recv().await.is_some() {
            seen += 1;
        }
        seen
    }

    #[tokio::test]
    async fn a_round_that_fails_is_followed_by_the_next() {
        let (told, mut rounds) = unbounded_channel();
        let stop = CancellationToken::new();
        let job = Job::each("test", Duration::from_millis(1), failing(told));
        let running = tokio::spawn(job.run(stop.clone()));
        assert_eq!(count(&mut rounds, 3).await, 3);
        stop.cancel();
        running.await.unwrap();
    }

    #[tokio::test]
    async fn a_problem_that_lasts_is_logged_once_and_so_is_its_end() {
        let (told, mut rounds) = unbounded_channel();
        let (log, _logging) = testkit::logs::begin();
        let (stop, mut round) = (CancellationToken::new(), 0);
        let fails_at_first = move || {
            round += 1;
            let _nobody_listens = told.send(());
            std::future::ready(match round {
                1..4 => Err(std::io::Error::other("no disk")),
                _ => Ok(()),
            })
        };
        let job = Job::each("old keys", Duration::from_millis(1), fails_at_first);
        let running = tokio::spawn(job.run(stop.clone()));
        assert_eq!(count(&mut rounds, 6).await, 6);
        stop.cancel();
        running.await.unwrap();
        assert_eq!(log.of("old keys").len(), 2, "{:?}", log.of("old keys"));
        assert!(log.of("old keys")[0].contains("no disk"));
        assert!(log.of("old keys")[1].contains("succeeds again"));
    }

    #[tokio::test]
    async fn a_stop_waits_for_no_round_but_one_that_writes_what_is_in_memory() {
        for in_memory in [false, true] {
            let (begun, mut rounds) = unbounded_channel();
            let (go_on, ended) = (CancellationToken::new(), CancellationToken::new());
            let long = {
                let (go_on, ended) = (go_on.clone(), ended.clone());
                move || {
                    let (begun, go_on, ended) = (begun.clone(), go_on.clone(), ended.clone());
                    async move {
                        let _nobody_listens = begun.send(());
                        go_on.cancelled().await;
                        ended.cancel();
                        Ok::<_, std::io::Error>(())
                    }
                }
            };
            let job = Job::each("test", Duration::from_secs(3600), long);
            let job = if in_memory { job.and_at_the_end() } else { job };
            let stop = CancellationToken::new();
            let running = tokio::spawn(job.run(stop.clone()));
            assert_eq!(count(&mut rounds, 1).await, 1);
            stop.cancel();
            if in_memory {
                go_on.cancel();
            }
            running.await.unwrap();
            assert_eq!(ended.is_cancelled(), in_memory);
        }
    }

    #[tokio::test]
    async fn what_is_in_memory_is_written_at_the_end_and_nothing_else() {
        const NEVER: Duration = Duration::from_secs(3600);
        for (job, wanted) in [(false, 1), (true, 2)] {
            let (told, mut rounds) = unbounded_channel();
            let stop = CancellationToken::new();
            let work = Job::each("test", NEVER, failing(told));
            let work = if job { work.and_at_the_end() } else { work };
            let running = tokio::spawn(work.run(stop.clone()));
            assert_eq!(count(&mut rounds, 1).await, 1);
            stop.cancel();
            running.await.unwrap();
            assert_eq!(1 + count(&mut rounds, 2).await, wanted);
        }
    }
}
