//! What it does not know any more.

use proto::ca::v1 as wire;

use super::FakeCa;

impl FakeCa {
    /// The feed begins behind what was told so far.
    pub(crate) fn prune(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.pruned = inner.events.len();
    }

    /// Its database is an older one from now on: what was told after that many events is not in it.
    pub(crate) fn restore(&self, events: usize, entries: Vec<wire::RevokedCertificate>) {
        let mut inner = self.inner.lock().unwrap();
        inner.events.truncate(events);
        inner.covered = events;
        inner.snapshot = entries;
        inner.revoked.clear();
    }
}
