//! Take an API key back.
//!
//! Revoking twice is revoking once: the second time changes nothing and tells nobody. The last usable key that may
//! make keys stays, so that nobody locks everybody out; requests that revoke such keys take turns on their rows.

use kit::auth::Caller;
use serde_json::json;
use store::outbox;
use store::time::{from_micros, to_micros};

use super::{App, event};
use crate::domain::{Prefix, Revocation, Status};
use crate::error::Error;
use crate::store as tables;

impl App {
    /// Revokes the key of that prefix; durable when this returns.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::LastAdmin`], [`Error::Store`].
    pub async fn revoke(&self, prefix: &Prefix, requester: &Caller) -> Result<(), Error> {
        let now = from_micros(to_micros(self.clock.now()))?;
        let mut tx = self.db.begin().await?;
        tables::take_turns(&mut tx).await?;
        let found = tables::find_for_revocation(&mut tx, prefix).await?;
        let (key, administers) = found.ok_or_else(|| Error::NotFound(prefix.to_string()))?;
        if key.revoked.is_some() {
            return Ok(());
        }
        let counts = administers && key.status(now) == Status::Active;
        if counts && !tables::has_other_admin(&mut tx, prefix, now).await? {
            return Err(Error::LastAdmin(prefix.clone()));
        }
        let revocation = Revocation {
            time: now,
            by: requester.subject.clone(),
        };
        tables::revoke(&mut tx, prefix, &revocation).await?;
        let revoked = event(
            "auth.api_key_revoked",
            &key,
            &[("revoked_by", json!(revocation.by))],
        );
        outbox::append(&mut tx, &[revoked], now).await?;
        tx.commit().await?;
        self.revocations.advance();
        tracing::info!(prefix = %prefix, by = requester.subject, "API key revoked");
        Ok(())
    }
}
