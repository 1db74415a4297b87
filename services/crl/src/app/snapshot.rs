//! Take a snapshot of ca: which issuers there are, and what of theirs is revoked or on hold.
//!
//! The entries of a snapshot are put over those that are there, page by page, and holds that it does not have are released in the
//! transaction of its end, unless it is of an older ca than the one that was followed: that one lost them. So no entry is missing for a moment, also where the snapshot is cut off and taken again.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use kit::grpc::RemoteFault;
use kit::revocations::RevokedCertificate;
use proto::ca::v1 as wire;
use proto::ca::v1::snapshot_revocations_response::Part;
use store::Tx;
use store::feed::Cursor;
use store::feed::cursors::{self, Step};
use store::lease::Lease;
use store::time::to_micros;
use time::OffsetDateTime;
use vocabulary::service;
use x509::{Certificate, Serial};

use super::App;
use super::apply::{move_on, place};
use crate::domain::change::Revoked;
use crate::domain::{Issuer, Scope, is_compromise};
use crate::error::Error;
use crate::tables::entries::{self, Source, Unseen};
use crate::tables::{issuers, scopes, snapshots};

impl App {
    /// Asks ca which issuers there are, and keeps them.
    ///
    /// # Errors
    /// [`Error::Ca`], `Common::Store`.
    pub(crate) async fn learn_issuers(&self, lease: &Lease) -> Result<(), Error> {
        let answer = self.ca.clone().list_cas(wire::ListCasRequest {}).await;
        let all = answer.map_err(of_ca)?.into_inner().items;
        let (mut issuers, mut unreadable) = (Vec::with_capacity(all.len()), Vec::new());
        for ca in all {
            // The others have lists all the same.
            match issuer(ca) {
                Ok(issuer) => issuers.push(issuer),
                Err(problem) => unreadable.push(problem),
            }
        }
        self.problems.are(unreadable);
        issuers::keep(&self.db, lease, &issuers).await?;
        self.wake();
        Ok(())
    }

    /// Takes a snapshot, and answers the place in the feed that follows it.
    ///
    /// # Errors
    /// [`Error::Ca`], `Common::Store`. It is to be taken again then; what was stored of it is true.
    pub(crate) async fn take_snapshot(&self, lease: &Lease) -> Result<Cursor, Error> {
        // What ended before has been in a list past its end, or is of no use to it.
        let from = self.clock.now() - self.config.full_interval * 2;
        let request = wire::SnapshotRevocationsRequest {
            issuer: String::new(),
            not_after_from_us: to_micros(from),
            // A list without one of them would be signed, and wrong.
            skip_unreadable: false,
        };
        let stream = self.ca.clone().snapshot_revocations(request).await;
        let mut stream = stream.map_err(of_ca)?.into_inner();
        let mut tx = self.db.begin().await?;
        lease.hold(&mut tx).await?;
        let number = snapshots::begin(&mut tx).await?;
        tx.commit().await?;
        let (mut cursor, mut stored) = (None, 0);
        while let Some(message) = stream.message().await.map_err(of_ca)? {
            match message.part {
                Some(Part::Start(start)) => {
                    let read = start.cursor.parse::<Cursor>();
                    cursor =
                        Some(read.map_err(|error| Error::internal(format!("ca sent a cursor: {error}")))?);
                }
                Some(Part::Entries(page)) => {
                    stored += page.items.len() as u64;
                    self.put_page(lease, number, page.items).await?;
                }
                Some(Part::End(end)) if end.entries == stored => {
                    let cursor = cursor.ok_or_else(|| Error::internal("ca sent no place in its feed"))?;
                    self.end_snapshot(lease, (number, from), cursor).await?;
                    tracing::info!(entries = stored, "snapshot of revocations was taken");
                    return Ok(cursor);
                }
                Some(Part::End(end)) => {
                    let problem = format!("ca sent {stored} entries of {} in a snapshot", end.entries);
                    return Err(Error::internal(problem));
                }
                None => {
                    return Err(Error::internal(
                        "ca sent a part of a snapshot that is not known here",
                    ));
                }
            }
        }
        Err(Error::internal("a snapshot of ca was cut off"))
    }

