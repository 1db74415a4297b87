//! When relying parties last asked about certificates: kept in memory, and told to `ca` from time to time.
//!
//! It says whether a certificate is in use somewhere, and decides nothing. So it may be lost: when `ca` does not answer, when a
//! process is killed, when more certificates are asked about than are kept. Caches of others answer without asking here.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use proto::ca::v1::{OcspQuery, RecordOcspQueriesRequest};
use time::OffsetDateTime;
use x509::Serial;

use super::{App, patiently};
use crate::error::Error;

/// Certificates that are kept between two rounds, at most: some 500 KiB.
const MOST: usize = 10_000;
/// Certificates in one call of `ca`.
const AT_ONCE: usize = 500;

/// Certificates that were asked about since the last round.
#[derive(Default)]
pub(super) struct Queries(Mutex<HashMap<Serial, OffsetDateTime>>);

impl Queries {
    /// The last time counts; more certificates than are kept are left out.
    pub(super) fn note(&self, serial: Serial, at: OffsetDateTime) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() < MOST || asked.contains_key(&serial) {
            asked.insert(serial, at);
        }
    }

    fn take(&self) -> Vec<(Serial, OffsetDateTime)> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.drain().collect()
    }
}

impl App {
    /// Tells `ca` what was asked since the last round.
    ///
    /// # Errors
    /// `ca` does not answer: what it was not told is lost.
    pub(crate) async fn tell_queries(&self) -> Result<(), Error> {
        for queries in self.0.queries.take().chunks(AT_ONCE) {
            let items = queries.iter().map(|(serial, at)| OcspQuery {
                serial: serial.to_content(),
                asked_us: store::time::to_micros(*at),
            });
            let request = RecordOcspQueriesRequest {
                items: items.collect(),
            };
            self.ca()
                .record_ocsp_queries(patiently(request))
                .await
                .map_err(Error::ca)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_last_time_of_each_is_kept_and_no_more_than_there_is_room_for() {
        let queries = Queries::default();
        let now = datetime!(2027-01-02 03:04:05 UTC);
        let serial = |number: usize| Serial::from_bytes(&(number + 1).to_be_bytes()).unwrap();
        for number in 0..MOST + 5 {
            queries.note(serial(number), now);
        }
        queries.note(serial(0), now + time::Duration::SECOND);
        let taken: HashMap<_, _> = queries.take().into_iter().collect();
        assert_eq!(taken.len(), MOST);
        assert_eq!(taken[&serial(0)], now + time::Duration::SECOND);
        assert!(queries.take().is_empty());
    }
}
