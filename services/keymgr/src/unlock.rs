//! The key-encryption key at start: read or derived, and proved to be the one that seals this database.
//!
//! The first start records which key it is (an id that tells nothing about it) and, for a passphrase, salt
//! and cost. Later starts, and other replicas, must come to the same key, or the service does not start: a
//! key sealed under a second key-encryption key would split the database in two.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

use std::path::Path;

use aws_lc_rs::rand;
use keys::{Argon2Cost, KeyEncryptionKey, secret_file};
use store::Db;

use crate::config::KekSource;
use crate::error::Error;
use crate::tables::{self, Derivation, Kek};

const SALT_LEN: usize = 16;

/// The key-encryption key of this database.
pub(crate) async fn unlock(db: &Db, source: &KekSource) -> Result<KeyEncryptionKey, Error> {
    if let Some(stored) = recorded(db).await? {
        return matching(source, &stored).await;
    }
    let derivation = first_derivation(source)?;
    let kek = derive(source, &derivation).await?;
    tables::set_kek(
        db,
        &Kek {
            id: kek.id(),
            derivation,
        },
    )
    .await?;
    let stored = tables::kek(db)
        .await?
        .ok_or_else(|| Error::internal("no key-encryption key was recorded"))?;
    if stored.id == kek.id() {
        tracing::info!(
            kek = kek.id(),
            source = stored.derivation.source(),
            "key-encryption key set up"
        );
        return Ok(kek);
    }
    // Another replica was first.
    matching(source, &stored).await
}

/// Refuses the key-encryption key in a file where the database was set up with another one, and changes nothing.
pub(crate) async fn check(db: &Db, file: &Path) -> Result<(), Error> {
    if let Some(stored) = recorded(db).await? {
        matching(&KekSource::File(file.to_owned()), &stored).await?;
    }
    Ok(())
}

/// As [`check`], for a service that runs. A passphrase is read and not tried: to derive a key from it takes memory and time that a
/// running service has other uses for.
pub(crate) async fn check_again(db: &Db, source: &KekSource) -> Result<(), Error> {
    match source {
        KekSource::File(file) => check(db, file).await,
        KekSource::Passphrase(file) => {
            recorded(db).await?.ok_or(Error::LostKek)?;
            secret_file::read_passphrase(file)?;
            Ok(())
        }
    }
}

/// Which key-encryption key seals the keys; none only where there are no keys.
async fn recorded(db: &Db) -> Result<Option<Kek>, Error> {
    match tables::kek(db).await? {
        // Another replica may have recorded it, and made a key, in the meantime.
        None if db.has_rows("keys").await? => match tables::kek(db).await? {
            None => Err(Error::LostKek),
            stored => Ok(stored),
        },
        stored => Ok(stored),
    }
}

async fn matching(source: &KekSource, stored: &Kek) -> Result<KeyEncryptionKey, Error> {
    let wrong = |present: String| Error::WrongKek {
        given: source.path().display().to_string(),
        present,
        stored: stored.derivation.source().to_owned(),
        expected: stored.id.clone(),
    };
    if matches!(
        (source, &stored.derivation),
        (KekSource::Passphrase(_), Derivation::File)
    ) {
        return Err(wrong("none: it is a passphrase".to_owned()));
    }
    let kek = derive(source, &stored.derivation).await?;
    if kek.id() == stored.id {
        Ok(kek)
    } else {
        Err(wrong(kek.id()))
    }
}

fn first_derivation(source: &KekSource) -> Result<Derivation, Error> {
    match source {
        KekSource::File(_) => Ok(Derivation::File),
        KekSource::Passphrase(path) => {
            keys::passphrase::check_new(&secret_file::read_passphrase(path)?)?;
            let mut salt = vec![0; SALT_LEN];
            rand::fill(&mut salt).map_err(|_| Error::internal("no random bytes for a salt"))?;
            Ok(Derivation::Passphrase {
                salt,
                cost: Argon2Cost::RECOMMENDED,
            })
        }
    }
}

async fn derive(source: &KekSource, derivation: &Derivation) -> Result<KeyEncryptionKey, Error> {
    match (source, derivation) {
        (KekSource::Passphrase(path), Derivation::Passphrase { salt, cost }) => {
            let (passphrase, salt, cost) = (secret_file::read_passphrase(path)?, salt.clone(), *cost);
            let derived = tokio::task::spawn_blocking(move || {
                KeyEncryptionKey::from_passphrase(&passphrase, &salt, cost)
            });
            Ok(derived
                .await
                .map_err(|_| Error::internal("deriving the key-encryption key was cut off"))??)
        }
        (source, _) => Ok(KeyEncryptionKey::from_file(source.path())?),
    }
}

impl KekSource {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Passphrase(path) => path,
        }
    }
}
