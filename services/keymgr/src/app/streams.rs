//! Lists that are being received: each takes memory and threads, so a caller may have a few at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Caller;
use crate::error::Error;

/// Most lists of one caller at once. A service makes one list after the other; more than one are under way where replicas of it
/// run, or where the process that reads the first does not know yet that its caller is gone.
const MOST: usize = 4;

/// How many lists each caller has under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<Caller, usize>>>);

/// One list under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    caller: Caller,
    streams: Streams,
}

impl Streams {
    /// Begins a list.
    pub(super) fn enter(&self, caller: Caller) -> Result<Place, Error> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(caller).or_default();
        if *count >= MOST {
            return Err(Error::Streams(caller));
        }
        *count += 1;
        Ok(Place {
            caller,
            streams: self.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&self.caller) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_a_few_lists_at_once_and_takes_no_place_of_others() {
        let streams = Streams::default();
        let mut places: Vec<_> = (0..MOST).map(|_| streams.enter(Caller::Crl).unwrap()).collect();
        assert!(matches!(
            streams.enter(Caller::Crl).unwrap_err(),
            Error::Streams(Caller::Crl)
        ));
        drop(streams.enter(Caller::Ca).unwrap());
        places.pop();
        places.push(streams.enter(Caller::Crl).unwrap());
        assert!(streams.enter(Caller::Crl).is_err());
    }
}
