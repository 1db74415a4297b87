//! Make the lists of a scope: a delta, and with it the complete list of the same moment.

use std::time::Instant;

use kit::clock::rfc3339;
use store::lease::Lease;
use store::{StoreError, Tx};
use time::OffsetDateTime;
use vocabulary::{EventType, metric};
use x509::SignatureAlgorithm;
use x509::crl::{CrlKind, CrlSpec};

use super::App;
use super::progress::Work;
use super::write::{Draft, Rows};
use crate::domain::times::Times;
use crate::domain::{Issuer, Kind, Publication, Scope};
use crate::error::Error;
use crate::tables::{entries, issuers, pruning, publications, scopes};

/// What both lists of one moment are made of.
struct Moment<'a> {
    lease: &'a Lease,
    issuer: Issuer,
    scope: &'a Scope,
    number: u64,
    /// Changes up to this one are in what is read.
    change: i64,
    now: OffsetDateTime,
    work: &'a Work<'a>,
}

impl App {
    /// Makes a delta of a scope, and where it is asked for, or there is none yet, the complete list, which has the same number and
    /// tells the same state (RFC 5280 section 5.2.4). Answers what was published.
    ///
    /// The delta is out before the complete list is begun, and while that is written, later deltas are made.
    ///
    /// # Errors
    /// [`Error::Keymgr`], `Common::Store`. What is out stays.
    pub(crate) async fn generate(
        &self,
        lease: &Lease,
        scope: &Scope,
        with_complete: bool,
    ) -> Result<Vec<Publication>, Error> {
        let (made, now) = Box::pin(self.make_lists(lease, scope, with_complete)).await?;
        // Its snapshot has ended: whoever holds one and begins another may wait for itself.
        if made.iter().any(|list| list.kind == Kind::Complete) {
            self.prune(lease, scope, now).await;
        }
        Ok(made)
    }

    /// Answers the lists and their moment.
    async fn make_lists(
        &self,
        lease: &Lease,
        scope: &Scope,
        with_complete: bool,
    ) -> Result<(Vec<Publication>, OffsetDateTime), Error> {
        let turn = self.turns.of(scope).await;
        let work = self.progress.begin(format!("CRLs of {scope}"));
        let issuer = issuers::find(&self.db, &scope.issuer).await?;
        let issuer = issuer.ok_or_else(|| Error::NotFound(scope.to_string()))?;
        let number = scopes::next_number(&self.db, lease, scope).await?;
        // Both lists, each in two passes, read one state of the database.
        let mut snapshot = self.db.begin_snapshot().await?;
        let change = scopes::changes(&mut snapshot, scope).await?;
        let moment = Moment {
            lease,
            issuer,
            scope,
            number,
            change: change.unwrap_or_default(),
            now: self.clock.now(),
            work: &work,
        };
        let base = publications::base(&mut snapshot, scope, moment.now - self.config.full_interval).await?;
        let mut made = Vec::new();
        if let Some(base) = &base
            && let Some(delta) = self.delta(&mut snapshot, &moment, base).await?
        {
            made.push(delta);
            drop(turn);
            if with_complete {
                made.push(self.complete(&mut snapshot, &moment, Some(base)).await?);
            }
            return Ok((made, moment.now));
        }
        // There is no list that a delta could change, or it would have too much to tell.
        let complete = self.complete(&mut snapshot, &moment, base.as_ref()).await?;
        made.extend(self.delta(&mut snapshot, &moment, &complete).await?);
        made.push(complete);
        Ok((made, moment.now))
    }

    async fn delta(
        &self,
        snapshot: &mut Tx,
        moment: &Moment<'_>,
        base: &Publication,
    ) -> Result<Option<Publication>, Error> {
        let Some(changed) = entries::changed(snapshot, moment.scope, base.change).await? else {
            return Ok(None);
        };
        let kind = CrlKind::Delta { base: base.number };
        let rows = Rows::of(changed);
        Box::pin(self.make(snapshot, moment, (Kind::Delta, kind), rows))
            .await
            .map(Some)
    }

    /// Without what ended before the base was made, which had it past its end: an entry stays for one list longer than its certificate
    /// (RFC 5280 section 3.3). A base from the future was made by a clock that was ahead: what had ended for it has not.
    async fn complete(
        &self,
        snapshot: &mut Tx,
        moment: &Moment<'_>,
        base: Option<&Publication>,
    ) -> Result<Publication, Error> {
        let freshest = vec![self.url(moment.scope, Kind::Delta)];
        let kind = CrlKind::Complete { freshest };
        let rows = Rows::all(base.map_or(OffsetDateTime::UNIX_EPOCH, |base| base.made.min(moment.now)));
        Box::pin(self.make(snapshot, moment, (Kind::Complete, kind), rows)).await
    }

