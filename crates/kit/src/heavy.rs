//! Work that takes seconds of a core, such as making an RSA key, kept away from everything else.
//!
//! It runs on threads of its own at the lowest scheduling priority, at most one at a time per two cores, so that requests
//! that take microseconds do not wait for it. The queue is bounded, for each caller and in all; callers take turns. Work
//! whose caller has gone away is not begun.

use std::collections::{HashMap, VecDeque};
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// The lowest priority of a thread: it gets what the others leave.
const LOWEST: i32 = 19;
/// Jobs that run or wait, of one caller and in all. A job takes up to some seconds, and a request waits for thirty.
const EACH: usize = 8;
const ALL: usize = 16;

/// Why a job was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeavyError {
    /// The queue of the caller or of all is full.
    #[error("too much expensive work is waiting; try again")]
    Full,
    /// The job panicked, or no thread could be started.
    #[error("a background job stopped before it was done")]
    Stopped,
}

impl HeavyError {
    /// When it makes sense to try again.
    pub const RETRY_AFTER: Duration = Duration::from_secs(5);
}

/// The threads and their queue. Clones share them.
#[derive(Clone)]
pub struct HeavyWork(Arc<Pool>);

struct Pool {
    each: usize,
    all: usize,
    most_threads: usize,
    state: Mutex<State>,
    wake: Condvar,
}

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    /// Waiting jobs of each caller, oldest first.
    queues: HashMap<String, VecDeque<Job>>,
    /// Callers with waiting jobs, in the order of their turns.
    turns: VecDeque<String>,
    /// Jobs that run or wait, by caller.
    present: HashMap<String, usize>,
    threads: usize,
    idle: usize,
}

impl Default for HeavyWork {
    fn default() -> Self {
        Self::with_bounds(EACH, ALL)
    }
}

