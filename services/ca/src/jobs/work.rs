//! The long work of this service, as the runner of jobs calls it.

use futures::FutureExt;
use futures::future::BoxFuture;
use kit::error::Common;
use kit::jobs::{Collected, Failure, ItemDone, Work};
use serde::Deserialize;
use store::Tx;
use store::jobs::Job;

use crate::app::{App, REVOKE_MANY, StoredRevocations};
use crate::domain::{Brief, Damaged};
use crate::error::Error;
use crate::rest::Filters;

/// Revokes the certificates of a job.
pub(crate) struct RevokeMany(pub(crate) App);

impl Work for RevokeMany {
    fn kind(&self) -> &'static str {
        REVOKE_MANY
    }

    fn format(&self) -> i64 {
        StoredRevocations::FORMAT
    }

    fn collect<'a>(
        &'a self,
        job: &'a Job,
        cursor: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Collected, Failure>> {
        async move { Ok(self.collect(job, cursor).await?) }.boxed()
    }

    fn item<'a>(
        &'a self,
        job: &'a Job,
        tx: &'a mut Tx,
        object: &'a str,
    ) -> BoxFuture<'a, Result<ItemDone, Failure>> {
        async move {
            let stored = StoredRevocations::read(&job.request)?;
            Ok(self.0.revoke_one(tx, &stored, object).await?)
        }
        .boxed()
    }
}

impl RevokeMany {
    async fn collect(&self, job: &Job, cursor: Option<&str>) -> Result<Collected, Error> {
        let stored = StoredRevocations::read(&job.request)?;
        let filter = stored.filter.as_ref().map(Filters::deserialize);
        let Some(Ok(filter)) = filter else {
            return Err(Error::internal(format!(
                "the filter of job {} cannot be read",
                job.id
            )));
        };
        let (requester, query) = (stored.requester(), filter.query()?);
        let page = match self
            .0
            .matching(&requester, &query, cursor.map(str::to_owned))
            .await
        {
            // What cursors are bound to is not the same in every version. What is found again is not added again.
            Err(Error::Common(Common::Cursor(_))) if cursor.is_some() => {
                let id = self.0.jobs.id(job.id);
                tracing::warn!(job = %id, "the place of a job in its list is not one of this version; it is looked through again");
                self.0.matching(&requester, &query, None).await?
            }
            page => page?,
        };
        // One that cannot be read is an item too, on which the job fails, with the reason.
        let object = |one: Result<Brief, Damaged>| {
            one.map_or_else(|damaged| damaged.object, |one| one.serial.to_string())
        };
        Ok(Collected {
            objects: page.items.into_iter().map(object).collect(),
            next: page.next_cursor,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn members(of: impl serde::Serialize) -> String {
        match serde_json::to_value(of).unwrap() {
            Value::Object(members) => {
                let mut names: Vec<String> = members.into_iter().map(|(name, _)| name).collect();
                names.sort();
                names.join(" ")
            }
            other => panic!("{other}"),
        }
    }

    /// An earlier program passes over what it does not know, or fails on it: what is changed here needs another number.
    #[test]
    fn what_is_stored_has_the_members_of_its_form() {
        let stored = json!({"reason": "superseded", "invalidity_us": null, "filter": null, "requester": "a", "all": true});
        let read = StoredRevocations::read(&stored).unwrap();
        assert_eq!(StoredRevocations::FORMAT, 1);
        assert_eq!(members(read), "all filter invalidity_us reason requester");
        assert_eq!(
            members(Filters::default()),
            "ca expires_from expires_to fingerprint has_successor internal issued_from issued_to key_reused key_type lint \
             profile protocol q reason requester revoked_from revoked_to san san_suffix serial spki status subject"
        );
    }

    #[test]
    fn a_member_that_is_not_known_is_not_passed_over() {
        let mut stored = json!({"reason": "superseded", "filter": null, "requester": "a", "all": true});
        assert!(StoredRevocations::read(&stored).is_ok());
        stored["only_expired"] = json!(true);
        assert!(StoredRevocations::read(&stored).is_err());
    }
}
