//! Take an API key back, and those that it made if asked for.
//!
//! Revoking twice is revoking once: the second time changes nothing and sends no event. Requests that revoke take turns on
//! the rows of keys that may make keys. In its turn each looks at the clock, at who asked, and at until when some key may
//! make keys, before and after: a revocation may not make that earlier, so that the last of them is never lost, now or later.
//!
//! What a key made stays by default: a key is mostly revoked to replace it, and its descendants end by their own time.
//! Whoever revokes is shown those that still open something, and takes them in a second call or at once.

use kit::auth::Caller;
use kit::dry_run::Intent;
use rules::NameLimits;
use serde_json::json;
use store::time::{from_micros, to_micros};
use store::{Tx, outbox};
use time::OffsetDateTime;
use vocabulary::EventType;

use super::{App, event, plans};
use crate::domain::{ApiKey, Prefix, Revocation, Status, keeps_an_admin};
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
}

/// Whether a key would be revoked for that requester, who holds the permission. One of all keys may be
/// [indispensable](App::indispensable).
pub(crate) fn is_revocable(key: &ApiKey, requester: &Caller, indispensable: Option<&Prefix>) -> bool {
    key.revoked.is_none() && indispensable != Some(&key.prefix) && check_limits(key, requester).is_ok()
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
        let found = tables::find(&mut tx, prefix).await?;
        let key = found.ok_or_else(|| Error::NotFound(prefix.to_string()))?;
        check_limits(&key, requester)?;
        let before = tables::latest_admin(&mut tx).await?;
        let mut taken = Vec::new();
        if key.revoked.is_none() {
            taken.push(key.clone());
            tables::revoke(&mut tx, prefix, &revocation).await?;
        }
        let below = descend(&mut tx, prefix, descendants, &revocation).await?;
        taken.extend(
            below
                .iter()
                .filter(|_| descendants == Descendants::Revoke)
                .cloned(),
        );
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
        Ok(I::done(match descendants {
            Descendants::Keep => Revoked {
                taken: Vec::new(),
                remaining: below,
            },
            Descendants::Revoke => Revoked {
                taken: below,
                remaining: Vec::new(),
            },
        }))
    }

    /// Lets no cache of this process remember them.
    fn announce(&self, taken: &[ApiKey], requester: &Caller) {
        if !taken.is_empty() {
            self.revocations.advance();
        }
        for key in taken {
            tracing::info!(prefix = %key.prefix, actor = requester.subject, "API key revoked");
        }
    }
}

fn revoked(key: &ApiKey, revocation: &Revocation) -> outbox::NewEvent {
    event(
        EventType::ApiKeyRevoked,
        key,
        &[("revoked_by", json!(revocation.by))],
    )
}

/// Who is limited to some names takes back no key that may have others certified.
fn check_limits(key: &ApiKey, requester: &Caller) -> Result<(), Error> {
    let parse = |patterns: &[String]| {
        NameLimits::parse(patterns).map_err(|error| Error::invalid("allowed_names", error))
    };
    let (of_key, own) = (parse(&key.allowed_names)?, parse(&requester.allowed_names)?);
    let wider = of_key.is_unlimited() || own.exceeded_by(&of_key).is_some();
    if own.is_unlimited() || !wider {
        return Ok(());
    }
    Err(Error::WiderKey {
        prefix: key.prefix.clone(),
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
) -> Result<Vec<ApiKey>, Error> {
    let mut below = Vec::new();
    let mut seen = std::collections::BTreeSet::from([prefix.clone()]);
    let mut level = vec![prefix.clone()];
    while let Some(maker) = level.pop() {
        for mut key in tables::made_by(tx, &maker).await? {
            if !seen.insert(key.prefix.clone()) {
                continue;
            }
            level.push(key.prefix.clone());
            if key.status(revocation.time) != Status::Active {
                continue;
            }
            if descendants == Descendants::Revoke {
                tables::revoke(tx, &key.prefix, revocation).await?;
                key.revoked = Some(revocation.clone());
            }
            below.push(key);
        }
    }
    Ok(below)
}
