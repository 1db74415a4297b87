//! Private keys that people bring along, and their passphrases: from a file of mode 0600 or typed at the prompt, never
//! from the command line, which every process of the machine may read.

use std::path::Path;

use anyhow::Context;
use dialoguer::Password;
use keys::{KeyError, SoftwareKey};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::files;
use crate::exit::Usage;

/// Reads a key file of any form. The passphrase is asked for only if the key is encrypted and no file holds it.
pub(super) fn read(path: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<SoftwareKey> {
    let name = path.display();
    let content = Zeroizing::new(files::read(path)?);
    let given = passphrase_file
        .map(keys::secret_file::read_passphrase)
        .transpose()?;
    let key = match keys::from_file(&content, given.as_ref()) {
        Err(KeyError::PassphraseNeeded) => {
            let prompt =
                Password::new().with_prompt(rootca::cli::printable(&format!("Passphrase of {name}")));
            let asked = answer(prompt, "--key-passphrase-file")?;
            keys::from_file(&content, Some(&asked))
        }
        other => other,
    };
    key.with_context(|| format!("reading {name}"))
}

/// The passphrase of a file that is to be written.
pub(super) fn new_passphrase(file: Option<&Path>) -> anyhow::Result<SecretString> {
    match file {
        Some(path) => Ok(keys::secret_file::read_passphrase(path)?),
        None => {
            let prompt = Password::new()
                .with_prompt("Passphrase for the new file")
                .with_confirmation("The same again", "They differ; once more");
            answer(prompt, "--out-passphrase-file")
        }
    }
}

fn answer(prompt: Password<'_>, flag: &str) -> anyhow::Result<SecretString> {
    match prompt.report(false).interact() {
        Ok(text) => Ok(text.into()),
        Err(dialoguer::Error::IO(error)) if error.kind() == std::io::ErrorKind::NotConnected => Err(Usage(format!(
            "a passphrase is needed and there is no terminal to ask on; name a file of mode 0600 with {flag}"
        ))
        .into()),
        Err(error) => Err(error).context("asking for the passphrase"),
    }
}
