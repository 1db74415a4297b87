//! Take an API key back, and those that it made if asked for.
//!
//! Revoking twice is revoking once: the second time changes nothing and tells nobody. The last usable key that may
//! make keys stays, so that nobody locks everybody out; requests that revoke such keys take turns on their rows.
//!
//! What a key made stays by default: a key is mostly revoked to replace it, and its descendants end by their own time.
//! Whoever revokes is shown those that still open something, and takes them in a second call or at once.

use kit::auth::Caller;
use serde_json::json;
use store::Tx;
use store::outbox;
use store::time::{from_micros, to_micros};
use time::OffsetDateTime;

use super::{App, event};
use crate::domain::{ApiKey, Prefix, Revocation, Status};
use crate::error::Error;
use crate::store as tables;

/// What happens to the keys that a key made, those that these made, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descendants {
    /// They stay.
    Keep,
    /// They are revoked with it.
    Revoke,
}

/// What a revocation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    /// The descendants that were revoked with it.
    pub taken: Vec<ApiKey>,
    /// Those that still open something.
    pub remaining: Vec<ApiKey>,
}

impl App {
    /// Revokes the key of that prefix; durable when this returns.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::LastAdmin`], [`Error::Store`].
    pub async fn revoke(
        &self,
        prefix: &Prefix,
        descendants: Descendants,
        requester: &Caller,
    ) -> Result<Revoked, Error> {
        let now = from_micros(to_micros(self.clock.now()))?;
        let revocation = Revocation {
            time: now,
            by: requester.subject.clone(),
        };
        let mut tx = self.db.begin().await?;
        tables::take_turns(&mut tx).await?;
        tables::hold(&mut tx, prefix).await?;
        let found = tables::find_for_revocation(&mut tx, prefix).await?;
        let (key, administers) = found.ok_or_else(|| Error::NotFound(prefix.to_string()))?;
        let mut lost_admin = false;
        let mut taken = Vec::new();
        if key.revoked.is_none() {
            lost_admin |= administers && key.status(now) == Status::Active;
            taken.push(key);
            tables::revoke(&mut tx, prefix, &revocation).await?;
        }
        let below = descend(&mut tx, prefix, descendants, &revocation).await?;
        lost_admin |= below.lost_admin;
        taken.extend(
            below
                .keys
                .iter()
                .filter(|_| descendants == Descendants::Revoke)
                .cloned(),
        );
        if lost_admin && !tables::still_has_admin(&mut tx, now).await? {
            return Err(Error::LastAdmin(prefix.clone()));
        }
        let events: Vec<_> = taken.iter().map(|key| revoked(key, &revocation)).collect();
        if !events.is_empty() {
            outbox::append(&mut tx, &events, now).await?;
        }
        tx.commit().await?;
        if !taken.is_empty() {
            self.revocations.advance();
        }
        for key in &taken {
            tracing::info!(prefix = %key.prefix, by = requester.subject, "API key revoked");
        }
        Ok(match descendants {
            Descendants::Keep => Revoked {
                taken: Vec::new(),
                remaining: below.keys,
            },
            Descendants::Revoke => Revoked {
                taken: below.keys,
                remaining: Vec::new(),
            },
        })
    }
}

fn revoked(key: &ApiKey, revocation: &Revocation) -> outbox::NewEvent {
    event(
        "auth.api_key_revoked",
        key,
        &[("revoked_by", json!(revocation.by))],
    )
}

/// Usable keys below one.
#[derive(Default)]
struct Below {
    keys: Vec<ApiKey>,
    lost_admin: bool,
}

/// Key by key. Each key's row is held or changed before those that it made are read: a key that it makes at the same
/// time is either found or not made.
async fn descend(
    tx: &mut Tx,
    prefix: &Prefix,
    descendants: Descendants,
    revocation: &Revocation,
) -> Result<Below, Error> {
    let now: OffsetDateTime = revocation.time;
    let mut below = Below::default();
    let mut seen = std::collections::BTreeSet::from([prefix.clone()]);
    let mut level = vec![prefix.clone()];
    while let Some(maker) = level.pop() {
        for (mut key, administers) in tables::made_by(tx, &maker).await? {
            if !seen.insert(key.prefix.clone()) {
                continue;
            }
            level.push(key.prefix.clone());
            if key.status(now) != Status::Active {
                continue;
            }
            if descendants == Descendants::Revoke {
                tables::revoke(tx, &key.prefix, revocation).await?;
                key.revoked = Some(revocation.clone());
                below.lost_admin |= administers;
            }
            below.keys.push(key);
        }
    }
    Ok(below)
}
