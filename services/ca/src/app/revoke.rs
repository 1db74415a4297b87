//! Put a certificate on hold, release it, revoke it: one transaction with its event each.

use store::Tx;
use store::outbox::NewEvent;
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::serial::Serial;

use super::{App, Requester};
use crate::domain::lifecycle::{self, Change, Wish};
use crate::domain::standing::MaterialId;
use crate::domain::{Capacity, Issued, Revocation};
use crate::error::Error;
use crate::store::{certificates, compromised};

/// Most other certificates of a compromised key that are named, or revoked with it, at once: a transaction, an answer and an
/// event have an end.
const MOST_OTHERS: usize = 200;

/// How to revoke.
#[derive(Clone, Debug)]
pub struct RevokeRequest {
    /// Lower-case hex.
    pub serial: String,
    /// Why. Hold and release are not reasons here: they are [`App::hold`] and [`App::release`].
    pub reason: Reason,
    /// When the key was compromised, if that is known (RFC 5280 section 5.3.2): within the certificate's validity.
    pub invalidity: Option<OffsetDateTime>,
    /// Revoke the other certificates of the compromised key too, as far as they are the requester's to revoke.
    pub same_key: bool,
}

/// What a revocation did.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// The certificate as it is then.
    pub certificate: Issued,
    /// Other certificates of its key; `None` where the reason says nothing about the key.
    pub same_key: Option<SameKey>,
}

/// The other certificates of a compromised public key, of whatever CA, that were valid or on hold.
#[derive(Clone, Debug, Default)]
pub struct SameKey {
    /// Revoked with it.
    pub revoked: Vec<Issued>,
    /// Still valid or on hold; those that the requester may revoke.
    pub remaining: Vec<Issued>,
    /// How many more remain that belong to others.
    pub of_others: usize,
    /// There are more than were looked at.
    pub more: bool,
}

impl SameKey {
    /// For the event, which names all.
    fn data(&self, of_others: &[Issued]) -> serde_json::Value {
        let serials = |issued: &mut dyn Iterator<Item = &Issued>| -> Vec<String> {
            issued.map(|issued| issued.serial.to_string()).collect()
        };
        serde_json::json!({
            "revoked": serials(&mut self.revoked.iter()),
            "remaining": serials(&mut self.remaining.iter().chain(of_others)),
            "more": self.more,
        })
    }
}

impl App {
    /// Puts a certificate on hold. Answers the certificate as it is then.
    pub async fn hold(&self, requester: &Requester, serial: &str) -> Result<Issued, Error> {
        let found = self.find(requester, serial).await?;
        let mut tx = self.db.begin().await?;
        let certificate = locked(&mut tx, &found.serial).await?;
        let now = self.clock.now();
        let decided = lifecycle::hold(&certificate, requester.capacity(&certificate), now)?;
        let mut changes = Changes::new(requester, now);
        let certificate = changes.store(&mut tx, certificate, decided).await?;
        changes.commit(tx).await?;
        Ok(certificate)
    }

    /// Ends a hold.
    pub async fn release(&self, requester: &Requester, serial: &str) -> Result<Issued, Error> {
        let found = self.find(requester, serial).await?;
        let key = key_of(&read(&found)?);
        let mut tx = self.db.begin().await?;
        let compromised = match key {
            Some(key) => {
                store::lock::shared(&mut tx, vec![compromised::lock(&key)]).await?;
                !compromised::among_locked(&mut tx, &[key]).await?.is_empty()
            }
            None => false,
        };
        let certificate = locked(&mut tx, &found.serial).await?;
        let decided = lifecycle::release(&certificate, requester.capacity(&certificate), compromised)?;
        let mut changes = Changes::new(requester, self.clock.now());
        let certificate = changes.store(&mut tx, certificate, decided).await?;
        changes.commit(tx).await?;
        Ok(certificate)
    }

