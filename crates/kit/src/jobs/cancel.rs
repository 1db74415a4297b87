//! Ending a job before its end.

use store::jobs::{self, Job};
use uuid::Uuid;

use super::Jobs;
use super::rest::Error;
use crate::dry_run::{Answer, Consequence, Intent, Plan, RestIntent, Severity, counted};

impl Jobs {
    /// Asks a job to end: no item is begun any more once this is durable.
    ///
    /// # Errors
    /// There is none of that id, it has ended, the request does not hold to its preview, or the database.
    pub(super) async fn cancel(&self, id: Uuid, by: &str, intent: &RestIntent) -> Result<Answer<Job>, Error> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let job = jobs::hold_as_stored(&mut tx, id).await?.ok_or(Error::NotFound)?;
        if job.ended.is_some() {
            return Err(Error::Ended);
        }
        let asked = jobs::cancel(&mut tx, id, by, now).await?;
        let progress = jobs::progress_in(&mut tx, id).await?;
        let name = self.id(id);
        let plan = || {
            let plan = Plan::new().rests_on(format!("job {name}"), job.state.as_str());
            if !asked {
                return plan;
            }
            let text = format!(
                "job {name} ends: {} that were looked at stay as they are, and {} that were not are left alone",
                counted(progress.total() - progress.pending, "item"),
                counted(progress.pending, "item")
            );
            plan.causes(Consequence::new("job.canceled", Severity::Warning, text).of([name.to_string()]))
        };
        if let Some(preview) = self.previews.end(tx, intent, plan).await? {
            return Ok(RestIntent::planned(preview));
        }
        tracing::info!(job = %name, actor = by, "job asked to end");
        self.wake();
        let job = jobs::as_stored(&self.db, id).await?.ok_or(Error::NotFound)?;
        Ok(RestIntent::done(job))
    }
}