impl HeavyWork {
    /// At most `each` jobs of one caller and `all` together, running and waiting.
    #[must_use]
    pub fn with_bounds(each: usize, all: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Pool {
            each,
            all,
            // Half of the cores stay with what callers wait for; a machine of one core still gets its work done.
            most_threads: (cores / 2).max(1),
            state: Mutex::default(),
            wake: Condvar::new(),
        }))
    }

    /// Does `job` for `caller` on one of the threads.
    ///
    /// # Errors
    /// [`HeavyError::Full`] at once, [`HeavyError::Stopped`] if the job panics.
    pub async fn run<T: Send + 'static>(
        &self,
        caller: &str,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HeavyError> {
        let (sender, receiver) = oneshot::channel();
        let job = move || {
            if !sender.is_closed() {
                // Its caller may go away while it runs.
                let _nobody_waits = sender.send(job());
            }
        };
        self.0.queue(caller, Box::new(job))?;
        Pool::staff(&self.0)?;
        receiver.await.map_err(|_| HeavyError::Stopped)
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, caller: &str, job: Job) -> Result<(), HeavyError> {
        let mut state = self.state();
        let own = state.present.get(caller).copied().unwrap_or_default();
        if own >= self.each || state.present.values().sum::<usize>() >= self.all {
            return Err(HeavyError::Full);
        }
        state.present.insert(caller.to_owned(), own + 1);
        let queue = state.queues.entry(caller.to_owned()).or_default();
        queue.push_back(job);
        if queue.len() == 1 {
            state.turns.push_back(caller.to_owned());
        }
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Starts a thread if all are busy and there may be another.
    fn staff(self: &Arc<Self>) -> Result<(), HeavyError> {
        let mut state = self.state();
        let waiting: usize = state.queues.values().map(VecDeque::len).sum();
        // An idle thread may have been woken for another job and not be up yet.
        if waiting <= state.idle || state.threads >= self.most_threads {
            return Ok(());
        }
        state.threads += 1;
        let pool = Arc::clone(self);
        let started = thread::Builder::new()
            .name("heavy".to_owned())
            .spawn(move || pool.work());
        if let Err(error) = started {
            state.threads -= 1;
            tracing::error!(%error, "no thread for expensive work could be started");
            // With no thread at all the job would wait forever.
            if state.threads == 0 {
                *state = State::default();
                return Err(HeavyError::Stopped);
            }
        }
        Ok(())
    }

    /// Threads stay: they cost little, and the process ends without waiting for them.
    fn work(&self) {
        // On Linux this is the priority of the calling thread, not of the process. The call adds to the value that the
        // process was started with, and stops at the lowest.
        if let Err(error) = rustix::process::nice(2 * LOWEST) {
            tracing::warn!(%error, "expensive work could not be given the lowest priority");
        }
        loop {
            let (caller, job) = self.next();
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            if done.is_err() {
                tracing::error!("a background job panicked");
            }
            let mut state = self.state();
            if let Some(present) = state.present.get_mut(&caller) {
                *present -= 1;
                if *present == 0 {
                    state.present.remove(&caller);
                }
            }
        }
    }

    fn next(&self) -> (String, Job) {
        let mut state = self.state();
        // Another thread may have taken the job before this one wakes.
        loop {
            if let Some(next) = state.take() {
                return next;
            }
            state.idle += 1;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

impl State {
    /// The oldest job of the caller whose turn it is.
    fn take(&mut self) -> Option<(String, Job)> {
        let caller = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&caller)?;
        let job = queue.pop_front()?;
        if queue.is_empty() {
            self.queues.remove(&caller);
        } else {
            self.turns.push_back(caller.clone());
        }
        Some((caller, job))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// One thread that is busy until the sender is dropped.
    async fn busy(work: &HeavyWork) -> mpsc::Sender<()> {
        let (hold, held) = mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let work = work.clone();
        tokio::spawn(async move {
            work.run("busy", move || {
                begun.send(()).unwrap();
                let _until_dropped = held.recv();
            })
            .await
        });
        begins.await.unwrap();
        hold
    }

    fn one_thread(each: usize, all: usize) -> HeavyWork {
        let HeavyWork(pool) = HeavyWork::with_bounds(each, all);
        let pool = Arc::into_inner(pool).unwrap();
        HeavyWork(Arc::new(Pool {
            most_threads: 1,
            ..pool
        }))
    }

    #[tokio::test]
    async fn work_runs_at_the_lowest_priority_and_the_rest_does_not() {
        let priority = || rustix::process::nice(0).unwrap();
        let before = priority();
        assert_eq!(HeavyWork::default().run("a", priority).await, Ok(LOWEST));
        assert_eq!(priority(), before);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_leaves_room_for_others() {
        let work = one_thread(2, 4);
        let hold = busy(&work).await;
        let wait = |caller: &'static str| {
            let work = work.clone();
            tokio::spawn(async move { work.run(caller, move || caller).await })
        };
        let (first, second) = (wait("a"), wait("a"));
        while work.0.state().present.get("a") != Some(&2) {
            tokio::task::yield_now().await;
        }
        assert_eq!(work.run("a", || "a").await, Err(HeavyError::Full));
        let other = wait("b");
        while work.0.state().present.get("b") != Some(&1) {
            tokio::task::yield_now().await;
        }
        assert_eq!(work.run("c", || "c").await, Err(HeavyError::Full), "in all");
        drop(hold);
        for done in [first, second, other] {
            assert!(done.await.unwrap().is_ok());
        }
    }

    #[tokio::test]
    async fn callers_take_turns_and_work_that_nobody_waits_for_is_not_begun() {
        let work = one_thread(8, 16);
        let hold = busy(&work).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for caller in ["a", "a", "a", "b", "gone"] {
            let (work, log) = (work.clone(), Arc::clone(&order));
            let job = move || log.lock().unwrap().push(caller);
            waiting.push(tokio::spawn(async move { work.run(caller, job).await }));
            // The test has one thread: the task has queued its job when this one goes on.
            tokio::task::yield_now().await;
        }
        waiting.pop().unwrap().abort();
        tokio::task::yield_now().await;
        drop(hold);
        for done in waiting {
            done.await.unwrap().unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["a", "b", "a", "a"]);
    }

    #[tokio::test]
    async fn a_panic_ends_its_job_only() {
        let work = one_thread(1, 1);
        let panics = || panic!("asked for");
        assert_eq!(work.run("a", panics).await, Err(HeavyError::Stopped));
        for _ in 0..1000 {
            if work.run("a", || 7).await == Ok(7) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("the place was not given back");
    }
}
