//! What the use cases say of themselves in a dry run: their consequences, and what these rest on.

use kit::clock::rfc3339;
use kit::dry_run::{Consequence, Plan, Severity, counted};
use time::OffsetDateTime;
use vocabulary::EventType;

use crate::domain::{ApiKey, Revocation, StoredKey, permissions};

/// What a key may be used for, as a fact.
fn state(key: &ApiKey) -> String {
    state_of(key.revoked.as_ref(), key.expires)
}

fn state_of(revoked: Option<&Revocation>, expires: Option<OffsetDateTime>) -> String {
    match (revoked, expires) {
        (Some(revocation), _) => format!("revoked since {}", rfc3339(revocation.time)),
        (None, Some(end)) => format!("good until {}", rfc3339(end)),
        (None, None) => "good until it is revoked".to_owned(),
    }
}

fn rests_on(plan: Plan, key: &ApiKey) -> Plan {
    plan.rests_on(format!("API key {}", key.prefix), state(key))
}

/// A key that would be made. `maker` is the one that makes it, if a key does.
pub(super) fn create(key: &ApiKey, maker: Option<&ApiKey>) -> Plan {
    let names = match key.allowed_names.is_empty() {
        true => "any name".to_owned(),
        false => key.allowed_names.join(", "),
    };
    let text = format!(
        "makes API key {:?} with {}, for {names}; it is {}",
        key.name.as_str(),
        key.roles.join(", "),
        state(key)
    );
    let may_grant = permissions(&key.roles)
        .iter()
        .any(|permission| *permission == kit::auth::permission::API_KEYS_WRITE);
    let severity = if may_grant {
        Severity::Warning
    } else {
        Severity::Info
    };
    let mut plan = Plan::new().causes(
        Consequence::new(EventType::ApiKeyCreated.name(), severity, text).of([key.name.as_str().to_owned()]),
    );
    if may_grant {
        let text = "whoever holds it can make further API keys and revoke those of others";
        plan = plan.causes(Consequence::new("auth.grants", Severity::Warning, text));
    }
    maker.into_iter().fold(plan, rests_on)
}

/// Keys that would be revoked: `taken` as they are then, `named` and `below` as they are before.
pub(super) fn revoke(
    named: &StoredKey,
    taken: &[StoredKey],
    below: &[StoredKey],
    with_descendants: bool,
) -> Plan {
    let prefixes = |keys: &[StoredKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    let count = |keys: &[StoredKey]| u64::try_from(keys.len()).unwrap_or(u64::MAX);
    let mut plan = Plan::new();
    plan = plan.rests_on(format!("API key {named}"), stored_state(named));
    plan = plan.rests_on("API keys that it made", {
        let mut all = prefixes(below);
        all.sort();
        all.join(" ")
    });
    if !taken.is_empty() {
        let text = match taken {
            [one] => format!(
                "API key {one} ({}) opens nothing any more; this cannot be undone",
                one.name().unwrap_or("its name cannot be read")
            ),
            _ => format!(
                "{} open nothing any more; this cannot be undone",
                counted(count(taken), "API key")
            ),
        };
        let revoked = Consequence::new(EventType::ApiKeyRevoked.name(), Severity::Danger, text);
        plan = plan.causes(revoked.of(prefixes(taken)));
    }
    if !below.is_empty() && !with_descendants {
        let text = format!(
            "{} that it made or that these made stay good; `descendants=true` revokes them too",
            counted(count(below), "API key")
        );
        let left = Consequence::new("auth.api_key_remaining", Severity::Warning, text);
        plan = plan.causes(left.of(prefixes(below)));
    }
    let all = taken.iter().chain(below.iter().filter(|_| !with_descendants));
    damaged(all).into_iter().fold(plan, Plan::causes)
}

/// What is said of keys whose rows cannot be read; nothing if there are none.
fn damaged<'a>(keys: impl Iterator<Item = &'a StoredKey>) -> Option<Consequence> {
    let named = |key: &StoredKey| Some(format!("{key}: {}", key.damage()?));
    let named: Vec<_> = keys.filter_map(named).collect();
    let count = u64::try_from(named.len()).unwrap_or(u64::MAX);
    let text = format!(
        "of {} among these the database cannot be read: whoever restores these columns restores the key, unless it is revoked",
        counted(count, "API key")
    );
    let damaged = Consequence::new("auth.api_key_damaged", Severity::Warning, text);
    (!named.is_empty()).then(|| damaged.of(named))
}

/// As [`state`] of what can be read.
fn stored_state(key: &StoredKey) -> String {
    match key {
        StoredKey::Sound(key) => state(key),
        StoredKey::Damaged(key) => format!(
            "{}; {} cannot be read",
            state_of(key.revoked.as_ref(), key.expires),
            key.damage
        ),
    }
}
