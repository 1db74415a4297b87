//! Memory of answers that wait to be read.
//!
//! An answer of a page is a megabyte that stays in memory until the client has read it. What one caller may leave unread
//! is bounded; further pages are refused until it has read some. Callers who did not authenticate have at most half, however
//! many addresses they have. They and those who did have accounts of their own, so that no caller is refused for what a
//! stranger at the same address left unread.

use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::response::{IntoResponse, Response};
use vocabulary::ProblemType;

use super::held::HoldingBody;
use super::quota::{Exceeded, PeerKey, Quotas, Reservation};
use crate::problem::Problem;

/// Answers below this many bytes are not counted.
const SMALL: u64 = 32 * 1024;

/// In the extensions of an answer whose bytes are the same memory for every request. It takes none of [`AnswerMemory`].
#[derive(Clone, Copy, Debug)]
pub struct Shared;

/// Bytes that the large answers of a listener may take until they are read.
#[derive(Clone, Debug)]
pub struct AnswerMemory {
    all: Arc<Quotas<()>>,
    anybody: Arc<Quotas<PeerKey>>,
    principals: Arc<Quotas<Arc<str>>>,
}

impl AnswerMemory {
    /// `all` bytes, of which one principal has at most `each`, one address that did not authenticate as much, and all such
    /// addresses together half: the other half is reserved for those who did.
    #[must_use]
    pub fn new(all: usize, each: usize) -> Self {
        Self {
            all: Quotas::new(all, all),
            anybody: Quotas::new(each, all / 2),
            principals: Quotas::new(each, all),
        }
    }

    /// The answer, counted until it is read, or the refusal of it. Not for an answer to a request that changed something.
    pub(super) fn hold(&self, peer: PeerKey, principal: Option<&Arc<str>>, response: Response) -> Response {
        let size = response.body().size_hint().lower();
        if size < SMALL || response.extensions().get::<Shared>().is_some() {
            return response;
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        match self.take(peer, principal, size) {
            Ok(memory) => response.map(|body| HoldingBody::body(body, memory)),
            Err(excess) => refusal(excess).into_response(),
        }
    }

    fn take(&self, peer: PeerKey, principal: Option<&Arc<str>>, size: usize) -> Result<Memory, Exceeded> {
        let caller = match principal {
            Some(name) => Caller::Principal(self.principals.take(name, size)?),
            None => Caller::Anybody(self.anybody.take(&peer, size)?),
        };
        let all = self.all.take(&(), size).map_err(|_excess| Exceeded::Total)?;
        Ok(Memory {
            _all: all,
            _caller: caller,
        })
    }
}

/// What is given back when it is dropped.
struct Memory {
    _all: Reservation<()>,
    _caller: Caller,
}

#[expect(dead_code, reason = "held until they are dropped")]
enum Caller {
    Principal(Reservation<Arc<str>>),
    Anybody(Reservation<PeerKey>),
}

fn refusal(excess: Exceeded) -> Problem {
    let problem = match excess {
        Exceeded::PerKey => {
            let detail = "too much of earlier answers was not read by this client yet; read them first";
            Problem::new(ProblemType::RateLimited, detail)
        }
        Exceeded::Total => {
            let detail = "too many large answers are being read; try again";
            Problem::new(ProblemType::Unavailable, detail)
        }
    };
    problem.retry_after(Duration::from_secs(1))
}