    async fn put_page(
        &self,
        lease: &Lease,
        number: i64,
        page: Vec<wire::RevokedCertificate>,
    ) -> Result<(), Error> {
        let mut by_scope: BTreeMap<Scope, BTreeMap<Serial, Revoked>> = BTreeMap::new();
        for item in page {
            let Some(told) = RevokedCertificate::read(&item) else {
                let (issuer, serial) = (item.issuer, HEXLOWER.encode(&item.serial));
                tracing::error!(issuer, serial, "ca told a serial number that no list can have");
                continue;
            };
            let (scope, revoked) = Revoked::of(told);
            let scope = by_scope.entry(scope).or_default();
            scope.insert(revoked.entry.serial, revoked);
        }
        let mut tx = self.db.begin().await?;
        lease.hold(&mut tx).await?;
        for (scope, found) in by_scope {
            let found: Vec<Revoked> = found.into_values().collect();
            let compromise = |revoked: &Revoked| revoked.entry.reason.is_some_and(is_compromise);
            let urgent = self.is_immediate() || found.iter().any(compromise);
            let change = scopes::next_change(&mut tx, &scope, urgent).await?;
            entries::put(&mut tx, &scope, (change, Source::Snapshot(number)), &found).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Decides on the entries of a scope that a snapshot did not have; `is_older`: of a ca that once knew more.
    async fn settle_unseen(
        &self,
        tx: &mut Tx,
        (unseen, is_older): (&Unseen, bool),
        snapshot: (i64, OffsetDateTime),
    ) -> Result<(), Error> {
        let scope = &unseen.scope;
        let lost_holds = is_older && unseen.held > 0;
        if unseen.revoked > 0 || lost_holds {
            stay(unseen, if lost_holds { unseen.held } else { 0 });
            entries::mark_unknown(tx, (scope, lost_holds), snapshot).await?;
        }
        if unseen.held > 0 && !lost_holds {
            let change = scopes::next_change(tx, scope, self.is_immediate()).await?;
            entries::release_unseen(tx, scope, snapshot, change).await?;
        }
        Ok(())
    }

    async fn end_snapshot(
        &self,
        lease: &Lease,
        (number, from): (i64, OffsetDateTime),
        cursor: Cursor,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lease.hold(&mut tx).await?;
        let before = match place(&mut tx).await {
            Err(error) if error.is_of_content() => {
                cursors::forget(&mut tx, service::CA, service::CRL).await?;
                None
            }
            place => Some(place?),
        };
        // An operator said so; or it had told more by then than it knows now, which may be where that cannot be read.
        let is_older =
            snapshots::is_of_older_ca(&mut tx).await? || before.is_none_or(|before| cursor < before);
        let unseen = entries::unseen(&mut tx, number, from).await?;
        unseen.damaged.iter().for_each(|problem| of_no_list(problem));
        for unseen in unseen.read {
            self.settle_unseen(&mut tx, (&unseen, is_older), (number, from))
                .await?;
        }
        snapshots::end(&mut tx, number).await?;
        let step = Step {
            from: before.unwrap_or(Cursor::START),
            to: cursor,
        };
        move_on(&mut tx, step).await?;
        tx.commit().await?;
        self.wake();
        Ok(())
    }
}

/// Nothing makes a revoked certificate good again, and a backup of ca least of all. Whether a hold that it lost would have ended by now,
/// an operator says.
fn stay(unseen: &Unseen, holds: i64) {
    tracing::error!(
        scope = %unseen.scope,
        revoked = unseen.revoked,
        holds,
        "ca does not know revocations or holds that were published, or calls revocations holds; they stay in the lists"
    );
}

fn of_no_list(problem: &str) {
    tracing::error!(problem, "entries are of a shard that no CRL can have");
}

pub(super) fn of_ca(status: tonic::Status) -> Error {
    Error::Ca(RemoteFault::from(status))
}

fn issuer(ca: wire::CaInfo) -> Result<Issuer, String> {
    let certificate = Certificate::from_der(&ca.certificate);
    let certificate =
        certificate.map_err(|error| format!("ca told a certificate of {}: {error}", ca.issuer))?;
    Ok(Issuer {
        name: ca.issuer,
        ca: ca.name,
        key_name: ca.key_name,
        certificate,
        shards: ca.crl_shards,
    })
}
