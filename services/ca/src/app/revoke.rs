//! Put a certificate on hold, release it, revoke it: one transaction with its event each.

use std::collections::BTreeSet;

use kit::dry_run::Intent;
use store::Tx;
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::serial::Serial;

use super::changes::{Changes, Done};
use super::{App, Requester, plans};
use crate::domain::issuance_facts::MaterialId;
use crate::domain::lifecycle::{self, KeyFate, Wish};
use crate::domain::{Brief, Damaged, Descendants, Issued, SERVICE_IDENTITY};
use crate::error::Error;
use crate::tables::beside::{Beside, OfOthers};
use crate::tables::{certificates, compromised, identities};

/// Most other certificates of a compromised key that are named, or revoked with it, at once: a transaction, an answer and an
/// event have an end.
pub(super) const MOST_OTHERS: usize = 200;

/// What is said of a key that [`SameKey::unconfirmed`] is about.
pub(super) const UNCONFIRMED: &str = "the key is not recorded as compromised, because others have unexpired certificates over \
     it; an operator confirms by revoking one of them for compromise";

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
    /// Of the identity of a service: revoke those too that were issued to who showed it. A compromise takes them in any case.
    pub descendants: bool,
}

/// What a revocation did.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// The certificate as it is then.
    pub certificate: Issued,
    /// Other certificates of its key; `None` where the reason says nothing about the key.
    pub same_key: Option<SameKey>,
    /// Of identities of services, this one and those that are revoked with it because of their key: what was issued to who showed them.
    pub descendants: Option<Descendants>,
}

/// A certificate that was put on hold.
#[derive(Clone, Debug)]
pub struct HoldOutcome {
    /// As it is then.
    pub certificate: Issued,
    /// Of the identity of a service: what was issued to who showed it, and stays as it is. A release would not know which of them
    /// were on hold before.
    pub descendants: Option<Descendants>,
}

/// What was decided in a transaction that goes on.
pub(super) struct Decided<'a> {
    pub(super) changes: Changes<'a>,
    pub(super) revoked: Revoked,
    /// The key is recorded as compromised, which it was not.
    pub(super) records_key: bool,
}

/// The other certificates of a compromised public key, of whatever CA, that were valid or on hold.
#[derive(Clone, Debug, Default)]
pub struct SameKey {
    /// Revoked with it.
    pub revoked: Vec<Issued>,
    /// Still valid or on hold; those that the requester may revoke.
    pub remaining: Vec<Issued>,
    /// Those of the requester that stay as they are, because what is stored of them cannot be read.
    pub damaged: Vec<Damaged>,
    /// How many more remain that belong to others.
    pub of_others: usize,
    /// The key is not recorded as compromised: the requester decides on their own certificates only, and others have
    /// unexpired certificates over it. An operator's revocation records it.
    pub unconfirmed: bool,
    /// There are more of the requester than were looked at.
    pub more: bool,
}

impl SameKey {
    /// What is to be said beside that the certificate is revoked.
    pub(super) fn remark(&self) -> Option<String> {
        let mut remarks = Vec::new();
        if self.unconfirmed {
            remarks.push(UNCONFIRMED.to_owned());
        }
        if self.of_others > 0 || !self.remaining.is_empty() {
            let at_least = if self.more { "at least " } else { "" };
            remarks.push(format!(
                "valid or on hold over the compromised key when this one was revoked: {at_least}{} that you may revoke, \
                 {} of others",
                self.remaining.len(),
                self.of_others
            ));
        }
        if !self.damaged.is_empty() {
            let named: Vec<&str> = self.damaged.iter().map(|one| one.object.as_str()).collect();
            remarks.push(format!(
                "not revoked over the compromised key, because what is stored of them cannot be read: {}",
                named.join(" ")
            ));
        }
        (!remarks.is_empty()).then(|| remarks.join("; "))
    }

    /// For the event, which names those of others too.
    fn data(&self, of_others: &[Serial]) -> serde_json::Value {
        let serials = |issued: &[Issued]| -> Vec<String> {
            issued.iter().map(|issued| issued.serial.to_string()).collect()
        };
        let mut remaining = serials(&self.remaining);
        remaining.extend(of_others.iter().map(Serial::to_string));
        serde_json::json!({
            "revoked": serials(&self.revoked),
            "remaining": remaining,
            "damaged": self.damaged.iter().map(|one| one.object.as_str()).collect::<Vec<_>>(),
            "of_others": self.of_others,
            "unconfirmed": self.unconfirmed,
            "more": self.more || self.of_others > of_others.len(),
        })
    }
}

