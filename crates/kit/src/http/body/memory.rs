//! Memory that bodies take while they are read and until they are answered.

use std::sync::Arc;

use super::Admitted;
use crate::http::quota::{Exceeded, PeerKey, Quotas, Reservation};

/// Bytes of memory that the requests of a listener share for their bodies. A limit per request does not bound a process:
/// thousands of connections can each send most of a body and then wait.
#[derive(Clone, Debug)]
pub struct BodyMemory {
    each: usize,
    all: Arc<Quotas<()>>,
    anybody: Arc<Quotas<PeerKey>>,
    known: Arc<Quotas<PeerKey>>,
    principals: Arc<Quotas<Arc<str>>>,
}

impl BodyMemory {
    /// `all` bytes, of which the authenticated callers of one address have at most `each`, one principal as much, the
    /// others of an address as much, and all of those together half: the other half is reserved for callers who are
    /// authenticated.
    #[must_use]
    pub fn new(all: usize, each: usize) -> Self {
        Self {
            each,
            all: Quotas::new(all, all),
            anybody: Quotas::new(each, all / 2),
            known: Quotas::new(each, all),
            principals: Quotas::new(each, all),
        }
    }

    /// The most that one body of this caller can have, alone.
    pub(crate) fn alone(&self, admitted: &Admitted) -> Alone {
        let bytes = match admitted {
            Admitted::Principal(_) => self.principals.each(),
            Admitted::Anybody => self.anybody.each(),
        };
        // Less than the part of one where there is less for all such callers.
        let setting = match bytes < self.each {
            true => "limits.body_memory",
            false => "limits.body_memory_per_peer",
        };
        Alone { bytes, setting }
    }

    /// A share of nothing yet, for this peer and that caller.
    pub(crate) fn open(&self, peer: PeerKey, admitted: &Admitted) -> Result<ReservedMemory, Exceeded> {
        let (peers, principal) = match admitted {
            Admitted::Principal(name) => (&self.known, Some(self.principals.take(name, 0)?)),
            Admitted::Anybody => (&self.anybody, None),
        };
        Ok(ReservedMemory {
            all: self.all.take(&(), 0)?,
            peer: peers.take(&peer, 0)?,
            principal,
        })
    }
}

/// What one body can have while no other is read, and the setting that decides it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alone {
    pub(crate) bytes: usize,
    setting: &'static str,
}

impl Alone {
    /// What a larger one is refused with: waiting would not help. `what` is `body` or `message`.
    pub(crate) fn refusal(self, what: &str) -> String {
        let Self { bytes, setting } = self;
        format!(
            "the {what} is larger than the {bytes} bytes of memory that one caller has; the setting {setting} allows more"
        )
    }
}

/// Memory that is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct ReservedMemory {
    all: Reservation<()>,
    peer: Reservation<PeerKey>,
    principal: Option<Reservation<Arc<str>>>,
}

impl ReservedMemory {
    /// `bytes` more; not, if that is too much. A refused request gives everything back soon, so that what one of them
    /// counts already does not matter.
    pub(crate) fn more(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.peer.more(bytes)?;
        if let Some(principal) = &mut self.principal {
            principal.more(bytes)?;
        }
        self.all.more(bytes).map_err(|_excess| Exceeded::Total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_authenticated_callers_have_is_not_taken_by_others() {
        let memory = BodyMemory::new(100, 100);
        let peer = |last| PeerKey::from(std::net::IpAddr::from([10, 0, 0, last]));
        let mut anybody = memory.open(peer(1), &Admitted::Anybody).unwrap();
        assert_eq!(anybody.more(50), Ok(()));
        let mut more = memory.open(peer(2), &Admitted::Anybody).unwrap();
        assert!(more.more(1).is_err(), "half is reserved");
        drop(more);
        let principal = Admitted::Principal(Arc::from("apikey:1"));
        let mut known = memory.open(peer(3), &principal).unwrap();
        assert_eq!(known.more(50), Ok(()));
        assert_eq!(known.more(1), Err(Exceeded::Total));
        let memory = BodyMemory::new(100, 30);
        let mut stranger = memory.open(peer(1), &Admitted::Anybody).unwrap();
        assert_eq!(
            (stranger.more(30), stranger.more(1)),
            (Ok(()), Err(Exceeded::PerKey))
        );
        let mut known = memory.open(peer(1), &principal).unwrap();
        assert_eq!(known.more(30), Ok(()), "at the same address");
    }

    #[test]
    fn one_principal_has_its_part_whatever_its_addresses() {
        let memory = BodyMemory::new(100, 40);
        let principal = Admitted::Principal(Arc::from("apikey:1"));
        let open = |last| {
            let peer = PeerKey::from(std::net::IpAddr::from([10, 0, 0, last]));
            memory.open(peer, &principal).unwrap()
        };
        let (mut one, mut two) = (open(1), open(2));
        assert_eq!((one.more(30), two.more(30)), (Ok(()), Err(Exceeded::PerKey)));
    }
}
