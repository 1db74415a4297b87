//! Requests that wait at the same time share one call of another service.
//!
//! Whoever finds a free place for a call takes all that waits, as far as one call takes it, so that a request alone goes at once, and
//! a batch is as large as the wait was long. Nothing ever waits for company.

use std::collections::BTreeMap;
use std::sync::Arc;

use kit::error::{Common, Fault};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use vocabulary::metric;

use crate::error::Error;

/// Requests that wait, at most. A request has one place, whatever it asks: a client that asks about many certificates at once takes
/// no places from the others, and a listener lets one address have far fewer requests at a time.
const QUEUE: usize = 4096;
/// Calls at a time: while one is on its way, the other is worked on.
const CALLS: usize = 2;
/// Most octets of questions in a call. gRPC takes `kit::grpc::MAX_MESSAGE`, 4 MiB, with all that is around them.
const MOST_OCTETS: usize = 2 * 1024 * 1024;

/// What is asked for one request, and who waits for the answers.
struct Waiting<K, Q, A> {
    /// Questions of one call have the same key.
    key: K,
    questions: Vec<Q>,
    answer: oneshot::Sender<Result<Vec<A>, Error>>,
}

/// What one call takes.
#[derive(Clone, Copy)]
pub(super) struct Bounds<Q> {
    /// Most questions.
    pub(super) questions: usize,
    /// How many octets a question has in a call.
    pub(super) octets: fn(&Q) -> usize,
}

impl<Q> Bounds<Q> {
    fn octets_of<K, A>(&self, waiting: &Waiting<K, Q, A>) -> usize {
        waiting.questions.iter().map(self.octets).sum()
    }
}

/// The entrance to the queue. Its task ends when it is dropped.
pub(super) struct Batches<K, Q, A> {
    queue: mpsc::Sender<Waiting<K, Q, A>>,
    depth: metrics::Gauge,
}

impl<K, Q, A> Batches<K, Q, A>
where
    K: Ord + Send + Sync + 'static,
    Q: Send + Sync + 'static,
    A: Send + 'static,
{
    /// `call` answers questions of one key, in their order. `queue` is the name of the queue in metrics, `service` who is called.
    pub(super) fn start<F, R>(
        (queue, service): (&'static str, &'static str),
        bounds: Bounds<Q>,
        call: F,
    ) -> Self
    where
        F: Fn(&K, &[&Q]) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<A>, Error>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let waiting = Queue {
            receiver,
            left: None,
            bounds,
        };
        tokio::spawn(run(waiting, Arc::new(Calls { service, call })));
        let depth = metrics::gauge!(metric::QUEUE_DEPTH, "queue" => queue);
        Self { queue: sender, depth }
    }

    /// The answers to the questions of one request, in their order.
    ///
    /// # Errors
    /// [`Error::Busy`] at once where too many requests wait; what a call failed with.
    pub(super) async fn ask(&self, key: K, questions: Vec<Q>) -> Result<Vec<A>, Error> {
        let (answer, answered) = oneshot::channel();
        self.depth
            .set((self.queue.max_capacity() - self.queue.capacity()) as f64);
        let waiting = Waiting {
            key,
            questions,
            answer,
        };
        self.queue.try_send(waiting).map_err(|_| Error::Busy)?;
        answered
            .await
            .map_err(|_| Error::internal("a batch was dropped before it was answered"))?
    }
}

/// The other end of the queue.
struct Queue<K, Q, A> {
    receiver: mpsc::Receiver<Waiting<K, Q, A>>,
    /// It did not fit into the last batch.
    left: Option<Waiting<K, Q, A>>,
    bounds: Bounds<Q>,
}

