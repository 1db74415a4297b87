//! All revocations at once: what a new process begins with, and one whose place in the feed is gone.

use std::time::Duration;

use data_encoding::HEXLOWER;
use kit::revocations::RevokedCertificate;
use proto::ca::v1::snapshot_revocations_response::Part;
use proto::ca::v1::{self as wire, SnapshotRevocationsRequest, SnapshotRevocationsResponse};
use tokio::time::{Instant, timeout};
use tonic::{Status, Streaming};
use vocabulary::service;

use super::known::Extent;
use super::{App, PAST_EXPIRY};
use crate::domain::{Revocations, Revoked};
use crate::error::Error;

/// Longest silence while a snapshot is sent.
const SILENCE: Duration = Duration::from_secs(30);

impl App {
    /// Takes a snapshot in the place of what is known, and answers where the feed goes on behind it.
    ///
    /// # Errors
    /// `ca` does not answer, or not in full: what was known stays.
    pub(crate) async fn take_snapshot(&self) -> Result<String, Error> {
        // As long as revocations are kept: also where the clock of `ca` is ahead of this one.
        let from = self.0.clock.now() - PAST_EXPIRY;
        let request = SnapshotRevocationsRequest {
            not_after_from_us: store::time::to_micros(from),
            skip_unreadable: true,
            ..SnapshotRevocationsRequest::default()
        };
        let answer = self.ca().snapshot_revocations(request).await.map_err(Error::ca)?;
        let mut parts = answer.into_inner();
        let Some(Part::Start(start)) = next(&mut parts).await? else {
            return Err(broken("that does not begin with its start"));
        };
        let mut set = Revocations::default();
        let mut entries = 0_u64;
        let unreadable = loop {
            match next(&mut parts).await? {
                Some(Part::Entries(page)) => {
                    for entry in &page.items {
                        insert(&mut set, entry);
                        entries += 1;
                    }
                }
                Some(Part::End(end)) if end.entries == entries => break end.unreadable,
                Some(Part::End(_)) => return Err(broken("of which entries are missing")),
                Some(Part::Start(_)) => return Err(broken("with two starts")),
                None => return Err(broken("without its end")),
            }
        };
        let extent = Extent {
            from,
            unreadable,
            taken: Instant::now(),
        };
        self.0.known.replace(set, extent);
        // Responders that were read before are looked at again: one may be among what was revoked.
        self.0.changed.notify_one();
        tracing::info!(entries, unreadable, "revocations loaded");
        Ok(start.cursor)
    }
}

async fn next(parts: &mut Streaming<SnapshotRevocationsResponse>) -> Result<Option<Part>, Error> {
    let late = |_elapsed| Error::ca(Status::deadline_exceeded("the snapshot stopped"));
    let message = timeout(SILENCE, parts.message()).await.map_err(late)?;
    let message = message.map_err(Error::ca)?;
    message
        .map(|message| message.part.ok_or_else(|| broken("with an empty part")))
        .transpose()
}

fn insert(set: &mut Revocations, entry: &wire::RevokedCertificate) {
    let Some(told) = RevokedCertificate::read(entry) else {
        let serial = HEXLOWER.encode(&entry.serial);
        tracing::error!(
            issuer = entry.issuer,
            serial,
            "ca told a serial number that no request can ask for"
        );
        return;
    };
    let revoked = Revoked {
        revocation: told.revocation.into(),
        not_after: told.not_after,
    };
    set.insert(&told.subject.issuer, &told.subject.serial, revoked);
}

fn broken(what: &str) -> Error {
    Error::answer(service::CA, format!("a snapshot of revocations {what}"))
}
