//! What a job would do to each of many certificates.
//!
//! It is decided by the functions that decide on one ([`lifecycle`]), in the order in which the job takes them, on what is
//! read without a lock: what changes until then is told by the token of the preview.

use std::collections::{BTreeMap, HashMap, HashSet};

use kit::error::Fault as _;
use kit::page::Walk;
use store::StoreError;
use x509::serial::Serial;

use super::revoke::key_of;
use super::revoke_many::{RevokeMany, SelectedCertificates};
use super::{App, Requester};
use crate::domain::issuance_facts::MaterialId;
use crate::domain::lifecycle::{self, Change, KeyFate, Wish};
use crate::domain::{Brief, Issued};
use crate::error::Error;
use crate::tables::beside::{self, OverKey};
use crate::tables::{certificates, compromised};

/// Certificates, or keys, that are looked up at a time.
const AT_ONCE: usize = 500;

/// What becomes of one certificate.
pub(super) enum Outcome {
    /// It changes so.
    Becomes(Change),
    /// It is revoked already: the job skips it.
    Stays,
    /// It cannot be revoked so, for this reason: the job fails on it.
    Refused(String),
}

/// What becomes of the keys, where the reason is a compromise.
#[derive(Default)]
pub(super) struct Keys {
    /// Recorded as compromised, which they were not.
    pub(super) recorded: HashSet<MaterialId>,
    /// Not recorded, because others have unexpired certificates over them.
    pub(super) unconfirmed: HashSet<MaterialId>,
    /// Certificates over all of these that the requester may revoke and that would stay valid or on hold.
    pub(super) remaining: u64,
    /// The same, of others.
    pub(super) of_others: u64,
}

/// What a job would do, as things are now.
pub(super) struct Foreseen {
    /// The certificates that were found, in the order of the job.
    pub(super) outcomes: Vec<(Brief, Outcome)>,
    /// Set where the reason is a compromise.
    pub(super) keys: Option<Keys>,
    /// Those that cannot be read, on which the job fails, and why.
    pub(super) damaged: BTreeMap<String, String>,
    /// Serial numbers of no certificate that the requester may see.
    pub(super) missing: Vec<Serial>,
    /// More match than were looked at.
    pub(super) more: bool,
}

/// What is known of the key of a certificate.
#[derive(Clone, Copy, Default)]
struct KeyFacts {
    /// None for a key that is not accepted any more.
    material: Option<MaterialId>,
    /// The fingerprint of the other key that the private key opens.
    twin: Option<[u8; 32]>,
}

/// What is known of all keys.
#[derive(Default)]
struct AllKeyFacts {
    /// By the certificate; an error is why that cannot be read.
    keys: HashMap<Serial, Result<KeyFacts, String>>,
    recorded: HashSet<MaterialId>,
    /// By the SHA-256 of their SubjectPublicKeyInfo.
    certificates: HashMap<[u8; 32], OverKey>,
}

impl App {
    /// Decides on each certificate that was found.
    pub(super) async fn foresee(
        &self,
        requester: &Requester,
        request: &RevokeMany,
        (found, walk): (SelectedCertificates, &Walk),
    ) -> Result<Foreseen, Error> {
        let now = self.clock.now();
        let known = match lifecycle::is_compromise(request.reason) {
            true => Some(self.known_of(requester, &found.certificates, Some(walk)).await?),
            false => None,
        };
        let mut keys = known.as_ref().map(|_| Keys::default());
        let (mut touched, mut revoked) = (HashSet::new(), 0);
        let mut outcomes = Vec::with_capacity(found.certificates.len());
        for one in found.certificates {
            let by = requester.capacity_over(&one.requester);
            let mut wish = Wish {
                reason: request.reason,
                invalidity: request.invalidity,
                records_key: false,
            };
            let mut of_key = None;
            if let (Some(known), Some(keys)) = (&known, &keys) {
                match known.of(&one, keys) {
                    Ok((key, recorded, vouch)) => {
                        let fate = KeyFate::decide(by, recorded, vouch);
                        wish.records_key = fate == KeyFate::Recording;
                        of_key = Some((key, fate));
                    }
                    Err(why) => {
                        outcomes.push((one, Outcome::Refused(why)));
                        continue;
                    }
                }
            }
            let outcome = match lifecycle::revoke(&one, wish, by, now) {
                Ok((change, _)) => Outcome::Becomes(change),
                Err(Error::Conflict(_)) => Outcome::Stays,
                Err(error) => Outcome::Refused(error.public().into_owned()),
            };
            if let (Outcome::Becomes(change), Some(keys), Some((key, fate))) = (&outcome, &mut keys, of_key) {
                keys.note(key, fate);
                touched.extend([Some(one.spki_sha256), key.twin].into_iter().flatten());
                revoked += u64::from(*change == Change::Revoked && one.not_after >= now);
            }
            outcomes.push((one, outcome));
        }
        if let (Some(keys), Some(known)) = (&mut keys, &known) {
            let over = || touched.iter().filter_map(|key| known.certificates.get(key));
            // Those that are revoked are among those that are valid or on hold now.
            keys.remaining = over().map(|over| over.own).sum::<u64>().saturating_sub(revoked);
            keys.of_others = over().map(|over| over.of_others).sum();
        }
        Ok(Foreseen {
            outcomes,
            keys,
            damaged: found.damaged,
            missing: found.missing,
            more: found.more,
        })
    }

