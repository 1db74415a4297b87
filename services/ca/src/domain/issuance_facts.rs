//! What a certificate rests on, and whether that still holds: the CA issues, the keys are sound, the predecessor is valid.
//!
//! Pure decisions on facts that the store read: before a group is signed, so that no signature is made for what is refused
//! anyway, and in the transaction that stores the group, where the facts stay as they are until the commit.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use time::OffsetDateTime;
use x509::crl::Reason;
use x509::serial::Serial;

use super::identities::{Asker, IdentityCounts};
use super::{Authority, Issued, Status};
use crate::error::Error;

/// [`x509::PublicKey::material_id`].
pub(crate) type MaterialId = [u8; 32];

/// The certificate that another one renews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Predecessor {
    pub(crate) serial: Serial,
    /// Its key; none where that is of a kind that is not certified any more, and so never known to be compromised.
    pub(crate) key: Option<MaterialId>,
}

/// What one certificate rests on.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    pub(crate) authority: Arc<Authority>,
    /// The subject's key.
    pub(crate) key: MaterialId,
    /// The certificate that it renews.
    pub(crate) replaces: Option<Predecessor>,
    /// The identity that a service showed to have its own made.
    pub(crate) asked_by: Option<Asker>,
    /// Whether it is issued while its CA is suspended: what tells of the CA's revocations, and certifies no other key.
    pub(crate) despite_suspension: bool,
}

impl Basis {
    /// Every key whose compromise is against this certificate: its own, its CA's and its predecessor's.
    pub(crate) fn keys(&self) -> impl Iterator<Item = MaterialId> {
        let before = self.replaces.and_then(|predecessor| predecessor.key);
        [Some(self.key), self.authority.material_id(), before]
            .into_iter()
            .flatten()
    }
}

/// What is known of a predecessor: why it is revoked or on hold, if it is, and its last second.
pub(crate) type PredecessorState = (Option<Reason>, OffsetDateTime);

/// The facts that a group of certificates rests on.
#[derive(Debug, Default)]
pub(crate) struct IssuanceFacts {
    /// Those of the group's keys that are known to be compromised.
    pub(crate) compromised: HashSet<MaterialId>,
    /// The CAs that issue nothing.
    pub(crate) suspended: BTreeSet<String>,
    /// Those of the group, and the identities that were shown.
    pub(crate) predecessors: BTreeMap<Serial, PredecessorState>,
    pub(crate) asked: IdentityCounts,
}

impl IssuanceFacts {
    /// Why a certificate on this basis is not issued, if it is not.
    pub(crate) fn refusal(&self, basis: &Basis, now: OffsetDateTime) -> Option<Error> {
        let name = &basis.authority.name;
        if self.suspended.contains(name) && !basis.despite_suspension {
            return Some(Error::Suspended(name.clone()));
        }
        let of_the_ca = basis.authority.material_id();
        if of_the_ca.is_some_and(|key| self.compromised.contains(&key)) {
            return Some(Error::Conflict(format!(
                "the key of CA {name} is known to be compromised; it issues nothing: request from another CA"
            )));
        }
        if self.compromised.contains(&basis.key) {
            return Some(Error::CompromisedKey);
        }
        if let Some(refusal) = basis
            .asked_by
            .as_ref()
            .and_then(|asker| self.refused_asker(asker))
        {
            return Some(refusal);
        }
        let Predecessor { serial, key } = basis.replaces.as_ref()?;
        let status = match self.predecessors.get(serial) {
            Some((reason, not_after)) => Status::of(*reason, *not_after, now),
            None => return Some(Error::not_found("certificate", serial.to_string())),
        };
        if status != Status::Valid {
            return Some(not_renewable(serial, status));
        }
        // Whoever has this key could otherwise go on under the names of the certificate with a key of their own.
        key.filter(|key| self.compromised.contains(key))
            .map(|_| Error::CompromisedPredecessor(*serial))
    }

    /// The same for the next of a group: one that is issued counts for those after it.
    pub(crate) fn next_refusal(&mut self, basis: &Basis, now: OffsetDateTime) -> Option<Error> {
        let refusal = self.refusal(basis, now);
        if let (None, Some(asker)) = (&refusal, &basis.asked_by) {
            self.asked.add(asker);
        }
        refusal
    }

    /// One that the inventory does not have is from before a restore, and is renewed as others are: it was verified.
    fn refused_asker(&self, asker: &Asker) -> Option<Error> {
        if let Some((Some(_reason), _)) = self.predecessors.get(&asker.serial) {
            return Some(Error::Conflict(format!(
                "the identity {} that was shown is revoked or on hold: make another with `gigvault bootstrap --identity`",
                asker.serial
            )));
        }
        self.asked.refusal(asker)
    }
}

/// Whether a certificate can be renewed, as far as that is for itself to say.
pub(crate) fn renewable(certificate: &Issued, now: OffsetDateTime) -> Result<(), Error> {
    match certificate.status(now) {
        Status::Valid => Ok(()),
        status @ (Status::Revoked | Status::OnHold | Status::Expired) => {
            Err(not_renewable(&certificate.serial, status))
        }
    }
}

/// Why a certificate of this status is not renewed.
pub(crate) fn not_renewable(serial: &Serial, status: Status) -> Error {
    let instead = match status {
        Status::OnHold => {
            format!("release it first (`gigvault cert release {serial}`), or request a new one")
        }
        Status::Valid | Status::Revoked | Status::Expired => "request a new one".to_owned(),
    };
    let state = status.as_str().replace('_', " ");
    Error::Conflict(format!(
        "certificate {serial} is {state}, and only a valid one can be renewed: {instead}"
    ))
}
