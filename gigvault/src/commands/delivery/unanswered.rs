//! Where no answer is there: it was lost, or a signal ended the command before it arrived. Whether a certificate was issued
//! is then not known, and what is said leads on with the key that was kept.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::{Delivery, Form};
use crate::cli::{KEY_PASSPHRASE, OwnKey};

/// A new key that was kept.
pub(super) struct KeptKey {
    path: PathBuf,
    /// Whether it is under the passphrase of the file that was to be written, and where that was read from.
    passphrase: Option<Option<PathBuf>>,
}

impl KeptKey {
    pub(super) fn of(
        staged: ::files::Staged,
        passphrase: Option<Option<PathBuf>>,
    ) -> Result<Self, ::files::Error> {
        let path = staged.keep()?;
        Ok(Self { path, passphrase })
    }

    /// `--key …`, as a shell reads it, and with it what opens the key.
    pub(super) fn flags(&self) -> String {
        let file = self.passphrase.as_ref().and_then(Option::as_deref);
        key_flags(&self.path, file)
    }

    /// Where it is, as a shell reads it.
    pub(super) fn place(&self) -> String {
        ::files::quoted(&self.path).to_string()
    }

    /// What is said of its passphrase where no file holds it.
    pub(super) fn note(&self) -> String {
        match &self.passphrase {
            Some(None) => {
                format!(" under the new passphrase, which is asked for or read from {KEY_PASSPHRASE}")
            }
            Some(Some(_)) => " under the new passphrase".to_owned(),
            None => String::new(),
        }
    }
}

fn key_flags(path: &Path, passphrase: Option<&Path>) -> String {
    let key = format!("--key {}", ::files::quoted(path));
    match passphrase {
        Some(file) => format!("{key} --key-passphrase-file {}", ::files::quoted(file)),
        None => key,
    }
}

/// The flags that read a key of the user again.
pub(super) fn own_flags(own: &OwnKey) -> String {
    let path = own.key.as_deref().unwrap_or_else(|| Path::new("KEY"));
    key_flags(path, own.key_passphrase_file.as_deref())
}

/// How a certificate that is there is written with the CAs above it.
pub(super) fn download_pem(serial: &str) -> String {
    format!("gigvault cert download {serial} --chain --out FILE")
}

/// How a PKCS#12 file is made of a certificate that is there. `key`: the flags that read its key.
pub(super) fn download_pkcs12(serial: &str, key: &str, passphrase: Option<&Path>, out: &Path) -> String {
    let passphrase = passphrase.map_or_else(String::new, |file| {
        format!(" --out-passphrase-file {}", ::files::quoted(file))
    });
    format!(
        "gigvault cert download {serial} --format pkcs12 {key}{passphrase} --out {}",
        ::files::quoted(out)
    )
}

impl Delivery {
    /// Keeps a new key in the folder that it was for, and says how to go on from there.
    pub(super) fn keep(self) -> String {
        const SERIAL: &str = "SERIAL";
        let (kept, download) = match self.form {
            Form::Pem(None) => (None, download_pem(SERIAL)),
            Form::Pem(Some(staged)) => (Some(KeptKey::of(staged, None)), download_pem(SERIAL)),
            Form::Pkcs12 {
                own,
                staged,
                passphrase_file: file,
                ..
            } => {
                let kept = match &own {
                    None => Some(KeptKey::of(staged, Some(file.clone()))),
                    Some(_) => None,
                };
                let kept_flags = kept.as_ref().and_then(|kept| Some(kept.as_ref().ok()?.flags()));
                let key = own.or(kept_flags).unwrap_or_default();
                let out = &self.bundle.pkcs12;
                (kept, download_pkcs12(SERIAL, &key, file.as_deref(), out))
            }
        };
        // An older certificate of the same key is in the list too, and is not what was asked for.
        let which = match (&kept, &self.renews) {
            (Some(_), _) => String::new(),
            (None, Some(older)) => format!(", as one newer than {older}"),
            (None, None) => ", as one that was not there before".to_owned(),
        };
        let spki = HEXLOWER.encode(&self.spki_sha256);
        let find = format!("`gigvault cert list --spki-sha256 {spki}` shows it if it was{which}");
        let (place, again) = match kept {
            None => (String::new(), String::new()),
            Some(Ok(kept)) => {
                let instead = match self.renews {
                    Some(_) => "--new-key and --key-type",
                    None => "--key-type",
                };
                let place = format!(", and the new key is in {}{}", kept.place(), kept.note());
                (place, format!(" with `{}` in place of {instead}", kept.flags()))
            }
            Some(Err(error)) => {
                return format!(
                    "whether the certificate was issued is not known, and its new key is lost ({error}): {find}, and \
                     `gigvault cert revoke SERIAL` revokes it; then run this command again"
                );
            }
        };
        format!(
            "whether the certificate was issued is not known{place}; {find}, and `{download}` writes it; if it was not, run \
             this command again{again}"
        )
    }
}