    /// What a revocation of that certificate for compromise would make of its key.
    ///
    /// # Errors
    /// [`Error::Common`]: the database, or what is stored cannot be read.
    pub(crate) async fn fate_of_key(
        &self,
        requester: &Requester,
        certificate: &Issued,
    ) -> Result<KeyFate, Error> {
        let one = Brief::from(certificate);
        let known = self.known_of(requester, std::slice::from_ref(&one), None).await?;
        let (_, recorded, vouch) = known.of(&one, &Keys::default()).map_err(Error::internal)?;
        Ok(KeyFate::decide(requester.capacity(certificate), recorded, vouch))
    }

    /// Reads each certificate, as the job does, and what there is over its key and the twin of that: of many in steps of the walk.
    async fn known_of(
        &self,
        requester: &Requester,
        found: &[Brief],
        walk: Option<&Walk>,
    ) -> Result<AllKeyFacts, Error> {
        let mut known = AllKeyFacts::default();
        let serials: Vec<Serial> = found.iter().map(|one| one.serial).collect();
        for some in serials.chunks(AT_ONCE) {
            let keys = async {
                let found = certificates::of_serials(&self.db, some).await?;
                let keys = found
                    .into_iter()
                    .map(|(serial, der)| (serial, read(serial, &der)));
                Ok::<_, Error>(keys.collect::<Vec<_>>())
            };
            known.keys.extend(step(walk, keys).await?);
        }
        let keys = || known.keys.values().flatten();
        let materials: HashSet<MaterialId> = keys().filter_map(|key| key.material).collect();
        let spkis = found.iter().map(|one| one.spki_sha256);
        let spkis: HashSet<[u8; 32]> = spkis.chain(keys().filter_map(|key| key.twin)).collect();
        let (materials, spkis) = (Vec::from_iter(materials), Vec::from_iter(spkis));
        for some in materials.chunks(AT_ONCE) {
            let recorded = compromised::among(&self.db, some);
            known.recorded.extend(step(walk, recorded).await?);
        }
        for some in spkis.chunks(AT_ONCE) {
            let over = beside::over(&self.db, some, requester.revokes_beside(), self.clock.now());
            known.certificates.extend(step(walk, over).await?);
        }
        Ok(known)
    }
}

async fn step<T, E: Into<Error>>(
    walk: Option<&Walk>,
    read: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    let read = async { read.await.map_err(Into::into) };
    match walk {
        Some(walk) => walk.step(read).await,
        None => read.await,
    }
}

fn read(serial: Serial, der: &[u8]) -> Result<KeyFacts, String> {
    let certificate = x509::Certificate::from_der(der)
        .map_err(|_| StoreError::damaged("der", &format!("certificate {serial}")).to_string())?;
    Ok(KeyFacts {
        material: key_of(&certificate),
        twin: certificate
            .public_key()
            .ok()
            .and_then(|key| key.twin_fingerprint()),
    })
}

impl AllKeyFacts {
    /// The key of a certificate, whether it is recorded by then, and whether others vouch for it.
    fn of(&self, certificate: &Brief, so_far: &Keys) -> Result<(KeyFacts, bool, bool), String> {
        let spki = &certificate.spki_sha256;
        let key = self
            .keys
            .get(&certificate.serial)
            .cloned()
            .transpose()?
            .unwrap_or_default();
        let is_recorded = |key: &MaterialId| self.recorded.contains(key) || so_far.recorded.contains(key);
        let recorded = key.material.as_ref().is_none_or(is_recorded);
        let over = [Some(spki), key.twin.as_ref()].into_iter().flatten();
        let vouch = over
            .filter_map(|key| self.certificates.get(key))
            .any(|over| over.others_vouch);
        Ok((key, recorded, vouch))
    }
}

impl Keys {
    fn note(&mut self, key: KeyFacts, fate: KeyFate) {
        match fate {
            KeyFate::Recorded => {}
            KeyFate::Recording => self.recorded.extend(key.material),
            KeyFate::Unconfirmed => self.unconfirmed.extend(key.material),
        }
    }
}
