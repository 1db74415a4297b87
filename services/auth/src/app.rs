//! The use cases, one a file. No axum, tonic or SQL in here.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod authenticate;
mod create;
mod first_admin;
mod last_used;
mod list;
mod plans;
mod revoke;

pub use create::{CreateRequest, Created};
pub use first_admin::KeepToken;
pub(crate) use revoke::is_revocable;
pub use revoke::{Descendants, Revoked};

use std::sync::Arc;
use std::time::Duration;

use kit::auth::Epoch;
use kit::clock::SharedClock;
use kit::dry_run::Previews;
use serde_json::{Value, json};
use store::Db;
use store::outbox::NewEvent;
use vocabulary::EventType;

use crate::domain::{ApiKey, End, Prefix, keeps_an_admin};
use crate::error::Error;
use crate::tables;
use last_used::LastUsed;

/// What the use cases share.
#[derive(Clone)]
pub struct App {
    db: Db,
    clock: SharedClock,
    max_validity: Duration,
    last_used: Arc<LastUsed>,
    revocations: Epoch,
    previews: Previews,
}

impl App {
    pub(crate) fn new(db: Db, clock: SharedClock, max_validity: Duration, revocations: Epoch) -> Self {
        Self {
            previews: Previews::new(db.clone(), Arc::clone(&clock)),
            db,
            clock,
            max_validity,
            last_used: Arc::default(),
            revocations,
        }
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// The key that is not revoked, because no other one may make keys for as long; `None` where each may go.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn indispensable(&self) -> Result<Option<Prefix>, Error> {
        let latest = tables::latest_admins(&self.db).await?;
        Ok(latest
            .filter(|(_, end, next)| !keeps_an_admin(Some(*end), *next, self.clock.now()))
            .map(|(prefix, ..)| prefix))
    }

    /// Until when API keys can be made; `None` if no key may make any.
    pub(crate) async fn last_admin(&self) -> Result<Option<End>, Error> {
        let latest = tables::latest_admins(&self.db).await?;
        Ok(latest.map(|(_, end, _)| end))
    }
}

/// An event about `key`. `more` are the facts beside its own.
fn event(kind: EventType, key: &ApiKey, more: &[(&str, Value)]) -> NewEvent {
    let mut data = json!({ "prefix": key.prefix.as_str(), "name": key.name.as_str(), "roles": key.roles });
    for (name, value) in more {
        if let Some(members) = data.as_object_mut() {
            members.insert((*name).to_owned(), value.clone());
        }
    }
    kit::trace::event(kind, key.prefix.as_str(), data)
}
