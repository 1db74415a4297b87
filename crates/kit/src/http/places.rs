//! Requests of one client at a time.
//!
//! A request has its place until its answer was taken. Otherwise a client that asks and does not read would be working all the
//! time, at the cost of nothing but its own connections, and the answers would pile up.

use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::response::Response;

use super::held::Held;
use super::quota::{PeerKey, Quotas, Reservation};
use crate::error::Kind;
use crate::problem::Problem;

/// The places of a listener. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Places {
    peers: Arc<Quotas<PeerKey>>,
    principals: Arc<Quotas<Arc<str>>>,
}

/// The place of a request, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _peer: Reservation<PeerKey>,
    /// Once it is known who asks.
    pub(super) principal: Option<Reservation<Arc<str>>>,
}

impl Places {
    /// `each` for one client address, and as many for one principal, whatever its addresses.
    pub(super) fn new(each: usize) -> Self {
        Self {
            peers: Quotas::new(each, usize::MAX),
            principals: Quotas::new(each, usize::MAX),
        }
    }

    pub(super) fn enter(&self, peer: PeerKey) -> Result<Place, Problem> {
        let place = self.peers.take(&peer, 1);
        let peer = place.map_err(|_excess| refusal("too many requests of this client are being answered"))?;
        Ok(Place {
            _peer: peer,
            principal: None,
        })
    }

    pub(super) fn admit(&self, principal: &Arc<str>) -> Result<Reservation<Arc<str>>, Problem> {
        let place = self.principals.take(principal, 1);
        place.map_err(|_excess| refusal("too many requests of this caller are being answered"))
    }
}

fn refusal(what: &str) -> Problem {
    let detail = format!("{what}; wait for some of them, and read the answers");
    Problem::new(Kind::RateLimited, "rate-limited", detail).retry_after(Duration::from_secs(1))
}

impl Place {
    /// Who asks, if he has authenticated.
    pub(super) fn principal(&self) -> Option<&Arc<str>> {
        self.principal.as_ref().map(Reservation::key)
    }

    /// The answer, which has the place until it was taken.
    pub(super) fn until_taken(self, response: Response) -> Response {
        if response.body().is_end_stream() {
            return response;
        }
        response.map(|body| Held::body(body, self))
    }
}
