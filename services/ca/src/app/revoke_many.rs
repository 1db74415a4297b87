//! Revoke many certificates: accepted at once, done one by one as a job.
//!
//! Each certificate goes the way of [`App::revoke`]: the same decision, the same event, in one transaction with the note of
//! the job that it is done. What was revoked before is skipped; what must not be revoked fails, with the reason, and the
//! others go on.

use kit::dry_run::{Intent, Plan};
use kit::error::{Fault as _, Kind};
use kit::idempotency::IdempotencyKey;
use kit::jobs::{Accepted, ItemDone, JobRequest, NotStored};
use kit::page::{Ask, Limit, Page};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Tx;
use time::OffsetDateTime;
use uuid::Uuid;
use x509::crl::Reason;

use super::find::find_in;
use super::issue::hash;
use super::{App, Requester, RevokeRequest, Visibility, plans};
use crate::domain::lifecycle;
use crate::domain::{Issued, Query, Seen, Status};
use crate::error::Error;

/// Name of this kind of job.
pub(crate) const KIND: &str = "certificates.revoke";
/// Most serial numbers of one request.
pub(crate) const MOST_SERIALS: usize = 5_000;
/// Certificates that a dry run counts; there may be more.
const MOST_COUNTED: usize = 10_000;

/// Which certificates.
#[derive(Clone, Debug)]
pub enum Selection {
    /// These, by serial number in lower-case hex.
    Serials(Vec<String>),
    /// All that match and are valid or on hold. The JSON is what the query was read from.
    Matching(Box<Query>, Value),
}

/// Which certificates to revoke, and why.
#[derive(Clone, Debug)]
pub struct RevokeMany {
    /// Which ones.
    pub selection: Selection,
    /// Why; neither a hold nor for CAs.
    pub reason: Reason,
    /// As in [`RevokeRequest::invalidity`]; a certificate whose life does not include it fails.
    pub invalidity: Option<OffsetDateTime>,
    /// Makes a repeated request have one effect.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// What the job keeps of the request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    reason: String,
    /// Microseconds since the Unix epoch.
    invalidity_us: Option<i64>,
    /// What [`Selection::Matching`] was read from.
    pub(crate) filter: Option<Value>,
    requester: String,
    /// Whether they may revoke certificates of everybody.
    all: bool,
    allowed_names: Vec<String>,
}

impl Stored {
    pub(crate) fn read(request: &Value) -> Result<Self, Error> {
        Self::deserialize(request)
            .map_err(|error| Error::Internal(format!("the request of a stored job cannot be read: {error}")))
    }

    /// Who asked, with the rights that they had when the job was accepted.
    pub(crate) fn requester(&self) -> Requester {
        Requester {
            subject: self.requester.clone(),
            issues: super::ProfileScope::Development,
            sees: if self.all {
                Visibility::All
            } else {
                Visibility::Own
            },
            rights: super::Rights::default(),
            on_behalf: false,
            seen: Seen::Any,
        }
    }

    fn revocation_of(&self, serial: &str) -> Result<RevokeRequest, Error> {
        Ok(RevokeRequest {
            serial: serial.to_owned(),
            reason: self
                .reason
                .parse()
                .map_err(|error| Error::invalid("reason", error))?,
            invalidity: self.invalidity_us.map(store::time::from_micros).transpose()?,
            same_key: false,
        })
    }
}

/// One of the statuses that a certificate can be revoked from.
pub(crate) const REVOCABLE: [Status; 2] = [Status::OnHold, Status::Valid];

impl App {
    /// Accepts the revocation of many certificates. Answers the job that does it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a reason that these cannot have; [`Error::IdempotencyConflict`]; [`Error::Job`] if the requester
    /// has too much waiting; [`Error::Store`].
    pub async fn revoke_many<I: Intent>(
        &self,
        requester: &Requester,
        request: RevokeMany,
        intent: &I,
    ) -> Result<I::Answer<Uuid>, Error> {
        lifecycle::check_reason(request.reason, false)?;
        let wanted = wanted(requester, &request)?;
        if let Some(job) = self.accepted_before(&wanted).await? {
            let plan = || plans::accepted_before(&self.jobs.id(job).to_string());
            return Ok(match self.previews.settle_repetition(intent, plan).await? {
                Some(preview) => I::planned(preview),
                None => I::done(job),
            });
        }
        let plan = match intent.is_planned() {
            true => self.plan_of_many(requester, &request).await?,
            false => Plan::new(),
        };
        if let Some(preview) = self.previews.settle(intent, || plan).await? {
            return Ok(I::planned(preview));
        }
        let mut tx = self.db.begin().await?;
        let job = match self.jobs.store(&mut tx, &wanted).await {
            Ok(job) => job,
            Err(NotStored::Store(error)) if error.is_unique_violation("jobs(key_sha256)") => {
                tx.rollback().await?;
                let earlier = self.accepted_before(&wanted).await?;
                return earlier.map(I::done).ok_or(Error::IdempotencyConflict);
            }
            Err(error) => return Err(error.into()),
        };
        tx.commit().await?;
        self.jobs.wake();
        tracing::info!(job = %self.jobs.id(job), actor = requester.subject, reason = %request.reason, "revocations accepted");
        Ok(I::done(job))
    }

