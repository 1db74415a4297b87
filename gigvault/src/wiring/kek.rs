//! Where the key-encryption key comes from: from what the settings of keymgr name, or from `keys/kek`. The same one protects
//! the keys of keymgr and the key of the development root.

use std::path::Path;

use anyhow::Context;
use keymgr::{KekSource, Software};
use keys::{KeyEncryptionKey, secret_file};
use rootca::Protection;
use secrecy::SecretString;

use super::layout::DataDir;
use super::settings::Settings;

/// Whether the settings name no other one than `keys/kek`.
pub(super) fn is_own(settings: &Settings) -> bool {
    matches!(settings.keymgr.backends.software.source(), Ok(None))
}

/// Where it comes from.
pub(super) fn source(settings: &Settings, data: &DataDir) -> anyhow::Result<KekSource> {
    let named = settings.keymgr.backends.software.source()?;
    Ok(named.unwrap_or_else(|| KekSource::File(data.kek())))
}

/// The settings of keymgr, which has no default for it.
pub(super) fn keymgr_config(settings: &Settings, data: &DataDir) -> anyhow::Result<keymgr::Config> {
    let mut config = settings.keymgr.clone();
    config.backends.software = Software::from(source(settings, data)?);
    Ok(config)
}

/// Makes `keys/kek` for a first start. An empty file is what earlier versions left on a full disk: it has sealed nothing.
pub(super) fn create(data: &DataDir) -> anyhow::Result<()> {
    let path = data.kek();
    let made = match std::fs::metadata(&path) {
        Ok(found) if found.len() > 0 => return Ok(()),
        Ok(_) => std::fs::remove_file(&path).map_err(anyhow::Error::from),
        Err(_) => Ok(()),
    };
    made.and_then(|()| Ok(KeyEncryptionKey::create_file(&path)?))
        .map(drop)
        .with_context(|| described(&path))
}

/// What opens the key of the development root: the same that protects the keys of keymgr.
pub(super) enum RootOpener {
    Kek(KeyEncryptionKey),
    /// Not a key derived from it: its salt is in the database of keymgr, and a root must open without one.
    Passphrase(SecretString),
}

impl RootOpener {
    pub(super) fn read(settings: &Settings, data: &DataDir) -> anyhow::Result<Self> {
        match source(settings, data)? {
            KekSource::File(path) => KeyEncryptionKey::from_file(&path)
                .map(Self::Kek)
                .with_context(|| described(&path)),
            KekSource::Passphrase(path) => Ok(Self::Passphrase(secret_file::read_passphrase(&path)?)),
        }
    }

    pub(super) fn protection(&self) -> Protection<'_> {
        match self {
            Self::Kek(kek) => Protection::Sealed(kek),
            Self::Passphrase(passphrase) => Protection::Passphrase(passphrase),
        }
    }
}

fn described(path: &Path) -> String {
    format!("key-encryption key {}", path.display())
}
