//! The SHA-256 of lists, for those who compare a file with what is out.
//!
//! A list is written before the octets at its beginning are known, so its hash is not known when it is published. It is read for it
//! once, when someone asks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;
use x509::digest::Sha256;

use super::{App, PublishedList};
use crate::domain::Publication;
use crate::error::Error;
use crate::tables::pieces;

/// The hashes of lists that are out.
#[derive(Default)]
pub(crate) struct Fingerprints(Mutex<BTreeMap<Uuid, [u8; 32]>>);

/// Most lists whose hashes are kept: those of a CA with all its shards, and more.
const MOST: usize = 4096;

impl Fingerprints {
    /// Forgets all others, where there are many.
    pub(crate) fn keep(&self, lists: &[PublishedList]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MOST {
            known.retain(|id, _| lists.iter().any(|out| out.list.id == *id));
        }
    }

    fn get(&self, list: Uuid) -> Option<[u8; 32]> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&list).copied()
    }

    fn put(&self, list: Uuid, hash: [u8; 32]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(list, hash);
    }
}

impl App {
    /// The SHA-256 of the octets of a list.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn sha256(&self, list: &Publication) -> Result<[u8; 32], Error> {
        if let Some(known) = self.fingerprints.get(list.id) {
            return Ok(known);
        }
        let mut hash = Sha256::default();
        let (mut after, mut read) = (-1, 0);
        while let Some((ordinal, piece)) = pieces::next(&self.db, list.id, after).await? {
            hash.update(&piece);
            read += piece.len() as u64;
            after = ordinal;
        }
        let hash = hash.finish();
        // It may have been replaced and removed in the meantime; the hash of a part is not kept.
        if read == list.length {
            self.fingerprints.put(list.id, hash);
        }
        Ok(hash)
    }
}