    async fn accepted_before(&self, wanted: &JobRequest) -> Result<Option<Uuid>, Error> {
        match self.jobs.before(wanted).await? {
            Some(Accepted::Before(job) | Accepted::New(job)) => Ok(Some(job)),
            Some(Accepted::Conflict) => Err(Error::IdempotencyConflict),
            None => Ok(None),
        }
    }

    /// What a dry run says: certificates as they are now.
    async fn plan_of_many(&self, requester: &Requester, request: &RevokeMany) -> Result<Plan, Error> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        let mut more = false;
        match &request.selection {
            Selection::Serials(serials) => {
                for serial in serials {
                    match self.find(requester, serial).await {
                        Ok(certificate) => found.push(certificate),
                        Err(error) if error.kind() == Kind::NotFound => missing.push(serial.clone()),
                        Err(error) => return Err(error),
                    }
                }
            }
            Selection::Matching(query, _) => {
                let mut cursor = None;
                // Counts beyond the most are not shown, so they are not counted: a filter may match millions.
                loop {
                    let page = self.matching(requester, query, cursor).await?;
                    found.extend(page.items);
                    more = found.len() > MOST_COUNTED;
                    cursor = page.next_cursor;
                    if cursor.is_none() || more {
                        break;
                    }
                }
            }
        }
        Ok(plans::revoke_many(&found, &missing, request.reason, more))
    }

    /// One page of those that match and can be revoked.
    pub(crate) async fn matching(
        &self,
        requester: &Requester,
        query: &Query,
        cursor: Option<String>,
    ) -> Result<Page<Issued>, Error> {
        let mut query = query.clone();
        if query.status.is_empty() {
            query.status = REVOCABLE.to_vec();
        }
        let ask = Ask::first("certificates of a job", Limit::LARGEST).at(cursor);
        self.search(requester, query, &ask).await
    }

    /// Revokes one certificate of a job in the transaction that notes it.
    pub(crate) async fn revoke_one(
        &self,
        tx: &mut Tx,
        stored: &Stored,
        serial: &str,
    ) -> Result<ItemDone, Error> {
        let requester = stored.requester();
        let request = stored.revocation_of(serial)?;
        let found = find_in(tx, &requester, serial).await?;
        match self.revoke_in(tx, &requester, &request, &found).await {
            Ok(mut decided) => {
                decided.changes.append(tx).await?;
                Ok(ItemDone::Done(Box::new(decided.changes.announcement())))
            }
            // Only the status of the certificate makes this a conflict: it is revoked, and that is what was wanted.
            Err(Error::Conflict(why)) => Ok(ItemDone::Skipped(why)),
            Err(error) => Err(error),
        }
    }
}

fn wanted(requester: &Requester, request: &RevokeMany) -> Result<JobRequest, Error> {
    let (objects, filter) = match &request.selection {
        Selection::Serials(serials) => (Some(serials.clone()), None),
        Selection::Matching(_, filter) => (None, Some(filter.clone())),
    };
    let stored = Stored {
        reason: request.reason.to_string(),
        invalidity_us: request.invalidity.map(store::time::to_micros),
        filter,
        requester: requester.subject.clone(),
        all: requester.sees == Visibility::All,
        allowed_names: requester.rights.allowed_names.clone(),
    };
    let stored = serde_json::to_value(stored).map_err(|error| Error::Internal(error.to_string()))?;
    let claim = request.idempotency_key.as_ref().map(|key| {
        let listed = objects.as_ref().map(|serials| serials.join(" "));
        let asked = hash(&[
            Some(KIND.as_bytes()),
            Some(stored.to_string().as_bytes()),
            listed.as_deref().map(str::as_bytes),
        ]);
        (key.hash(&requester.subject), asked)
    });
    Ok(JobRequest {
        kind: KIND,
        requester: requester.subject.clone(),
        request: stored,
        objects,
        claim,
    })
}
