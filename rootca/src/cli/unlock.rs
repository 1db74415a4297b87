//! From flags to what opens the key.

use keys::{KeyEncryptionKey, secret_file};
use secrecy::{ExposeSecret, SecretString};

use super::{KeyFlags, Prompts};
use crate::error::Error;
use crate::folder::Folder;
use crate::protection::Protection;
use crate::root::Root;

/// Shortest passphrase for a new root, in characters (NIST SP 800-63B section 3.1.1.2). Five random words are better.
const SHORTEST: usize = 8;

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
        match &opener {
            Opener::Passphrase(passphrase) if passphrase.expose_secret().chars().count() < SHORTEST => {
                Err(Error::Usage(format!(
                    "the passphrase is shorter than {SHORTEST} characters; five random words are a good one"
                )))
            }
            _ => Ok(opener),
        }
    }

    fn given(&self) -> Result<Option<Opener>, Error> {
        match (&self.passphrase_file, &self.kek_file) {
            (Some(path), _) => Ok(Some(Opener::Passphrase(secret_file::read_passphrase(path)?))),
            (None, Some(path)) => Ok(Some(Opener::Kek(KeyEncryptionKey::from_file(path)?))),
            (None, None) => Ok(None),
        }
    }
}