    /// Revokes for good, or changes the reason of a revocation to a compromise. Where the key is compromised, no
    /// certificate for it is stored after this has committed, and the answer names those that are there.
    pub async fn revoke(&self, requester: &Requester, request: &RevokeRequest) -> Result<Revoked, Error> {
        let found = self.find(requester, &request.serial).await?;
        let parsed = read(&found)?;
        lifecycle::check_reason(request.reason, parsed.is_ca())?;
        let of_key = lifecycle::is_compromise(request.reason);
        if request.same_key && !of_key {
            let text =
                "is for reason key-compromise or ca-compromise: other reasons say nothing about the key";
            return Err(Error::invalid("same_key", text));
        }
        let wish = Wish {
            reason: request.reason,
            invalidity: request.invalidity,
        };
        let key = key_of(&parsed).filter(|_| of_key);
        let twin = parsed.public_key().ok().and_then(|key| key.twin_fingerprint());
        let mut tx = self.db.begin().await?;
        if let Some(key) = &key {
            // Waits for the groups that rest on this key being sound.
            store::lock::exclusive(&mut tx, vec![compromised::lock(key)]).await?;
        }
        let mut certificate = locked(&mut tx, &found.serial).await?;
        let mut changes = Changes::new(requester, self.clock.now());
        changes.compromised = key;
        let mut same_key = None;
        let mut data = None;
        if of_key {
            let all = request.same_key.then_some(wish);
            let (others, of_others) = changes.others(&mut tx, &certificate, twin, all).await?;
            data = Some(others.data(&of_others));
            same_key = Some(others);
        }
        // Asked for the others once more: this one is as it should be.
        if !(request.same_key && wish.is_fulfilled(&certificate)) {
            let decided =
                lifecycle::revoke(&certificate, wish, requester.capacity(&certificate), changes.now)?;
            certificate = changes.store_with(&mut tx, certificate, decided, data).await?;
        }
        changes.commit(tx).await?;
        Ok(Revoked {
            certificate,
            same_key,
        })
    }

    /// Records the keys of certificates that an earlier version revoked for compromise.
    pub(crate) async fn record_compromised_keys(&self) -> Result<(), Error> {
        const AT_ONCE: u32 = 200;
        loop {
            let found = compromised::unrecorded(&self.db, AT_ONCE).await?;
            if found.is_empty() {
                return Ok(());
            }
            let now = self.clock.now();
            for issued in found {
                let mut tx = self.db.begin().await?;
                let certificate = read(&issued)?;
                let reason = issued.revocation.map(|revocation| revocation.reason);
                // ca-compromise was accepted for leaves, whose keys it says nothing about.
                let is_meant = reason == Some(Reason::KeyCompromise) || certificate.is_ca();
                match key_of(&certificate).filter(|_| is_meant) {
                    Some(key) => {
                        store::lock::exclusive(&mut tx, vec![compromised::lock(&key)]).await?;
                        compromised::record(&mut tx, &key, issued.id, now).await?;
                    }
                    None => compromised::set_recorded(&mut tx, issued.id).await?,
                }
                tx.commit().await?;
            }
        }
    }

    /// Whether a key is known to be compromised: for issuing, and for who takes keys for accounts and enrollments.
    pub async fn is_compromised(&self, key: &x509::PublicKey) -> Result<bool, Error> {
        let key = key.material_id();
        Ok(compromised::among(&self.db, &[key]).await?.contains(&key))
    }
}

/// The certificate as it stays until the transaction ends.
async fn locked(tx: &mut Tx, serial: &Serial) -> Result<Issued, Error> {
    certificates::for_update(tx, serial)
        .await?
        .ok_or_else(|| Error::not_found("certificate", serial.to_string()))
}

/// What one request changes, stored in one transaction with its events.
struct Changes<'a> {
    requester: &'a Requester,
    now: OffsetDateTime,
    /// The key that is compromised, where that is why.
    compromised: Option<MaterialId>,
    done: Vec<(Issued, Change)>,
    events: Vec<NewEvent>,
}

impl<'a> Changes<'a> {
    fn new(requester: &'a Requester, now: OffsetDateTime) -> Self {
        Self {
            requester,
            now,
            compromised: None,
            done: Vec::new(),
            events: Vec::new(),
        }
    }

    async fn store(
        &mut self,
        tx: &mut Tx,
        certificate: Issued,
        decided: (Change, Option<Revocation>),
    ) -> Result<Issued, Error> {
        self.store_with(tx, certificate, decided, None).await
    }

    /// The same with what is said about the other certificates of a compromised key.
    async fn store_with(
        &mut self,
        tx: &mut Tx,
        mut certificate: Issued,
        (change, next): (Change, Option<Revocation>),
        same_key: Option<serde_json::Value>,
    ) -> Result<Issued, Error> {
        certificates::set_revocation(tx, certificate.id, next.as_ref()).await?;
        if let Some(key) = &self.compromised {
            compromised::record(tx, key, certificate.id, self.now).await?;
        }
        certificate.revocation = next;
        self.events
            .push(event(&certificate, self.requester, change, same_key, self.now));
        self.done.push((certificate.clone(), change));
        Ok(certificate)
    }

