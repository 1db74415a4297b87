//! Take an API key back, and those that it made if asked for.
//!
//! Revoking twice is revoking once: the second time changes nothing and sends no event. Requests that revoke take turns on
//! the rows of keys that may make keys. In its turn each looks at the clock, at who asked, and at until when some key may
//! make keys, before and after: a revocation may not make that earlier, so that the last of them is never lost, now or later.
//!
//! What a key made stays by default: a key is mostly revoked to replace it, and its descendants end by their own time.
//! Whoever revokes is shown those that still open something, and takes them in a second call or at once.
//!
//! A key whose row cannot be read is revoked like the others, by its prefix, and those that it made are found: it may be
//! restored. What cannot be read of it does not spare it; nor does it let a caller revoke it whose right cannot be seen.

use std::collections::BTreeSet;

use kit::auth::Caller;
use kit::dry_run::Intent;
use rules::NameLimits;
use serde_json::json;
use store::time::{from_micros, to_micros};
use store::{Damage, Tx, outbox};
use time::OffsetDateTime;
use vocabulary::EventType;

use super::{App, plans};
use crate::domain::{ApiKey, DamagedKey, Prefix, Revocation, Status, StoredKey, keeps_an_admin};
use crate::error::Error;
use crate::tables;

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
    /// The keys among all of these, and the named one, whose rows cannot be read: revoked too, or left.
    pub damaged: Vec<DamagedKey>,
}

/// Whether a key would be revoked for that requester, who holds the permission. One of all keys may be
/// [indispensable](App::indispensable).
pub(crate) fn is_revocable(key: &ApiKey, requester: &Caller, indispensable: Option<&Prefix>) -> bool {
    key.revoked.is_none()
        && indispensable != Some(&key.prefix)
        && check_names(&key.prefix, Some(&key.allowed_names), requester).is_ok()
}

impl App {
    /// Revokes the key of that prefix; durable when this returns.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::LastAdmin`], [`Error::WiderKey`], `Common::Store`.
    pub async fn revoke<I: Intent>(
        &self,
        prefix: &Prefix,
        descendants: Descendants,
        requester: &Caller,
        intent: &I,
    ) -> Result<I::Answer<Revoked>, Error> {
        let mut tx = self.db.begin().await?;
        tables::lock_admin_keys(&mut tx).await?;
        // Only now: a key may have ended while this waited for its turn.
        let now = from_micros(to_micros(self.clock.now()))?;
        let revocation = Revocation {
            time: now,
            by: requester.subject.clone(),
        };
        check_requester(&mut tx, requester, now).await?;
        tables::hold(&mut tx, prefix).await?;
        let found = tables::find_as_stored(&mut tx, prefix).await?;
        let key = found.ok_or_else(|| Error::NotFound(prefix.to_string()))?;
        check_limits(&key, requester)?;
        let before = tables::latest_admin(&mut tx).await?;
        let mut taken = Vec::new();
        if key.revocation().is_none() {
            taken.push(key.clone());
            tables::revoke(&mut tx, prefix, &revocation).await?;
        }
        let named = taken.len();
        let below = descend(&mut tx, prefix, descendants, &revocation).await?;
        if descendants == Descendants::Revoke {
            taken.extend_from_slice(&below);
        }
        if !keeps_an_admin(before, tables::latest_admin(&mut tx).await?, now) {
            return Err(Error::LastAdmin(prefix.clone()));
        }
        for key in &taken {
            check_limits(key, requester)?;
        }
        let events: Vec<_> = taken.iter().map(|key| revoked(key, &revocation)).collect();
        if !events.is_empty() {
            outbox::append(&mut tx, &events, now).await?;
        }
        let plan = || plans::revoke(&key, &taken, &below, descendants == Descendants::Revoke);
        if let Some(preview) = self.previews.end(tx, intent, plan).await? {
            return Ok(I::planned(preview));
        }
        self.announce(&taken, requester);
        let named = taken
            .into_iter()
            .take(named)
            .map(|key| key.revoked(revocation.clone()));
        Ok(I::done(Revoked::of(named, below, descendants)))
    }

