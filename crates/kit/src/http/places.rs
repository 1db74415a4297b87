//! Requests of one client at a time.
//!
//! A request has its place until its answer was taken. Otherwise a client that asks and does not read would be working all the
//! time, at the cost of nothing but its own connections, and the answers would pile up.
//!
//! Callers with a credential and strangers have places of their own at an address, so that no caller is refused for what
//! strangers there leave unread. A request that shows a credential on a new connection is let in to be asked for it even if
//! strangers have all of theirs, one of a connection at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::response::Response;
use tokio::sync::OwnedSemaphorePermit;
use vocabulary::ProblemType;

use super::cpu::ConnectionCpu;
use super::held::HoldingBody;
use super::quota::{PeerKey, Quotas, Reservation};
use crate::problem::Problem;

/// The places of a listener. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Places {
    strangers: Arc<Quotas<PeerKey>>,
    known: Arc<Quotas<PeerKey>>,
    principals: Arc<Quotas<Arc<str>>>,
}

/// The place of a request, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    peer: PeerKey,
    of: Of,
    principal: Option<Reservation<Arc<str>>>,
}

/// Whose place it is.
#[expect(dead_code, reason = "held until they are dropped")]
#[derive(Debug)]
enum Of {
    Stranger(Reservation<PeerKey>),
    /// A caller whose credential is not checked yet.
    Unchecked(OwnedSemaphorePermit),
    Known(Reservation<PeerKey>),
}

impl Places {
    /// `each` for the strangers of one client address, as many for its callers with a credential, and as many for one
    /// principal, whatever its addresses.
    pub(super) fn new(each: usize) -> Self {
        Self {
            strangers: Quotas::new(each, usize::MAX),
            known: Quotas::new(each, usize::MAX),
            principals: Quotas::new(each, usize::MAX),
        }
    }

    /// For a request on this connection, which `shows` a credential or does not.
    pub(super) fn enter(
        &self,
        peer: PeerKey,
        cpu: Option<&Arc<ConnectionCpu>>,
        shows: bool,
    ) -> Result<Place, Problem> {
        let unchecked = || cpu.filter(|_| shows).and_then(|cpu| cpu.checks_one());
        let of = match cpu.is_some_and(|cpu| cpu.is_exempt()) {
            true => self.known(peer)?,
            false => match unchecked() {
                Some(permit) => Of::Unchecked(permit),
                None => Of::Stranger(of_client(self.strangers.take(&peer, 1))?),
            },
        };
        Ok(Place {
            peer,
            of,
            principal: None,
        })
    }

    fn known(&self, peer: PeerKey) -> Result<Of, Problem> {
        Ok(Of::Known(of_client(self.known.take(&peer, 1))?))
    }

    /// The request of this place is that of a principal.
    pub(super) fn admit(&self, place: &mut Place, principal: &Arc<str>) -> Result<(), Problem> {
        let own = self.principals.take(principal, 1);
        let own = own.map_err(|_excess| refusal("too many requests of this caller are being answered"))?;
        if !matches!(place.of, Of::Known(_)) {
            place.of = self.known(place.peer)?;
        }
        place.principal = Some(own);
        Ok(())
    }
}

fn of_client<T, E>(place: Result<T, E>) -> Result<T, Problem> {
    place.map_err(|_excess| refusal("too many requests of this client are being answered"))
}

fn refusal(what: &str) -> Problem {
    let detail = format!("{what}; wait for some of them, and read the answers");
    Problem::new(ProblemType::RateLimited, detail).retry_after(Duration::from_secs(1))
}

impl Place {
    /// Who asks, once authenticated.
    pub(super) fn principal(&self) -> Option<&Arc<str>> {
        self.principal.as_ref().map(Reservation::key)
    }

    /// The answer, which has the place until it was taken.
    pub(super) fn until_taken(self, response: Response) -> Response {
        if response.body().is_end_stream() {
            return response;
        }
        response.map(|body| HoldingBody::body(body, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::CpuBudget;

    #[test]
    fn a_credential_is_checked_whatever_places_strangers_of_the_address_have() {
        let places = Places::new(2);
        let peer = PeerKey::default();
        let connection = || Some(CpuBudget::default().connection(peer, true));
        let enter = |cpu: &Option<_>, shows| places.enter(peer, cpu.as_ref(), shows);
        let (hostile, new) = (connection(), connection());
        let _unread = [enter(&hostile, false).unwrap(), enter(&hostile, false).unwrap()];
        assert!(enter(&hostile, false).is_err() && enter(&None, true).is_err());
        let _guessed = enter(&hostile, true).unwrap();
        assert!(enter(&hostile, true).is_err(), "one of a connection");
        let mut checked = enter(&new, true).unwrap();
        places.admit(&mut checked, &Arc::from("apikey:1")).unwrap();
        let mut second = enter(&new, true).unwrap();
        places.admit(&mut second, &Arc::from("apikey:2")).unwrap();
        new.as_ref().unwrap().authenticated();
        assert!(
            enter(&new, true).is_err(),
            "callers with a credential have as many"
        );
        drop(checked);
        assert!(enter(&new, false).is_ok());
    }
}
