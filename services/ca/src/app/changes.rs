//! What becomes of certificates in one transaction, with an event for each.

use std::collections::BTreeSet;

use kit::dry_run::{Intent, Plan, Previews};
use store::Tx;
use store::outbox::NewEvent;
use time::OffsetDateTime;
use vocabulary::metric;
use x509::crl::Reason;
use x509::serial::Serial;

use super::Requester;
use super::revoke::{MOST_OTHERS, SameKey};
use crate::domain::issuance_facts::MaterialId;
use crate::domain::lifecycle::{self, Change, Wish};
use crate::domain::{Brief, Capacity, Descendants, Issued, Revocation};
use crate::error::Error;
use crate::tables::beside::Beside;
use crate::tables::{certificates, compromised, identities};

/// One certificate that changes.
pub(super) struct Done {
    /// As it is then.
    pub(super) certificate: Issued,
    pub(super) change: Change,
    pub(super) before: Option<Revocation>,
}

/// What one request changes, stored in one transaction with its events.
pub(super) struct Changes<'a> {
    requester: &'a Requester,
    pub(super) now: OffsetDateTime,
    /// The key that is compromised, where that is why and it is recorded.
    pub(super) compromised: Option<MaterialId>,
    done: Vec<Done>,
    events: Vec<NewEvent>,
}

impl<'a> Changes<'a> {
    pub(super) fn new(requester: &'a Requester, now: OffsetDateTime) -> Self {
        Self {
            requester,
            now,
            compromised: None,
            done: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) async fn store(
        &mut self,
        tx: &mut Tx,
        certificate: Issued,
        decided: (Change, Option<Revocation>),
    ) -> Result<Issued, Error> {
        self.store_with(tx, certificate, decided, None).await
    }

    /// The same with what is said about the other certificates of a compromised key.
    pub(super) async fn store_with(
        &mut self,
        tx: &mut Tx,
        certificate: Issued,
        (change, next): (Change, Option<Revocation>),
        same_key: Option<serde_json::Value>,
    ) -> Result<Issued, Error> {
        certificates::set_revocation(tx, certificate.id, next.as_ref()).await?;
        match &self.compromised {
            Some(key) => compromised::record(tx, key, certificate.id, self.now).await?,
            // It was decided on, and is not to be recorded at the next start.
            None if next.is_some_and(|next| lifecycle::is_compromise(next.reason)) => {
                compromised::set_recorded(tx, certificate.id).await?;
            }
            None => {}
        }
        Ok(self.note(certificate, (change, next), same_key))
    }

    fn note(
        &mut self,
        mut certificate: Issued,
        (change, next): (Change, Option<Revocation>),
        same_key: Option<serde_json::Value>,
    ) -> Issued {
        let before = std::mem::replace(&mut certificate.revocation, next);
        self.events
            .push(event(&certificate, self.requester, change, same_key, self.now));
        self.done.push(Done {
            certificate: certificate.clone(),
            change,
            before,
        });
        certificate
    }

    /// The other certificates of the key that the requester may revoke; they are revoked if that is wished.
    pub(super) async fn others(
        &mut self,
        tx: &mut Tx,
        beside: &Beside<'_>,
        wish: Option<Wish>,
    ) -> Result<SameKey, Error> {
        let found = beside.own_for_update(tx, MOST_OTHERS).await?;
        let mut same_key = SameKey {
            damaged: found.damaged,
            more: found.more,
            ..SameKey::default()
        };
        let Some(wish) = wish else {
            same_key.remaining = found.certificates;
            return Ok(same_key);
        };
        for other in found.certificates {
            let is_ca = other.parse().is_ok_and(|certificate| certificate.is_ca());
            let wish = wish.for_other(&other, is_ca, self.now);
            let by = self.requester.capacity(&other);
            let decided = lifecycle::revoke(&Brief::from(&other), wish, by, self.now)?;
            let revoked = self.store_with(tx, other, decided, None).await?;
            same_key.revoked.push(revoked);
        }
        Ok(same_key)
    }

    /// What was issued to who showed these identities of services: whoever had the key had them made, as far as anybody can tell. None
    /// where there is no identity. Of many over one key most follow from each other, and their names bound them.
    pub(super) async fn descendants_of(
        &mut self,
        tx: &mut Tx,
        shown: &BTreeSet<Serial>,
        wish: Option<Wish>,
    ) -> Result<Option<Descendants>, Error> {
        let mut all: Option<Descendants> = None;
        for identity in shown {
            let found = self.descendants(tx, identity, wish).await?;
            all.get_or_insert_default().add(found);
        }
        Ok(all)
    }

    /// What was issued to who showed that identity; revoked if that is wished. That a key is compromised says nothing about theirs.
    async fn descendants(
        &mut self,
        tx: &mut Tx,
        identity: &Serial,
        wish: Option<Wish>,
    ) -> Result<Descendants, Error> {
        let found = identities::descendants(tx, identity, self.now, MOST_OTHERS).await?;
        let mut descendants = Descendants {
            damaged: found.damaged,
            more: found.more,
            ..Descendants::default()
        };
        let Some(wish) = wish else {
            descendants.remaining = found.certificates;
            return Ok(descendants);
        };
        let wish = Wish {
            reason: match lifecycle::is_compromise(wish.reason) {
                true => Reason::PrivilegeWithdrawn,
                false => wish.reason,
            },
            invalidity: None,
            records_key: false,
        };
        for one in found.certificates {
            let by = self.requester.capacity(&one);
            let decided = lifecycle::revoke(&Brief::from(&one), wish, by, self.now)?;
            certificates::set_revocation(tx, one.id, decided.1.as_ref()).await?;
            descendants.revoked.push(self.note(one, decided, None));
        }
        Ok(descendants)
    }

    /// Makes it durable, or undoes it and answers what it would have been.
    pub(super) async fn end<I: Intent, T: Send>(
        mut self,
        mut tx: Tx,
        (previews, intent): (&Previews, &I),
        plan: impl FnOnce(&[Done]) -> Plan,
        outcome: T,
    ) -> Result<I::Answer<T>, Error> {
        self.append(&mut tx).await?;
        if let Some(preview) = previews.end(tx, intent, || plan(&self.done)).await? {
            return Ok(I::planned(preview));
        }
        self.announcement()();
        Ok(I::done(outcome))
    }

    /// Writes the events.
    pub(super) async fn append(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let events = std::mem::take(&mut self.events);
        if !events.is_empty() {
            store::outbox::append(tx, &events, self.now).await?;
        }
        Ok(())
    }

    /// What is counted and logged once it is durable.
    pub(super) fn announcement(self) -> impl FnOnce() + Send + 'static {
        let (done, actor) = (self.done, self.requester.subject.clone());
        move || {
            for Done {
                certificate, change, ..
            } in &done
            {
                count(certificate, *change);
                tracing::info!(serial = %certificate.serial, ca = %certificate.ca, actor, "{}", change.event().name());
            }
        }
    }
}