    /// Lets no cache of this process remember them.
    fn announce(&self, taken: &[StoredKey], requester: &Caller) {
        if !taken.is_empty() {
            self.revocations.advance();
        }
        for key in taken {
            let damage = key.damage().map(tracing::field::display);
            tracing::info!(prefix = %key, actor = requester.subject, damage, "API key revoked");
        }
    }
}

impl Revoked {
    /// What is answered: the `named` key only if its row cannot be read.
    fn of(named: impl Iterator<Item = StoredKey>, below: Vec<StoredKey>, descendants: Descendants) -> Self {
        let mut done = Self::default();
        done.damaged.extend(named.filter_map(StoredKey::damaged));
        for key in below {
            match (key, descendants) {
                (StoredKey::Damaged(key), _) => done.damaged.push(key),
                (StoredKey::Sound(key), Descendants::Keep) => done.remaining.push(key),
                (StoredKey::Sound(key), Descendants::Revoke) => done.taken.push(key),
            }
        }
        done
    }
}

/// The event of one key; what cannot be read of it is null.
fn revoked(key: &StoredKey, revocation: &Revocation) -> outbox::NewEvent {
    let data = json!({
        "prefix": key.prefix().map(Prefix::as_str),
        "name": key.name(),
        "roles": key.roles(),
        "revoked_by": revocation.by,
        "damage": key.damage().map(Damage::columns).unwrap_or_default(),
    });
    kit::trace::event(EventType::ApiKeyRevoked, key.to_string(), data)
}

fn check_limits(key: &StoredKey, requester: &Caller) -> Result<(), Error> {
    check_names(key, key.allowed_names(), requester)
}

/// Who is limited to some names takes back no key that may have others certified. Which it may that cannot be read may be all.
fn check_names(prefix: &impl ToString, allowed: Option<&[String]>, requester: &Caller) -> Result<(), Error> {
    let parse = |patterns: &[String]| {
        NameLimits::parse(patterns).map_err(|error| Error::invalid("allowed_names", error))
    };
    let own = parse(&requester.allowed_names)?;
    if own.is_unlimited() {
        return Ok(());
    }
    let of_key = allowed.map(parse).transpose()?;
    if of_key.is_some_and(|of_key| !of_key.is_unlimited() && own.exceeded_by(&of_key).is_none()) {
        return Ok(());
    }
    Err(Error::WiderKey {
        prefix: prefix.to_string(),
        own: own.patterns().join(", "),
    })
}

/// Who asked may have been revoked since it was authenticated: by a request that was before this one in turn.
async fn check_requester(tx: &mut Tx, requester: &Caller, now: OffsetDateTime) -> Result<(), Error> {
    let Some(prefix) = Prefix::of_subject(&requester.subject) else {
        return Ok(());
    };
    let found = tables::find(tx, &prefix).await?;
    let active = found.is_some_and(|key| key.status(now) == Status::Active);
    if active && !tables::line_end_in(tx, &prefix).await?.is_over(now) {
        return Ok(());
    }
    Err(Error::BadCredential)
}

/// The usable keys below one, key by key. Each key's row is held or changed before those that it made are read: a key that
/// it makes at the same time is either found or not made.
async fn descend(
    tx: &mut Tx,
    prefix: &Prefix,
    descendants: Descendants,
    revocation: &Revocation,
) -> Result<Vec<StoredKey>, Error> {
    let mut below = Vec::new();
    let mut seen = BTreeSet::from([prefix.clone()]);
    let mut level = vec![prefix.clone()];
    while let Some(maker) = level.pop() {
        let mut unnamed = false;
        for mut key in tables::made_by(tx, &maker).await? {
            let prefix = key.prefix().cloned();
            if let Some(prefix) = &prefix {
                if !seen.insert(prefix.clone()) {
                    continue;
                }
                level.push(prefix.clone());
            }
            if key.status(revocation.time) != Status::Active {
                continue;
            }
            if descendants == Descendants::Revoke {
                match &prefix {
                    Some(prefix) => tables::revoke(tx, prefix, revocation).await?,
                    None => unnamed = true,
                }
                key = key.revoked(revocation.clone());
            }
            below.push(key);
        }
        if unnamed {
            tables::revoke_unnamed(tx, &maker, revocation).await?;
        }
    }
    Ok(below)
}
