//! The long work of this service, as the runner of jobs calls it.

use futures::FutureExt;
use futures::future::BoxFuture;
use kit::jobs::{Collected, Failure, ItemDone, Work};
use serde::Deserialize;
use store::Tx;
use store::jobs::Job;

use crate::app::{App, REVOKE_MANY, StoredRevocations};
use crate::error::Error;
use crate::rest::Filters;

/// Revokes the certificates of a job.
pub(crate) struct RevokeMany(pub(crate) App);

impl Work for RevokeMany {
    fn kind(&self) -> &'static str {
        REVOKE_MANY
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
        let (requester, cursor) = (stored.requester(), cursor.map(str::to_owned));
        let page = self.0.matching(&requester, &filter.query()?, cursor).await?;
        let serial = |one: crate::domain::Brief| one.serial.to_string();
        Ok(Collected {
            objects: page.items.into_iter().map(serial).collect(),
            next: page.next_cursor,
        })
    }
}
