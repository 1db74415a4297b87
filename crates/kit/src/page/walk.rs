//! Page after page, read while one request waits.

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::{Ask, Limit, Page};
use crate::error::{Fault, Kind, Shown};
use crate::http::lists;
use crate::http::quota::{Exceeded, KeyedPermit, KeyedSemaphore, Shares};

/// Walks at a time in this process; each holds what it has found.
const WALKS: usize = 8;
/// Those of one principal, and how many of theirs are under way or wait.
const WALKS_EACH: usize = 1;
const WAITING_EACH: usize = 16;

static UNDER_WAY: LazyLock<Arc<KeyedSemaphore<Arc<str>>>> = LazyLock::new(|| {
    let places = Shares {
        each: WALKS_EACH,
        all: WALKS,
    };
    KeyedSemaphore::new(places, Shares::each(WAITING_EACH))
});

/// Why something is not read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// This caller has its part of the lists.
    #[error("too many lists of this caller wait to be answered; wait for some of them")]
    Lists,
    /// Another request of this caller reads many pages.
    #[error("another request of this caller that looks at many objects is under way; wait for its answer")]
    Walk,
    /// Other callers have all places.
    #[error("too many lists are being answered; try again")]
    All,
}

impl Fault for Busy {
    fn shown(&self) -> Shown<'_> {
        /// When to try again: a place rests no longer than that.
        const SOON: Duration = Duration::from_secs(2);
        let kind = match self {
            Self::Lists | Self::Walk => Kind::RateLimited,
            Self::All => Kind::Unavailable,
        };
        Shown::of(kind).retry_after(SOON)
    }
}

/// Reads many pages for one request, such as the preview of a change of many objects. A principal has one walk at a time.
/// Each step is made in a place among those for lists, which rests after it: a caller who asks for walks one after the
/// other takes no larger part of the machine than one who asks for large pages.
pub struct Walk {
    principal: Arc<str>,
    _turn: KeyedPermit<Arc<str>>,
}

impl Walk {
    /// Begins, once no other walk of this principal is under way.
    ///
    /// # Errors
    /// [`Busy`] if too many wait, or the other took ten seconds.
    pub async fn of(principal: &str) -> Result<Self, Busy> {
        Self::within(principal, lists::WAIT).await
    }

    async fn within(principal: &str, wait: Duration) -> Result<Self, Busy> {
        let principal = Arc::from(principal);
        let turn = UNDER_WAY.enter(&principal, wait).await;
        let turn = turn.map_err(|excess| match excess {
            Exceeded::PerKey => Busy::Walk,
            Exceeded::Total => Busy::All,
        })?;
        Ok(Self {
            principal,
            _turn: turn,
        })
    }

    /// One step: a page, or as much of something else.
    ///
    /// # Errors
    /// [`Busy`] if there was no place for it in ten seconds; those of `read`.
    pub async fn step<T, E: From<Busy>>(&self, read: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        lists::one_of_many(&self.principal, read).await?
    }

    /// Reads a list page by page, the largest there are, until it ends or `take` has enough.
    ///
    /// # Errors
    /// As those of [`Self::step`].
    pub async fn pages<T, E, R>(
        &self,
        list: &str,
        mut read: impl FnMut(Ask) -> R,
        mut take: impl FnMut(Vec<T>) -> ControlFlow<()>,
    ) -> Result<(), E>
    where
        E: From<Busy>,
        R: Future<Output = Result<Page<T>, E>>,
    {
        let first = Ask::first(list, Limit::LARGEST);
        let mut ask = first.clone();
        loop {
            let page = self.step(read(ask)).await?;
            let enough = take(page.items).is_break();
            match page.next_cursor {
                Some(cursor) if !enough => ask = first.clone().at(Some(cursor)),
                _ => return Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Instant;

    use futures::poll;

    use super::*;
    use crate::page::Sort;

    #[tokio::test]
    async fn a_principal_has_one_walk_at_a_time() {
        let first = Walk::of("test:one").await.unwrap();
        assert!(Walk::of("test:other").await.is_ok());
        let refused = Walk::within("test:one", Duration::from_millis(1)).await;
        let refused = refused.err().unwrap();
        assert_eq!(refused, Busy::Walk, "it waited in vain");
        let shown = refused.shown();
        assert_eq!(
            (shown.kind, shown.retry_after.is_some()),
            (Kind::RateLimited, true)
        );
        let mut next = pin!(Walk::of("test:one"));
        assert!(poll!(&mut next).is_pending(), "it waits for its turn");
        drop(first);
        assert!(next.await.is_ok());
    }

    #[tokio::test]
    async fn the_steps_of_a_walk_rest_as_large_pages_do() {
        const PAGES: usize = 6;
        const TOOK: Duration = Duration::from_millis(10);
        let walk = Walk::of("test:steps").await.unwrap();
        let rows: Vec<usize> = (0..PAGES * Limit::LARGEST.rows()).collect();
        let (begun, mut found) = (Instant::now(), Vec::new());
        let read = |ask: Ask| {
            let page = ask.of_all(rows.iter().copied(), Sort::of("row"), |row| *row);
            async {
                tokio::time::sleep(TOOK).await;
                Ok::<_, Error>(page.unwrap())
            }
        };
        let all = |page| {
            found.extend::<Vec<usize>>(page);
            ControlFlow::Continue(())
        };
        walk.pages("rows", read, all).await.unwrap();
        assert_eq!(found, rows);
        // Two places, each of which is taken for seven times as long as a page takes.
        assert!(begun.elapsed() >= TOOK * 14, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_walk_ends_where_it_has_enough() {
        let walk = Walk::of("test:enough").await.unwrap();
        let read = AtomicUsize::new(0);
        let endless = |ask: Ask| {
            read.fetch_add(1, Ordering::Relaxed);
            let page = ask.of_all(0..10_000, Sort::of("row"), |row| *row);
            std::future::ready(Ok::<_, Error>(page.unwrap()))
        };
        walk.pages("rows", endless, |_| ControlFlow::Break(()))
            .await
            .unwrap();
        assert_eq!(read.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_step_waits_for_a_place_among_the_lists_of_its_principal() {
        let walk = Walk::of("test:places").await.unwrap();
        let (made, mut places) = (AtomicBool::new(false), tokio::task::JoinSet::new());
        for _ in 0..2 {
            let (taken, known) = tokio::sync::oneshot::channel();
            places.spawn(async move {
                let endless = async {
                    taken.send(()).unwrap();
                    std::future::pending::<()>().await;
                };
                lists::one_of_many(&Arc::from("test:places"), endless).await
            });
            known.await.unwrap();
        }
        let step = async {
            made.store(true, Ordering::Relaxed);
            Ok::<_, Busy>(())
        };
        let mut step = pin!(walk.step(step));
        assert!(poll!(&mut step).is_pending() && !made.load(Ordering::Relaxed));
        places.shutdown().await;
        assert_eq!(step.await, Ok(()));
        assert!(made.load(Ordering::Relaxed));
    }

    #[derive(Debug)]
    struct Error;

    impl From<Busy> for Error {
        fn from(_: Busy) -> Self {
            Self
        }
    }
}
