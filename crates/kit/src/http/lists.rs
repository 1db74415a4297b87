//! Pages that are being made.
//!
//! A page is read from the database, turned into objects and written as JSON: some megabytes for a moment. So few are made
//! at a time, and one principal has few of the places. A large page also takes some milliseconds of a core, so its place
//! stays taken for a while after it: a principal who asks for one large page after the other uses a bounded part of the
//! machine.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::request::Parts;

use super::body::{Admitted, Gate};
use super::quota::{Exceeded, KeyedSemaphore, Shares};
use crate::error::Kind;
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
const WAIT: Duration = Duration::from_secs(10);

static LISTS: LazyLock<Arc<KeyedSemaphore<Arc<str>>>> = LazyLock::new(|| {
    let places = Shares {
        each: PLACES_EACH,
        all: PLACES,
    };
    KeyedSemaphore::new(places, Shares::each(WAITING_EACH))
});

/// Notes whose request it is, which has a place among those of its principal. From here on its body may be read, and a page is
/// made in a place of its own.
pub(crate) async fn admit(parts: &mut Parts, subject: &str) -> Result<(), Problem> {
    let principal: Arc<str> = Arc::from(subject);
    if let Some(gate) = parts.extensions.get::<Gate>() {
        gate.admit(&principal)?;
        if gate.lists() {
            let place = LISTS.enter(&principal, WAIT).await.map_err(refusal)?;
            gate.keep(place);
        }
    }
    parts.extensions.insert(Admitted::Principal(principal));
    Ok(())
}

fn refusal(excess: Exceeded) -> Problem {
    let problem = match excess {
        Exceeded::PerKey => {
            let detail = "too many lists of this caller wait to be answered; wait for some of them";
            Problem::new(Kind::RateLimited, "rate-limited", detail)
        }
        Exceeded::Total => {
            let detail = "too many lists are being answered; try again";
            Problem::new(Kind::Unavailable, "unavailable", detail)
        }
    };
    problem.retry_after(Duration::from_secs(2))
}

/// The page is made, and has this many bytes.
pub(super) fn made(gate: &Gate, bytes: u64) {
    let Some((place, since)) = gate.leave() else {
        return;
    };
    if bytes >= LARGE {
        let rest = (since.elapsed() * REST_FACTOR).min(LONGEST_REST);
        tokio::spawn(async move {
            tokio::time::sleep(rest).await;
            drop(place);
        });
    }
}
