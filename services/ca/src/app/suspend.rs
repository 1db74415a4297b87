//! Stop a CA from issuing, and let it go on.

use std::sync::Arc;

use kit::dry_run::Intent;
use vocabulary::EventType;

use super::{App, Requester, plans};
use crate::domain::{Authority, Suspension};
use crate::error::Error;
use crate::tables::authorities;

impl App {
    /// Stops a CA from issuing: once this has committed, nothing that it signed is stored or answered. Answers the CA; one
    /// that is suspended already stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`]; `Common::Store`.
    pub async fn suspend<I: Intent>(
        &self,
        requester: &Requester,
        name: &str,
        intent: &I,
    ) -> Result<I::Answer<Arc<Authority>>, Error> {
        let suspension = Suspension {
            since: self.clock.now(),
            by: requester.subject.clone(),
        };
        self.set_suspension(requester, name, Some(suspension), intent)
            .await
    }

    /// Lets a CA issue again.
    ///
    /// # Errors
    /// [`Error::NotFound`]; `Common::Store`.
    pub async fn resume<I: Intent>(
        &self,
        requester: &Requester,
        name: &str,
        intent: &I,
    ) -> Result<I::Answer<Arc<Authority>>, Error> {
        self.set_suspension(requester, name, None, intent).await
    }

    async fn set_suspension<I: Intent>(
        &self,
        requester: &Requester,
        name: &str,
        next: Option<Suspension>,
        intent: &I,
    ) -> Result<I::Answer<Arc<Authority>>, Error> {
        let authority = self.authorities.by_name(name).await?;
        let kind = match next {
            Some(_) => EventType::CaSuspended,
            None => EventType::CaResumed,
        };
        let mut tx = self.db.begin().await?;
        let changed = authorities::set_suspension(&mut tx, name, next.as_ref()).await?;
        if changed {
            let data = serde_json::json!({"ca": name, "actor": requester.subject});
            let event = kit::trace::event(kind, name, data);
            store::outbox::append(&mut tx, &[event], self.clock.now()).await?;
        }
        let plan = || plans::suspension(&authority, next.is_some(), changed);
        if let Some(preview) = self.previews.end(tx, intent, plan).await? {
            return Ok(I::planned(preview));
        }
        if changed {
            tracing::warn!(ca = name, actor = requester.subject, "{}", kind.name());
        }
        self.authorities.refresh().await?;
        self.authorities.by_name(name).await.map(I::done)
    }
}
