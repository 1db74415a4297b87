//! Private keys that people bring along, and their passphrases: from a file of mode 0600, from the environment, or typed at
//! the prompt, never from the command line, which every process of the machine may read.

use std::path::Path;

use anyhow::Context;
use dialoguer::Password;
use keys::{KeyError, SoftwareKey};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::files;
use crate::cli::{KEY_PASSPHRASE, OUT_PASSPHRASE, OwnKey};
use crate::exit::Usage;

/// Reads the key file of any form that `--key` names. The passphrase is asked for only if the key is encrypted and neither a
/// file nor the environment holds it.
pub(super) fn read(own: &OwnKey) -> anyhow::Result<SoftwareKey> {
    let path = own.key.as_deref().context("no key file is named")?;
    let name = path.display();
    let content = Zeroizing::new(files::read(path)?);
    let given = given(own.key_passphrase_file.as_deref(), KEY_PASSPHRASE)?;
    let key = match keys::from_file(&content, given.as_ref()) {
        Err(KeyError::PassphraseNeeded) => {
            let prompt =
                Password::new().with_prompt(rootca::cli::printable(&format!("Passphrase of {name}")));
            let asked = answer(prompt, "--key-passphrase-file", KEY_PASSPHRASE)?;
            keys::from_file(&content, Some(&asked))
        }
        other => other,
    };
    key.with_context(|| format!("reading {name}"))
}

/// The passphrase of a file that is to be written: whoever gets the file can try passphrases as fast as they like.
pub(super) fn new_passphrase(file: Option<&Path>) -> anyhow::Result<SecretString> {
    let passphrase = match given(file, OUT_PASSPHRASE)? {
        Some(given) => given,
        None => {
            let prompt = Password::new()
                .with_prompt("Passphrase for the new file")
                .with_confirmation("The same again", "They differ; once more");
            answer(prompt, "--out-passphrase-file", OUT_PASSPHRASE)?
        }
    };
    keys::passphrase::check_new(&passphrase)
        .map_err(|error| Usage(format!("the new file was not written: {error}")))?;
    Ok(passphrase)
}

/// PKCS#12 was asked for where this machine has no key.
pub(super) fn none_for_pkcs12() -> anyhow::Error {
    Usage(
        "a PKCS#12 file holds the private key: name its file with --key, or make a new key with --new-key"
            .to_owned(),
    )
    .into()
}

/// From the file if there is one, else from the environment. An empty variable is as good as none.
fn given(file: Option<&Path>, variable: &str) -> anyhow::Result<Option<SecretString>> {
    if let Some(path) = file {
        return Ok(Some(keys::secret_file::read_passphrase(path)?));
    }
    match std::env::var(variable) {
        Ok(text) if !text.is_empty() => Ok(Some(text.into())),
        Err(std::env::VarError::NotUnicode(_)) => Err(Usage(format!("{variable} is not UTF-8 text")).into()),
        _ => Ok(None),
    }
}

fn answer(prompt: Password<'_>, flag: &str, variable: &str) -> anyhow::Result<SecretString> {
    match prompt.report(false).interact() {
        Ok(text) => Ok(text.into()),
        Err(dialoguer::Error::IO(error)) if error.kind() == std::io::ErrorKind::NotConnected => Err(Usage(format!(
            "a passphrase is needed and there is no terminal to ask on; name a file of mode 0600 with {flag}, or \
             set {variable}"
        ))
        .into()),
        Err(error) => Err(error).context("asking for the passphrase"),
    }
}
