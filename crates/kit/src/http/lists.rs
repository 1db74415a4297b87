//! Pages that are being made.
//!
//! A page is read from the database, turned into objects and written as JSON: some megabytes for a moment. So few are made
//! at a time, and one principal has few of the places. A large page also takes some milliseconds of a core, so its place
//! stays taken for a while after it: a principal who asks for one large page after the other uses a bounded part of the
//! machine.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::request::Parts;
use tokio::time::Instant;
use vocabulary::ProblemType;

use super::body::{Admitted, Gate};
use super::quota::{Exceeded, KeyedPermit, KeyedSemaphore, Shares};
use crate::page::Busy;
use crate::problem::Problem;

/// Pages at a time in this process, and those of one principal; how many of one principal may wait.
const PLACES: usize = 8;
const PLACES_EACH: usize = 2;
const WAITING_EACH: usize = 64;
/// A page of this many bytes is a large one. Its place rests this many times as long as the page took, within a bound.
const LARGE: u64 = 256 * 1024;
const REST_FACTOR: u32 = 6;
const LONGEST_REST: Duration = Duration::from_secs(1);
/// Longest wait for a place.
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// Lists that are sent as CSV at a time: of one principal, and in all. Each lasts as long as its client takes it, and holds
/// a page in memory.
const EXPORTS_EACH: usize = 2;
const EXPORTS: usize = 16;

static LISTS: LazyLock<Arc<KeyedSemaphore<Arc<str>>>> = LazyLock::new(|| {
    let places = Shares {
        each: PLACES_EACH,
        all: PLACES,
    };
    KeyedSemaphore::new(places, Shares::each(WAITING_EACH))
});

static EXPORTED: LazyLock<Arc<KeyedSemaphore<Arc<str>>>> = LazyLock::new(|| {
    let places = Shares {
        each: EXPORTS_EACH,
        all: EXPORTS,
    };
    KeyedSemaphore::new(places, Shares::each(EXPORTS_EACH))
});

/// The place of a list that is sent as CSV, until it is dropped.
pub(super) type Export = KeyedPermit<Arc<str>>;

/// A place to send a whole list.
pub(super) async fn export(principal: &Arc<str>) -> Result<Export, Problem> {
    EXPORTED
        .enter(principal, Duration::ZERO)
        .await
        .map_err(|_excess| {
            let detail = "too many lists are being sent as CSV; finish one of them first";
            Problem::new(ProblemType::RateLimited, detail).retry_after(Duration::from_secs(5))
        })
}

/// Makes one page in a place of its principal, which rests after it, however small the page: one of many.
pub(crate) async fn one_of_many<T>(principal: &Arc<str>, page: impl Future<Output = T>) -> Result<T, Busy> {
    let place = place(principal).await?;
    let since = Instant::now();
    let page = page.await;
    rest(place, since);
    Ok(page)
}

/// A place to make one page.
async fn place(principal: &Arc<str>) -> Result<KeyedPermit<Arc<str>>, Busy> {
    LISTS.enter(principal, WAIT).await.map_err(|excess| match excess {
        Exceeded::PerKey => Busy::Lists,
        Exceeded::Total => Busy::All,
    })
}

/// Notes whose request it is, which has a place among those of its principal. From here on its body may be read, and a page is
/// made in a place of its own.
pub(crate) async fn admit(parts: &mut Parts, subject: &str) -> Result<(), Problem> {
    let principal: Arc<str> = Arc::from(subject);
    if let Some(gate) = parts.extensions.get::<Gate>() {
        gate.admit(&principal)?;
        if gate.lists() {
            let place = place(&principal).await?;
            gate.keep(place);
        }
    }
    parts.extensions.insert(Admitted::Principal(principal));
    Ok(())
}

/// The page is made, and has this many bytes.
pub(super) fn made(gate: &Gate, bytes: u64) {
    let Some((place, since)) = gate.leave() else {
        return;
    };
    if bytes >= LARGE {
        rest(place, since);
    }
}

/// Keeps a place taken for a while after the page that was made in it since then.
fn rest(place: KeyedPermit<Arc<str>>, since: Instant) {
    let rest = (since.elapsed() * REST_FACTOR).min(LONGEST_REST);
    tokio::spawn(async move {
        tokio::time::sleep(rest).await;
        drop(place);
    });
}
