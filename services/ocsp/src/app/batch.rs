//! Requests that wait at the same time share one call of another service.
//!
//! Whoever finds a free place for a call takes all that waits, so that a request alone goes at once, and a batch is as large as
//! the wait was long. Nothing ever waits for company.

use std::sync::Arc;

use kit::error::{Common, Fault};
use tokio::sync::{Semaphore, mpsc, oneshot};
use vocabulary::metric;

use crate::error::Error;

/// Requests that wait, at most.
const QUEUE: usize = 4096;
/// Calls at a time: while one is on its way, the other is worked on.
const CALLS: usize = 2;

/// A request, and who waits for its answer.
pub(super) struct Waiting<Q, A> {
    pub(super) question: Q,
    answer: oneshot::Sender<Result<A, Error>>,
}

impl<Q, A> Waiting<Q, A> {
    pub(super) fn answer(self, answer: Result<A, Error>) {
        let _gone = self.answer.send(answer);
    }
}

/// The entrance to the queue. Its task ends when it is dropped.
pub(super) struct Batches<Q, A> {
    queue: mpsc::Sender<Waiting<Q, A>>,
    depth: metrics::Gauge,
}

impl<Q: Send + 'static, A: Send + 'static> Batches<Q, A> {
    /// `call` answers up to `most` requests.
    pub(super) fn start<F, R>(name: &'static str, most: usize, call: F) -> Self
    where
        F: Fn(Vec<Waiting<Q, A>>) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(run(waiting, most, call));
        let depth = metrics::gauge!(metric::QUEUE_DEPTH, "queue" => name);
        Self { queue, depth }
    }

    /// The answer to one of them.
    ///
    /// # Errors
    /// [`Error::Busy`] at once where too many wait; what the call failed with.
    pub(super) async fn ask(&self, question: Q) -> Result<A, Error> {
        let (answer, answered) = oneshot::channel();
        self.depth
            .set((self.queue.max_capacity() - self.queue.capacity()) as f64);
        let sent = self.queue.try_send(Waiting { question, answer });
        sent.map_err(|_| Error::Busy)?;
        answered
            .await
            .map_err(|_| Error::internal("a batch was dropped before it was answered"))?
    }
}

async fn run<Q, A, F, R>(mut waiting: mpsc::Receiver<Waiting<Q, A>>, most: usize, call: F)
where
    F: Fn(Vec<Waiting<Q, A>>) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let calls = Arc::new(Semaphore::new(CALLS));
    loop {
        let Ok(place) = Arc::clone(&calls).acquire_owned().await else {
            return;
        };
        let mut batch = Vec::new();
        if waiting.recv_many(&mut batch, most).await == 0 {
            return;
        }
        let call = call(batch);
        tokio::spawn(async move {
            call.await;
            drop(place);
        });
    }
}

/// One failure for all of them.
pub(super) fn fail<Q, A>(batch: Vec<Waiting<Q, A>>, error: Error) {
    let error: Arc<dyn Fault> = Arc::new(error);
    for waiting in batch {
        waiting.answer(Err(Common::Shared(Arc::clone(&error)).into()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::future::join_all;

    use super::*;

    /// Doubles, and notes the sizes of batches. Answers nothing before `gate` opens.
    fn doubling(most: usize, gate: &Arc<Semaphore>) -> (Batches<usize, usize>, Arc<Mutex<Vec<usize>>>) {
        let sizes = Arc::<Mutex<Vec<usize>>>::default();
        let (noted, gate) = (Arc::clone(&sizes), Arc::clone(gate));
        let batches = Batches::start("test", most, move |batch: Vec<Waiting<usize, usize>>| {
            noted.lock().unwrap().push(batch.len());
            let gate = Arc::clone(&gate);
            async move {
                let _open = gate.acquire().await;
                if batch.iter().any(|waiting| waiting.question == 13) {
                    return fail(batch, Error::Busy);
                }
                for waiting in batch {
                    let answer = waiting.question * 2;
                    waiting.answer(Ok(answer));
                }
            }
        });
        (batches, sizes)
    }

    #[tokio::test]
    async fn all_that_waits_goes_together_and_each_gets_its_own_answer() {
        let gate = Arc::new(Semaphore::new(1));
        let (batches, sizes) = doubling(8, &gate);
        assert_eq!(batches.ask(1).await.unwrap(), 2);
        let answers = join_all((20..40).map(|question| batches.ask(question))).await;
        let answers: Vec<usize> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, (20..40).map(|question| question * 2).collect::<Vec<_>>());
        assert_eq!(*sizes.lock().unwrap(), [1, 8, 8, 4]);
    }

    #[tokio::test]
    async fn a_call_that_fails_fails_for_all_of_its_batch_and_for_no_other() {
        let gate = Arc::new(Semaphore::new(1));
        let (batches, _) = doubling(2, &gate);
        let answers = join_all([12, 13, 14, 15].map(|question| batches.ask(question))).await;
        let worked: Vec<bool> = answers.iter().map(Result::is_ok).collect();
        assert_eq!(worked, [false, false, true, true]);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let gate = Arc::new(Semaphore::new(0));
        let (batches, _) = doubling(1, &gate);
        let all = join_all((0..QUEUE + CALLS + 10).map(|question| batches.ask(question)));
        tokio::pin!(all);
        assert!(futures::poll!(&mut all).is_pending());
        assert!(matches!(batches.ask(1).await, Err(Error::Busy)));
    }
}