    /// The other certificates of the key: those that the requester may revoke are revoked if that is wished. Beside them those
    /// that remain and belong to others.
    async fn others(
        &mut self,
        tx: &mut Tx,
        certificate: &Issued,
        twin: Option<[u8; 32]>,
        wish: Option<Wish>,
    ) -> Result<(SameKey, Vec<Issued>), Error> {
        let mut found =
            certificates::same_key_for_update(tx, certificate, twin, self.now, MOST_OTHERS + 1).await?;
        let more = found.len() > MOST_OTHERS;
        found.truncate(MOST_OTHERS);
        let requester = self.requester;
        let (seen, of_others): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|other| requester.may_revoke_beside(other));
        let mut same_key = SameKey {
            of_others: of_others.len(),
            more,
            ..SameKey::default()
        };
        for other in seen {
            let Some(wish) = wish else {
                same_key.remaining.push(other);
                continue;
            };
            let by = requester.capacity(&other);
            let decided = lifecycle::revoke(&other, wish.for_other(&other), by, self.now)?;
            let revoked = self.store_with(tx, other, decided, None).await?;
            same_key.revoked.push(revoked);
        }
        Ok((same_key, of_others))
    }

    async fn commit(self, mut tx: Tx) -> Result<(), Error> {
        if !self.events.is_empty() {
            store::outbox::append(&mut tx, &self.events, self.now).await?;
        }
        tx.commit().await?;
        for (certificate, change) in &self.done {
            count(certificate, *change);
            let actor = &self.requester.subject;
            tracing::info!(serial = %certificate.serial, ca = %certificate.ca, actor, "{}", change.event());
        }
        Ok(())
    }
}

fn read(issued: &Issued) -> Result<x509::Certificate, Error> {
    x509::Certificate::from_der(&issued.der).map_err(|error| {
        Error::Internal(format!(
            "stored certificate {} cannot be read: {error}",
            issued.serial
        ))
    })
}

/// None for a key that is not accepted any more: nobody can have it certified.
fn key_of(certificate: &x509::Certificate) -> Option<MaterialId> {
    Some(certificate.public_key().ok()?.material_id())
}

fn event(
    certificate: &Issued,
    requester: &Requester,
    change: Change,
    same_key: Option<serde_json::Value>,
    now: OffsetDateTime,
) -> NewEvent {
    let trace = kit::trace::current();
    let revocation = certificate.revocation.as_ref();
    let mut data = serde_json::json!({
            "serial": certificate.serial.to_string(),
            "ca": certificate.ca,
            "profile": certificate.profile,
            "requester": certificate.requester,
            "actor": requester.subject,
            "status": certificate.status(now).as_str(),
            "reason": revocation.map(|revocation| revocation.reason.to_string()),
            "revocation_time": revocation.map(|revocation| kit::clock::rfc3339(revocation.time)),
            "invalidity_time": revocation.and_then(|revocation| revocation.invalidity).map(kit::clock::rfc3339),
            "decided_as": revocation.and_then(|revocation| revocation.decided_as).map(Capacity::as_str),
    });
    if let (Some(same_key), Some(members)) = (same_key, data.as_object_mut()) {
        members.insert("same_key".to_owned(), same_key);
    }
    NewEvent {
        kind: change.event(),
        subject: certificate.serial.to_string(),
        data,
        correlation_id: trace.correlation_id,
        traceparent: trace.traceparent,
    }
}

fn count(certificate: &Issued, change: Change) {
    let ca = certificate.ca.to_string();
    match (change, &certificate.revocation) {
        (Change::Held, _) => metrics::counter!("gigvault_certificates_held_total", "ca" => ca).increment(1),
        (Change::Released, _) => {
            metrics::counter!("gigvault_certificates_released_total", "ca" => ca).increment(1);
        }
        (Change::Revoked, Some(revocation)) => {
            let reason = revocation.reason.to_string();
            metrics::counter!("gigvault_certificates_revoked_total", "ca" => ca, "reason" => reason)
                .increment(1);
        }
        // Counted when it was revoked.
        (Change::Revoked | Change::Amended, _) => {}
    }
}
