//! Notes when OCSP was last asked about certificates, as the OCSP service tells it: late, and not all of it.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use x509::serial::Serial;

use super::App;
use crate::error::Error;
use crate::tables::ocsp_queries;

impl App {
    /// No row of a certificate changes by it, and no event says it. A time that is not over yet, by the clock here, is noted as now.
    ///
    /// # Errors
    /// `Common::Store`: none of it was noted.
    pub(crate) async fn record_ocsp_queries(
        &self,
        queries: impl Iterator<Item = (Serial, OffsetDateTime)>,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let mut latest = BTreeMap::new();
        for (serial, at) in queries {
            let known = latest.entry(serial).or_insert(at.min(now));
            *known = (*known).max(at.min(now));
        }
        Ok(ocsp_queries::note(&self.db, &latest, now).await?)
    }
}
