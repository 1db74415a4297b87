//! Apply events of ca to the entries, each once: the place in the feed moves in the same transaction.

use proto::feed::v1::FeedEvent;
use serde::Deserialize;
use store::feed::Cursor;
use store::feed::cursors::{self, Step};
use store::lease::Lease;
use store::time::from_micros;
use store::{StoreError, Tx};
use vocabulary::{EventType, event, service};
use x509::Serial;
use x509::crl::{CrlEntry, Reason};

use super::App;
use crate::domain::Scope;
use crate::domain::change::{Change, Changes, Revoked, ScopeChanges};
use crate::error::Error;
use crate::tables::entries::{self, Source};
use crate::tables::{scopes, snapshots};

/// What events say that bears on lists.
#[derive(Default)]
pub(crate) struct Told {
    changes: Changes,
    /// A CA was added.
    pub(crate) issuers: bool,
    /// A process of an earlier version wrote an event that does not say whose CRL it belongs in: only a snapshot tells.
    pub(crate) unclear: bool,
}

/// What an event of a certificate says of its revocation. Absent members are those of an earlier version.
#[derive(Deserialize)]
struct Data {
    issuer: Option<String>,
    #[serde(default)]
    crl_shard: Option<u32>,
    reason: Option<String>,
    revocation_time_us: Option<i64>,
    invalidity_time_us: Option<i64>,
    not_after_us: Option<i64>,
}

impl Told {
    /// Reads events in their order.
    ///
    /// # Errors
    /// An event about a revocation that cannot be read: it is not passed over, since a list without it would be wrong.
    pub(crate) fn read(events: &[FeedEvent]) -> Result<Self, Error> {
        let mut told = Self::default();
        for event in events {
            let name = event.r#type.strip_prefix(event::PREFIX).unwrap_or_default();
            let is = |kind: EventType| kind.name() == name;
            if is(EventType::CaCreated) {
                told.issuers = true;
            }
            let released = is(EventType::CertificateReleased);
            if released
                || is(EventType::CertificateHeld)
                || is(EventType::CertificateRevoked)
                || is(EventType::CertificateRevocationAmended)
            {
                told.add(event, released)?;
            }
        }
        Ok(told)
    }

    fn add(&mut self, event: &FeedEvent, released: bool) -> Result<(), Error> {
        let unreadable = |what: &dyn std::fmt::Display| {
            Error::internal(format!("event {} of {}: {what}", event.id, event.subject))
        };
        let data: Data = serde_json::from_str(&event.data).map_err(|error| unreadable(&error))?;
        let (Some(issuer), Some(not_after_us)) = (data.issuer, data.not_after_us) else {
            self.unclear = true;
            return Ok(());
        };
        let serial: Serial = event.subject.parse().map_err(|error| unreadable(&error))?;
        let change = match (released, data.reason, data.revocation_time_us) {
            (true, _, _) => Change::Released(serial),
            (false, Some(reason), Some(time_us)) => Change::Revoked(Revoked {
                entry: CrlEntry {
                    serial,
                    time: from_micros(time_us)?,
                    reason: Some(
                        match reason.parse::<Reason>().map_err(|error| unreadable(&error))? {
                            // Ca says that it is revoked: a row with this reason would be a hold that was released.
                            Reason::RemoveFromCrl => Reason::Unspecified,
                            reason => reason,
                        },
                    ),
                    invalidity: data.invalidity_time_us.map(from_micros).transpose()?,
                },
                not_after: from_micros(not_after_us)?,
            }),
            (false, _, _) => return Err(unreadable(&"it has no reason or no time")),
        };
        let shard = data.crl_shard.unwrap_or(0);
        self.changes.add(Scope { issuer, shard }, change);
        Ok(())
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
    pub(crate) async fn apply(&self, lease: &Lease, step: Step, told: &Told) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lease.hold(&mut tx).await?;
        move_on(&mut tx, step).await?;
        for (scope, changes) in &told.changes.scopes {
            let urgent = self.is_immediate() || changes.compromise;
            let change = scopes::next_change(&mut tx, scope, urgent).await?;
            store_changes(&mut tx, scope, change, changes).await?;
        }
        tx.commit().await?;
        if !told.is_nothing() {
            self.wake();
        }
        Ok(())
    }
}

impl App {
    /// Where the entries are in the feed of ca; `None` if they are not known yet.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn place(&self) -> Result<Option<Cursor>, Error> {
        if !snapshots::is_complete(&self.db, self.clock.now()).await? {
            return Ok(None);
        }
        let mut tx = self.db.begin_snapshot().await?;
        Ok(Some(place(&mut tx).await?))
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

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn event(kind: EventType, data: serde_json::Value) -> FeedEvent {
        FeedEvent {
            id: "1".to_owned(),
            r#type: format!("{}{}", event::PREFIX, kind.name()),
            subject: "0a".to_owned(),
            data: data.to_string(),
            ..FeedEvent::default()
        }
    }

    #[test]
    fn an_event_of_an_earlier_version_asks_for_a_snapshot_and_one_that_cannot_be_read_is_not_passed_over() {
        let earlier = serde_json::json!({"serial": "0a", "reason": "superseded"});
        let told = Told::read(&[event(EventType::CertificateRevoked, earlier)]).unwrap();
        assert!(told.unclear && told.is_nothing());
        let damaged = serde_json::json!({"issuer": "a", "not_after_us": 1, "reason": "who knows", "revocation_time_us": 1});
        assert!(Told::read(&[event(EventType::CertificateRevoked, damaged)]).is_err());
        let issued = event(EventType::CertificateIssued, serde_json::json!({"serial": "0a"}));
        let told = Told::read(&[issued, event(EventType::CaCreated, serde_json::json!({}))]).unwrap();
        assert!(told.issuers && !told.unclear && told.is_nothing());
    }

    #[test]
    fn times_are_exact() {
        let time = datetime!(2027-01-02 3:04:05.000006 UTC);
        let us = store::time::to_micros(time);
        let data = serde_json::json!({
            "issuer": "a", "crl_shard": 3, "not_after_us": us, "reason": "key-compromise",
            "revocation_time_us": us, "invalidity_time_us": null,
        });
        let told = Told::read(&[event(EventType::CertificateRevoked, data)]).unwrap();
        let scope = Scope {
            issuer: "a".to_owned(),
            shard: 3,
        };
        let changes = &told.changes.scopes[&scope];
        assert!(changes.compromise);
        let serial: Serial = "0a".parse().unwrap();
        let Change::Revoked(revoked) = changes.by_serial[&serial] else {
            panic!("it was revoked");
        };
        assert_eq!((revoked.entry.time, revoked.not_after), (time, time));
    }
}
