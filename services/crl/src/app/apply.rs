//! Apply events of ca to the entries, each once: the place in the feed moves in the same transaction.

use kit::error::chain;
use kit::revocations::Change as Event;
use proto::feed::v1::FeedEvent;
use store::feed::Cursor;
use store::feed::cursors::{self, Step};
use store::lease::Lease;
use store::{StoreError, Tx};
use time::OffsetDateTime;
use vocabulary::service;

use super::App;
use crate::domain::Scope;
use crate::domain::change::{Change, Changes, Revoked, ScopeChanges};
use crate::error::Error;
use crate::tables::entries::{self, Source};
use crate::tables::{scopes, snapshots};

/// What events say that bears on lists.
#[derive(Default)]
pub(crate) struct FeedChanges {
    changes: Changes,
    /// A CA was added.
    pub(crate) issuers: bool,
}

impl FeedChanges {
    /// Reads events in their order.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for an event about a revocation that cannot be read: it is not passed over, since a list without it would be
    /// wrong. Only a snapshot tells what it should have told.
    pub(crate) fn read(events: &[FeedEvent]) -> Result<Self, Error> {
        let mut told = Self::default();
        for event in events {
            match Event::read(event)? {
                None => {}
                Some(Event::CaAdded(_)) => told.issuers = true,
                Some(Event::Released(subject)) => {
                    let (scope, serial) = Scope::of(subject);
                    told.changes.add(scope, Change::Released(serial));
                }
                Some(Event::Revoked(revoked)) => {
                    let (scope, revoked) = Revoked::of(revoked);
                    told.changes.add(scope, Change::Revoked(revoked));
                }
            }
        }
        Ok(told)
    }

    /// Whether nothing of it has to be stored.
    pub(crate) fn is_nothing(&self) -> bool {
        self.changes.scopes.is_empty()
    }
}

impl App {
    /// Stores what events say, and that they were read: everything from one place in the feed to another.
    ///
    /// # Errors
    /// `Common::Store`: nothing was stored; also where another process has moved the place in the meantime.
    pub(crate) async fn apply(&self, lease: &Lease, step: Step, told: &FeedChanges) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lease.hold(&mut tx).await?;
        move_on(&mut tx, step).await?;
        for (scope, changes) in &told.changes.scopes {
            let urgent = self.is_immediate() || changes.compromise;
            let change = scopes::next_change(&mut tx, scope, urgent).await?;
            store_changes(&mut tx, scope, change, changes).await?;
        }
        tx.commit().await?;
        if told.changes.scopes.values().any(|changes| changes.compromise) {
            self.compromised.send_replace(());
        }
        if !told.is_nothing() {
            self.wake();
        }
        Ok(())
    }

    /// Notes that everything was applied that ca had committed by then.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn caught_up(&self, lease: &Lease, at: OffsetDateTime) -> Result<(), Error> {
        Ok(snapshots::caught_up(&self.db, lease, at).await?)
    }

    /// Where the entries are in the feed of ca; `None` if they are not known yet.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn place(&self) -> Result<Option<Cursor>, Error> {
        if !snapshots::known(&self.db).await?.is_complete(self.clock.now()) {
            return Ok(None);
        }
        // No snapshot: all places may be taken by lists that are written.
        match cursors::look(&self.db, service::CA, service::CRL).await {
            // A snapshot has another.
            Err(error) if error.is_of_content() => {
                tracing::error!(
                    cause = chain(&error),
                    "the place in the feed of ca cannot be read"
                );
                Ok(None)
            }
            place => Ok(Some(place?)),
        }
    }
}

async fn store_changes(
    tx: &mut Tx,
    scope: &Scope,
    change: i64,
    changes: &ScopeChanges,
) -> Result<(), StoreError> {
    let mut revoked = Vec::new();
    for each in changes.by_serial.values() {
        match each {
            Change::Revoked(entry) => revoked.push(*entry),
            Change::Released(serial) => {
                entries::release(tx, scope, serial, change).await?;
            }
        }
    }
    entries::put(tx, scope, (change, Source::Events), &revoked).await?;
    Ok(())
}

/// Where the entries are in the feed of ca.
pub(super) async fn place(tx: &mut Tx) -> Result<Cursor, StoreError> {
    cursors::load(tx, service::CA, service::CRL).await
}

/// Moves on from a place that was loaded before.
pub(super) async fn move_on(tx: &mut Tx, step: Step) -> Result<(), Error> {
    match cursors::advance(tx, service::CA, service::CRL, step).await? {
        true => Ok(()),
        false => Err(Error::internal(format!(
            "the feed of ca was read beyond {} by another process",
            step.from
        ))),
    }
}