impl<K, Q, A> Queue<K, Q, A> {
    /// Waits for a request, and takes those that wait behind it as long as one call takes all of them. `None` once there will be none.
    async fn next(&mut self) -> Option<Vec<Waiting<K, Q, A>>> {
        let first = match self.left.take() {
            Some(left) => left,
            None => self.receiver.recv().await?,
        };
        let (mut questions, mut octets) = (first.questions.len(), self.bounds.octets_of(&first));
        let mut batch = vec![first];
        while let Ok(next) = self.receiver.try_recv() {
            questions += next.questions.len();
            octets += self.bounds.octets_of(&next);
            if questions > self.bounds.questions || octets > MOST_OCTETS {
                self.left = Some(next);
                break;
            }
            batch.push(next);
        }
        Some(batch)
    }
}

async fn run<K, Q, A, F, R>(mut waiting: Queue<K, Q, A>, calls: Arc<Calls<F>>)
where
    K: Ord + Send + Sync + 'static,
    Q: Send + Sync + 'static,
    A: Send + 'static,
    F: Fn(&K, &[&Q]) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Vec<A>, Error>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(CALLS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Some(batch) = waiting.next().await else {
            return;
        };
        let calls = Arc::clone(&calls);
        tokio::spawn(async move {
            let mut by_key = BTreeMap::<_, Vec<_>>::new();
            for Waiting {
                key,
                questions,
                answer,
            } in batch
            {
                by_key.entry(key).or_default().push((questions, answer));
            }
            let mut under_way = JoinSet::new();
            for (key, group) in by_key {
                let calls = Arc::clone(&calls);
                under_way.spawn(async move { calls.answer(&key, group).await });
            }
            under_way.join_all().await;
            drop(place);
        });
    }
}

/// The questions of one request, and who waits for the answers.
type RequestQuestions<Q, A> = (Vec<Q>, oneshot::Sender<Result<Vec<A>, Error>>);

struct Calls<F> {
    service: &'static str,
    call: F,
}

impl<F> Calls<F> {
    /// Answers them with one call. Where one of them makes it fail, the others do not fail with it: each half is asked by itself, down
    /// to the request that is alone with its failure.
    async fn answer<K, Q, A, R>(&self, key: &K, all: Vec<RequestQuestions<Q, A>>)
    where
        F: Fn(&K, &[&Q]) -> R,
        R: Future<Output = Result<Vec<A>, Error>>,
    {
        let mut groups = vec![all];
        while let Some(mut group) = groups.pop() {
            match self.ask(key, &group).await {
                Ok(mut answers) => {
                    for (questions, answer) in group {
                        let behind = answers.split_off(questions.len().min(answers.len()));
                        let _gone = answer.send(Ok(std::mem::replace(&mut answers, behind)));
                    }
                }
                Err(error) if group.len() > 1 && error.may_be_of_one_message() => {
                    groups.push(group.split_off(group.len() / 2));
                    groups.push(group);
                }
                Err(error) => fail(group, error),
            }
        }
    }

    /// As many answers as there are questions.
    fn ask<K, Q, A, R>(
        &self,
        key: &K,
        group: &[RequestQuestions<Q, A>],
    ) -> impl Future<Output = Result<Vec<A>, Error>> + use<F, K, Q, A, R>
    where
        F: Fn(&K, &[&Q]) -> R,
        R: Future<Output = Result<Vec<A>, Error>>,
    {
        let questions: Vec<&Q> = group.iter().flat_map(|(questions, _)| questions).collect();
        let (asked, service) = (questions.len(), self.service);
        let answers = (self.call)(key, &questions);
        async move {
            let answers = answers.await?;
            if answers.len() != asked {
                let what = format!("{} answers to {asked} questions", answers.len());
                return Err(Error::answer(service, what));
            }
            Ok(answers)
        }
    }
}

/// One failure for all of them.
fn fail<Q, A>(group: Vec<RequestQuestions<Q, A>>, error: Error) {
    let error: Arc<dyn Fault> = Arc::new(error);
    for (_, answer) in group {
        let _gone = answer.send(Err(Common::Shared(Arc::clone(&error)).into()));
    }
}

#[cfg(test)]
mod tests;