fn event(
    certificate: &Issued,
    requester: &Requester,
    change: Change,
    same_key: Option<serde_json::Value>,
    now: OffsetDateTime,
) -> NewEvent {
    let revocation = certificate.revocation.as_ref();
    let micros = store::time::to_micros;
    let data = serde_json::json!({
            "serial": certificate.serial.to_string(),
            "ca": certificate.ca,
            "issuer": certificate.issuer().to_string(),
            "crl_shard": certificate.crl_shard,
            "not_after": kit::clock::rfc3339(certificate.not_after),
            "not_after_us": micros(certificate.not_after),
            "profile": certificate.profile,
            "requester": certificate.requester,
            "actor": requester.subject,
            "status": certificate.status(now).as_str(),
            "reason": revocation.map(|revocation| revocation.reason.to_string()),
            "revocation_time": revocation.map(|revocation| kit::clock::rfc3339(revocation.time)),
            "invalidity_time": revocation.and_then(|revocation| revocation.invalidity).map(kit::clock::rfc3339),
            // As CRLs and OCSP responses are made from them: RFC 3339 has whole seconds.
            "revocation_time_us": revocation.map(|revocation| micros(revocation.time)),
            "invalidity_time_us": revocation.and_then(|revocation| revocation.invalidity).map(micros),
            "decided_as": revocation.and_then(|revocation| revocation.decided_as).map(Capacity::as_str),
            "same_key": same_key,
    });
    kit::trace::event(change.event(), certificate.serial.to_string(), data)
}

fn count(certificate: &Issued, change: Change) {
    let ca = certificate.ca.to_string();
    match (change, &certificate.revocation) {
        (Change::Held, _) => metrics::counter!(metric::CERTIFICATES_HELD_TOTAL, "ca" => ca).increment(1),
        (Change::Released, _) => {
            metrics::counter!(metric::CERTIFICATES_RELEASED_TOTAL, "ca" => ca).increment(1);
        }
        (Change::Revoked, Some(revocation)) => {
            let reason = revocation.reason.to_string();
            metrics::counter!(metric::CERTIFICATES_REVOKED_TOTAL, "ca" => ca, "reason" => reason)
                .increment(1);
        }
        // Counted when it was revoked.
        (Change::Revoked | Change::Amended, _) => {}
    }
}
