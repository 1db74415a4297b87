//! Revoke many certificates: accepted at once, done one by one as a job.
//!
//! Each certificate goes the way of [`App::revoke`]: the same decision, the same event, in one transaction with the note of
//! the job that it is done. What was revoked before is skipped; what must not be revoked fails, with the reason, and the
//! others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use kit::dry_run::Intent;
use kit::error::Common;
use kit::idempotency::{IdempotencyKey, digest};
use kit::jobs::{ItemDone, JobRequest, NotStored};
use kit::page::{Ask, Limit, Page, Walk};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Tx;
use time::OffsetDateTime;
use uuid::Uuid;
use x509::crl::Reason;
use x509::serial::Serial;

use super::find::find_in;
use super::foresee::Foreseen;
use super::{App, Requester, RevokeRequest, Revoked, Visibility, plans};
use crate::domain::{Brief, Damaged, OCSP_SIGNER, Query, Seen, Status, lifecycle};
use crate::error::Error;

/// Name of this kind of job.
pub(crate) const KIND: &str = "certificates.revoke";
/// Most serial numbers of one request.
pub(crate) const MOST_SERIALS: usize = 5_000;
/// Certificates of a filter that a preview counts and holds a job to; there may be more.
pub(super) const MOST_COUNTED: usize = 10_000;
/// What cursors of a job are bound to.
const LIST: &str = "certificates of a job";

/// Which certificates.
#[derive(Clone, Debug)]
pub enum Selection {
    /// These, each once, however it was written.
    Serials(BTreeSet<Serial>),
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

/// What the job keeps of the request, in the form [`Stored::FORMAT`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    reason: String,
    /// Microseconds since the Unix epoch.
    invalidity_us: Option<i64>,
    /// What [`Selection::Matching`] was read from.
    pub(crate) filter: Option<Value>,
    requester: String,
    /// Whether they may revoke certificates of everybody.
    all: bool,
}

/// Certificates that a request selects, as they are now.
#[derive(Default)]
pub(super) struct SelectedCertificates {
    pub(super) certificates: Vec<Brief>,
    /// Those that cannot be read, on which the job fails, and why.
    pub(super) damaged: BTreeMap<String, String>,
    /// Serial numbers of no certificate that the requester may see.
    pub(super) missing: Vec<Serial>,
    /// More match than are counted.
    pub(super) more: bool,
}

impl Stored {
    /// Another member here or of the filters is another form ([`kit::jobs::Work::format`]).
    pub(crate) const FORMAT: i64 = 1;

    pub(crate) fn read(request: &Value) -> Result<Self, Error> {
        Self::deserialize(request)
            .map_err(|error| Error::internal(format!("the request of a stored job cannot be read: {error}")))
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

    /// Whether the filter compares certificates by their names ([`Query::compares_names`]).
    fn compares_names(&self) -> bool {
        let members = self.filter.as_ref().and_then(Value::as_object);
        let asks = |name| {
            members
                .and_then(|members| members.get(name))
                .is_some_and(|value| !value.is_null())
        };
        ["san", "san_suffix", "q"].into_iter().any(asks)
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
            descendants: false,
        })
    }
}

/// One of the statuses that a certificate can be revoked from.
pub(crate) const REVOCABLE: [Status; 2] = [Status::OnHold, Status::Valid];

impl App {
    /// Accepts the revocation of many certificates. Answers the job that does it.
    ///
    /// # Errors
    /// `Common::Invalid` for a reason or a time that these cannot have; `Common::IdempotencyConflict`; `Common::Job` if the requester
    /// has too much waiting; `Common::Busy` if another preview of theirs is under way; `Common::Store`.
    pub async fn revoke_many<I: Intent>(
        &self,
        requester: &Requester,
        request: RevokeMany,
        intent: &I,
    ) -> Result<I::Answer<Uuid>, Error> {
        lifecycle::check_reason(request.reason, false)?;
        if let Some(at) = request.invalidity {
            lifecycle::check_known(at, self.clock.now())?;
        }
        let mut wanted = wanted(requester, &request)?;
        if let Some(job) = self.jobs.before(&wanted).await? {
            let plan = |job: &Uuid| plans::accepted_before(self.jobs.id(*job).to_string());
            return Ok(self.previews.answer_again(intent, job, plan).await?);
        }
        if intent.is_planned() {
            let foreseen = self.foresee_all(requester, &request).await?;
            let plan = || plans::revoke_many(&foreseen, request.reason);
            if let Some(preview) = self.previews.settle(intent, plan).await? {
                return Ok(I::planned(preview));
            }
            // What a preview showed is what is revoked, and nothing that matches later.
            if wanted.objects.is_none() && !foreseen.more {
                let all = foreseen.outcomes.iter();
                let all = all.map(|(one, _)| one.serial.to_string());
                wanted.objects = Some(all.chain(foreseen.damaged.keys().cloned()).collect());
            }
        }
        self.jobs.admit(&wanted).await?;
        let mut tx = self.db.begin().await?;
        let job = match self.jobs.store(&mut tx, &wanted).await {
            Ok(job) => job,
            Err(NotStored::Store(error)) if error.is_unique_violation("jobs(key_sha256)") => {
                tx.rollback().await?;
                let earlier = self.jobs.before(&wanted).await?;
                return earlier.map(I::done).ok_or(Common::IdempotencyConflict.into());
            }
            Err(error) => return Err(error.into()),
        };
        tx.commit().await?;
        self.jobs.wake();
        tracing::info!(job = %self.jobs.id(job), actor = requester.subject, reason = %request.reason, "revocations accepted");
        Ok(I::done(job))
    }