    /// Writes a list, has it signed, and publishes it.
    async fn make(
        &self,
        snapshot: &mut Tx,
        moment: &Moment<'_>,
        (kind, written): (Kind, CrlKind),
        rows: Rows,
    ) -> Result<Publication, Error> {
        let begun = Instant::now();
        let Moment { issuer, scope, .. } = moment;
        let before = publications::current(&self.db, scope, kind).await;
        // One that cannot be read is replaced.
        let before = before.or_else(StoreError::left_out)?;
        let validity = self.config.validity(kind);
        let times = Times::new(moment.now, before.as_ref(), (self.config.backdate, validity));
        let key = issuer.certificate.public_key();
        let key = key.map_err(|error| Error::internal(format!("certificate of {scope}: {error}")))?;
        let spec = CrlSpec {
            signature_algorithm: SignatureAlgorithm::default_for(key.algorithm()),
            issuer: issuer.certificate.subject().clone(),
            aki: issuer
                .certificate
                .subject_key_identifier()
                .unwrap_or_default()
                .to_vec(),
            number: moment.number,
            this_update: times.this_update,
            next_update: times.next_update,
            kind: written,
            // A list of everything has no issuing distribution point.
            shard: match scope.shard {
                0 => Vec::new(),
                _ => vec![self.url(scope, Kind::Complete)],
            },
        };
        let list = Publication {
            id: store::id::new_id(moment.now),
            scope: (*scope).clone(),
            kind,
            number: moment.number,
            base: match spec.kind {
                CrlKind::Delta { base } => Some(base),
                CrlKind::Complete { .. } => None,
            },
            change: moment.change,
            from: rows.from(),
            made: moment.now,
            this_update: times.this_update,
            next_update: times.next_update,
            modified: times.modified,
            entries: 0,
            length: 0,
            digest: Vec::new(),
        };
        let draft = Draft {
            issuer,
            lease: moment.lease,
            spec,
            list,
            work: moment.work,
        };
        let id = draft.list.id;
        let made = async {
            let list = Box::pin(self.write(snapshot, draft, rows)).await?;
            self.publish(moment.lease, &list, begun).await?;
            Ok(list)
        };
        // On the heap, as the steps in it: together they are too large for the stack of a worker.
        let made = Box::pin(made).await;
        // What is tried again each second must not fill the database.
        if made.is_err()
            && let Err(error) = pruning::unpublished(&self.db, moment.lease, id).await
        {
            tracing::warn!(%scope, cause = %error, "unfinished list could not be removed");
        }
        made
    }

    /// Puts a list in the place of the one before, unless another process has begun to make lists.
    async fn publish(&self, lease: &Lease, list: &Publication, begun: Instant) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lease.hold(&mut tx).await?;
        let current = publications::current_in(&mut tx, &list.scope, list.kind).await?;
        if let Some(current) = current.filter(|current| current.number >= list.number) {
            let (number, later) = (list.number, current.number);
            return Err(Error::internal(format!(
                "CRL {number} of {} comes after {later}",
                list.scope
            )));
        }
        let now = self.clock.now();
        if !publications::publish(&mut tx, list, now).await? {
            return Err(Error::internal(format!(
                "CRL {} of {} was removed",
                list.number, list.scope
            )));
        }
        let event = kit::trace::event(
            EventType::CrlPublished,
            list.scope.to_string(),
            described(list, false),
        );
        store::outbox::append(&mut tx, &[event], now).await?;
        tx.commit().await?;
        self.published.send_replace(());
        let kind = list.kind.as_str();
        metrics::histogram!(metric::CRL_GENERATION_SECONDS, "kind" => kind).record(begun.elapsed());
        let Publication { number, entries, .. } = list;
        tracing::info!(scope = %list.scope, kind, number, entries, "CRL was published");
        Ok(())
    }
}

/// A list as its event has it.
pub(super) fn described(list: &Publication, imported: bool) -> serde_json::Value {
    serde_json::json!({
        "issuer": list.scope.issuer,
        "crl_shard": list.scope.shard,
        "crl_kind": list.kind.as_str(),
        "number": list.number,
        "base": list.base,
        "entries": list.entries,
        "octets": list.length,
        "this_update": rfc3339(list.this_update),
        "next_update": rfc3339(list.next_update),
        "path": list.scope.path(list.kind),
        "imported": imported,
    })
}
