//! From flags to what opens the key.

use keys::{KeyEncryptionKey, secret_file};
use secrecy::SecretString;

use super::{KeyFlags, Prompts};
use crate::error::Error;
use crate::folder::Folder;
use crate::protection::Protection;
use crate::root::Root;

/// What [`Protection`] borrows from.
pub(super) enum Opener {
    Passphrase(SecretString),
    Kek(KeyEncryptionKey),
}

impl Opener {
    pub(super) fn protection(&self) -> Protection<'_> {
        match self {
            Self::Passphrase(passphrase) => Protection::Passphrase(passphrase),
            Self::Kek(kek) => Protection::Sealed(kek),
        }
    }
}

impl KeyFlags {
    /// For a root that exists.
    pub(super) fn unlock(&self, folder: &Folder, prompts: &mut dyn Prompts) -> Result<Root, Error> {
        folder.check_key()?;
        let opener = match self.given()? {
            Some(opener) => opener,
            None => Opener::Passphrase(prompts.passphrase()?),
        };
        folder.unlock(opener.protection())
    }

    /// For a root to be.
    pub(super) fn for_new_root(&self, prompts: &mut dyn Prompts) -> Result<Opener, Error> {
        let opener = match self.given()? {
            Some(opener) => opener,
            None => Opener::Passphrase(prompts.new_passphrase()?),
        };
        if let Opener::Passphrase(passphrase) = &opener {
            keys::passphrase::check_new(passphrase).map_err(|error| Error::Usage(error.to_string()))?;
        }
        Ok(opener)
    }

    fn given(&self) -> Result<Option<Opener>, Error> {
        match (&self.passphrase_file, &self.kek_file) {
            (Some(path), _) => Ok(Some(Opener::Passphrase(secret_file::read_passphrase(path)?))),
            (None, Some(path)) => Ok(Some(Opener::Kek(KeyEncryptionKey::from_file(path)?))),
            (None, None) => Ok(None),
        }
    }
}