    /// What a dry run shows, and a request that carries its token revokes.
    async fn foresee_all(&self, requester: &Requester, request: &RevokeMany) -> Result<Foreseen, Error> {
        let walk = Walk::of(&requester.subject).await?;
        let found = self.found(requester, &request.selection, &walk).await?;
        self.foresee(requester, request, (found, &walk)).await
    }

    async fn found(
        &self,
        requester: &Requester,
        selection: &Selection,
        walk: &Walk,
    ) -> Result<SelectedCertificates, Error> {
        let mut found = SelectedCertificates::default();
        match selection {
            Selection::Serials(serials) => {
                let mut missing = serials.clone();
                let serials: Vec<Serial> = serials.iter().copied().collect();
                for some in serials.chunks(Limit::LARGEST.rows()) {
                    let query = Query {
                        serial: some.to_vec(),
                        internal: true,
                        ..Query::default()
                    };
                    self.add_found(&mut found, requester, (&query, walk)).await?;
                }
                for one in &found.certificates {
                    missing.remove(&one.serial);
                }
                missing.retain(|serial| !found.damaged.contains_key(&serial.to_string()));
                found.missing = missing.into_iter().collect();
                // As the job takes them: what is said of a key with the first is known at the next.
                found.certificates.sort_by_key(|one| one.serial);
            }
            Selection::Matching(query, _) => {
                let query = revocable(query);
                self.add_found(&mut found, requester, (&query, walk)).await?;
            }
        }
        Ok(found)
    }

    /// Adds all that the query finds. What is beyond the most is neither counted nor shown: a filter may match millions.
    async fn add_found(
        &self,
        found: &mut SelectedCertificates,
        requester: &Requester,
        (query, walk): (&Query, &Walk),
    ) -> Result<(), Error> {
        let read = |ask: Ask| {
            let query = query.clone();
            async move { self.search_in_brief(requester, query, &ask).await }
        };
        let add = |page: Vec<Result<Brief, Damaged>>| {
            for one in page {
                match one {
                    Ok(one) => found.certificates.push(one),
                    Err(Damaged { object, why }) => drop(found.damaged.insert(object, why)),
                }
            }
            if found.certificates.len() + found.damaged.len() <= MOST_COUNTED {
                return ControlFlow::Continue(());
            }
            while found.damaged.len() > MOST_COUNTED {
                found.damaged.pop_last();
            }
            found.certificates.truncate(MOST_COUNTED - found.damaged.len());
            found.more = true;
            ControlFlow::Break(())
        };
        walk.pages(LIST, read, add).await
    }

    /// One page of those that match and can be revoked, for a job.
    pub(crate) async fn matching(
        &self,
        requester: &Requester,
        query: &Query,
        cursor: Option<String>,
    ) -> Result<Page<Result<Brief, Damaged>>, Error> {
        let ask = Ask::in_background(LIST, cursor);
        self.search_in_brief(requester, revocable(query), &ask).await
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
        // Names that cannot be read are not known to be those that were asked for.
        let found = match stored.compares_names() && !(found.has("sans") && found.has("subject")) {
            true => found.whole()?,
            false => found,
        };
        match self.revoke_in(tx, &requester, &request, &found).await {
            Ok(mut decided) => {
                decided.changes.append(tx).await?;
                let Revoked {
                    same_key,
                    descendants,
                    ..
                } = decided.revoked;
                let remarks = [
                    same_key.and_then(|same_key| same_key.remark()),
                    descendants.and_then(|descendants| descendants.remark()),
                ];
                let remarks: Vec<String> = remarks.into_iter().flatten().collect();
                Ok(ItemDone::Done {
                    remark: (!remarks.is_empty()).then(|| remarks.join("; ")),
                    after: Box::new(decided.changes.announcement()),
                })
            }
            // Only the status of the certificate makes this a conflict: it is revoked, and that is what was wanted.
            Err(Error::Conflict(why)) => Ok(ItemDone::Skipped(why)),
            Err(error) => Err(error),
        }
    }
}

/// The query over what can be revoked. Certificates of OCSP responders are left out unless their profile is named: they are what
/// tells of the revocations of all others.
fn revocable(query: &Query) -> Query {
    let mut query = query.clone();
    query.without_responders = !query.profile.iter().any(|profile| profile == OCSP_SIGNER);
    if query.status.is_empty() {
        query.status = REVOCABLE.to_vec();
    }
    query
}

fn wanted(requester: &Requester, request: &RevokeMany) -> Result<JobRequest, Error> {
    let (objects, filter) = match &request.selection {
        Selection::Serials(serials) => {
            let serials: Vec<String> = serials.iter().map(Serial::to_string).collect();
            (Some(serials), None)
        }
        Selection::Matching(_, filter) => (None, Some(filter.clone())),
    };
    let stored = Stored {
        reason: request.reason.to_string(),
        invalidity_us: request.invalidity.map(store::time::to_micros),
        filter,
        requester: requester.subject.clone(),
        all: requester.sees == Visibility::All,
    };
    let stored = serde_json::to_value(stored).map_err(Error::internal)?;
    let claim = request.idempotency_key.as_ref().map(|key| {
        let listed = objects.as_ref().map(|serials| serials.join(" "));
        let asked = digest(&[
            Some(KIND.as_bytes()),
            Some(stored.to_string().as_bytes()),
            listed.as_deref().map(str::as_bytes),
        ]);
        key.claim(&requester.subject, asked)
    });
    Ok(JobRequest {
        kind: KIND,
        requester: requester.subject.clone(),
        request: stored,
        format: Stored::FORMAT,
        objects,
        claim,
    })
}