/// Whether the request can be made of that certificate.
fn check(request: &RevokeRequest, found: &Issued, parsed: Option<&x509::Certificate>) -> Result<(), Error> {
    lifecycle::check_reason(request.reason, parsed.is_some_and(x509::Certificate::is_ca))?;
    if request.same_key && !lifecycle::is_compromise(request.reason) {
        let text = "is for reason key-compromise or ca-compromise: other reasons say nothing about the key";
        return Err(Error::invalid("same_key", text));
    }
    if request.descendants && *found.profile != *SERVICE_IDENTITY {
        let text = "is for identities of services: no others are shown to have certificates issued";
        return Err(Error::invalid("descendants", text));
    }
    Ok(())
}

impl App {
    /// Puts a certificate on hold.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if its status does not allow it; `Common::Store`.
    pub async fn hold<I: Intent>(
        &self,
        requester: &Requester,
        serial: &str,
        intent: &I,
    ) -> Result<I::Answer<HoldOutcome>, Error> {
        let found = self.find(requester, serial).await?;
        let identity = *found.profile == *SERVICE_IDENTITY;
        let mut tx = self.db.begin().await?;
        if identity {
            // No successor is stored beside this one that is not named.
            identities::take_turn(&mut tx).await?;
        }
        let certificate = locked(&mut tx, requester, &found.serial).await?;
        let now = self.clock.now();
        let decided = lifecycle::hold(&certificate, requester.capacity(&certificate), now)?;
        let mut changes = Changes::new(requester, now);
        let certificate = changes.store(&mut tx, certificate, decided).await?;
        let shown = identity.then_some(certificate.serial).into_iter().collect();
        let descendants = changes.descendants_of(&mut tx, &shown, None).await?;
        let named = descendants.clone();
        let plan = |done: &[Done]| {
            let plan = plans::changes(done);
            named.iter().fold(plan, plans::descendants_beside_hold)
        };
        let held = HoldOutcome {
            certificate,
            descendants,
        };
        changes.end(tx, (&self.previews, intent), plan, held).await
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if it is not on hold; [`Error::Forbidden`] if an operator holds it and the
    /// requester is not one; `Common::Store`.
    pub async fn release<I: Intent>(
        &self,
        requester: &Requester,
        serial: &str,
        intent: &I,
    ) -> Result<I::Answer<Issued>, Error> {
        let found = self.find(requester, serial).await?;
        // Of a key that cannot be read nothing says that it is sound.
        let key = key_of(&found.parse()?);
        let mut tx = self.db.begin().await?;
        let compromised = match key {
            Some(key) => {
                store::lock::shared(&mut tx, vec![compromised::lock(&key)]).await?;
                !compromised::among_locked(&mut tx, &[key]).await?.is_empty()
            }
            None => false,
        };
        let certificate = locked(&mut tx, requester, &found.serial).await?;
        let decided = lifecycle::release(&certificate, requester.capacity(&certificate), compromised)?;
        let mut changes = Changes::new(requester, self.clock.now());
        let certificate = changes.store(&mut tx, certificate, decided).await?;
        let plan = plans::changes;
        changes.end(tx, (&self.previews, intent), plan, certificate).await
    }

    /// Revokes for good, or changes the reason of a revocation to a compromise. Where the key is compromised, no
    /// certificate for it is stored after this has committed, and the answer names those that are there. A right over one's
    /// own certificates is none over those of others: where they have the key certified too, an operator has to confirm that
    /// it is compromised.
    ///
    /// # Errors
    /// `Common::Invalid` for a reason or a time that this certificate cannot have; [`Error::NotFound`]; [`Error::Conflict`]
    /// and [`Error::Forbidden`] if its status or who decided it does not allow it; `Common::Store`.
    pub async fn revoke<I: Intent>(
        &self,
        requester: &Requester,
        request: &RevokeRequest,
        intent: &I,
    ) -> Result<I::Answer<Revoked>, Error> {
        // Before the transaction: in it, a second connection would be waited for, and a serial number that does not exist
        // would take the writer's turn.
        let found = self.find(requester, &request.serial).await?;
        let mut tx = self.db.begin().await?;
        let Decided {
            changes,
            revoked,
            records_key,
        } = self.revoke_in(&mut tx, requester, request, &found).await?;
        let (others, descendants) = (revoked.same_key.clone(), revoked.descendants.clone());
        let plan = |done: &[Done]| {
            let plan = match &others {
                Some(others) => plans::compromise(plans::changes(done), others, records_key),
                None => plans::changes(done),
            };
            descendants.iter().fold(plan, plans::descendants)
        };
        changes.end(tx, (&self.previews, intent), plan, revoked).await
    }

    /// The decision of [`App::revoke`] on a certificate as it was found, and its effect in a transaction that the caller ends.
    pub(super) async fn revoke_in<'a>(
        &self,
        tx: &mut Tx,
        requester: &'a Requester,
        request: &RevokeRequest,
        found: &Issued,
    ) -> Result<Decided<'a>, Error> {
        let of_key = lifecycle::is_compromise(request.reason);
        // Another reason says nothing about the key, and so needs no certificate that can be read.
        let parsed = of_key.then(|| found.parse()).transpose()?;
        check(request, found, parsed.as_ref())?;
        let identity = *found.profile == *SERVICE_IDENTITY;
        // Among the certificates of the same key may be identities.
        if identity || request.same_key {
            identities::take_turn(tx).await?;
        }
        let key = parsed.as_ref().and_then(key_of);
        if let Some(key) = &key {
            // Waits for the groups that rest on this key being sound.
            store::lock::exclusive(tx, vec![compromised::lock(key)]).await?;
        }
        let mut certificate = locked(tx, requester, &found.serial).await?;
        let by = requester.capacity(&certificate);
        let mut changes = Changes::new(requester, self.clock.now());
        let mut wish = Wish {
            reason: request.reason,
            invalidity: request.invalidity,
            records_key: false,
        };
        let mut same_key = None;
        let mut data = None;
        let twin = parsed
            .as_ref()
            .and_then(|parsed| parsed.public_key().ok()?.twin_fingerprint());
        if parsed.is_some() {
            let certificate = certificate.clone();
            let beside = Beside {
                twin,
                certificate: &certificate,
                requester: requester.revokes_beside(),
                now: changes.now,
            };
            let of_others = match beside.requester {
                Some(_) => beside.of_others(tx, MOST_OTHERS).await?,
                None => OfOthers::default(),
            };
            let recorded = match &key {
                Some(key) => !compromised::among_locked(tx, &[*key]).await?.is_empty(),
                None => true,
            };
            let fate = KeyFate::decide(by, recorded, of_others.vouch);
            let unconfirmed = fate == KeyFate::Unconfirmed;
            changes.compromised = key.filter(|_| !unconfirmed);
            wish.records_key = fate == KeyFate::Recording;
            let all = request.same_key.then_some(wish);
            let mut others = changes.others(tx, &beside, all).await?;
            others.of_others = of_others.unrevoked;
            others.unconfirmed = unconfirmed;
            data = Some(others.data(&of_others.serials));
            same_key = Some(others);
        }
        let taken = (of_key || request.descendants).then_some(wish);
        let mut shown: BTreeSet<Serial> = identity.then_some(certificate.serial).into_iter().collect();
        if request.same_key {
            // Also those that are revoked for another reason by now, or have expired.
            let whose = requester.revokes_beside();
            shown.extend(identities::over_key(tx, (&certificate.spki_sha256, twin), whose).await?);
        }
        let descendants = changes.descendants_of(tx, &shown, taken).await?;
        // Asked for the others once more: this one is as it should be.
        let again = request.same_key && wish.is_fulfilled(&certificate)
            || request.descendants
                && certificate
                    .revocation
                    .is_some_and(|there| there.reason == wish.reason);
        if !again {
            let decided = lifecycle::revoke(&Brief::from(&certificate), wish, by, changes.now)?;
            certificate = changes.store_with(tx, certificate, decided, data).await?;
        }
        Ok(Decided {
            records_key: changes.compromised.is_some() && wish.records_key,
            changes,
            revoked: Revoked {
                certificate,
                same_key,
                descendants,
            },
        })
    }
}

/// The certificate as it stays until the transaction ends.
async fn locked(tx: &mut Tx, requester: &Requester, serial: &Serial) -> Result<Issued, Error> {
    let certificate = certificates::for_update(tx, serial)
        .await?
        .ok_or_else(|| Error::not_found("certificate", serial.to_string()))?;
    match requester.seen.holds(&certificate) {
        true => Ok(certificate),
        false => Err(Error::Changed(*serial)),
    }
}

/// None for a key that is not accepted any more: it cannot be certified.
pub(super) fn key_of(certificate: &x509::Certificate) -> Option<MaterialId> {
    Some(certificate.public_key().ok()?.material_id())
}
