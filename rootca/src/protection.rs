//! How the root's private key is stored on disk.
//!
//! Under a passphrase it is an encrypted PKCS#8 file, which any tool can still open in twenty years. Under a
//! key-encryption key, as on machines that start unattended, it is an envelope bound to its certificate.

use std::path::Path;

use keys::{KeyEncryptionKey, KeyError, SoftwareKey};
use secrecy::SecretString;
use x509::{Certificate, pem};

use crate::error::Error;

const SEALED: &str = "GIGVAULT SEALED KEY";

/// What opens the root's key.
#[derive(Debug, Clone, Copy)]
pub enum Protection<'a> {
    /// A passphrase, for people.
    Passphrase(&'a SecretString),
    /// A key-encryption key, for machines.
    Sealed(&'a KeyEncryptionKey),
}

impl Protection<'_> {
    /// The content of a key file.
    pub(crate) fn close(self, key: &SoftwareKey, certificate: &Certificate) -> Result<String, Error> {
        match self {
            Self::Passphrase(passphrase) => Ok(key.to_encrypted_pem(passphrase)?),
            Self::Sealed(kek) => {
                let envelope = kek.seal(&key.to_pkcs8()?, &binding(certificate))?;
                Ok(pem::encode(SEALED, &envelope))
            }
        }
    }

    /// The key in a key file, which errors name.
    pub(crate) fn open(
        self,
        path: &Path,
        content: &[u8],
        certificate: &Certificate,
    ) -> Result<SoftwareKey, Error> {
        let failed = |problem: KeyError| Error::KeyFile {
            path: path.into(),
            problem,
        };
        let damaged = |error: pem::PemError| Error::Content {
            path: path.into(),
            problem: format!("it does not hold the key of a root: {error}"),
        };
        let labels = pem::labels(content).map_err(damaged)?;
        let sealed = match labels.iter().any(|label| label == SEALED) {
            true => pem::decode(content, SEALED).map_err(damaged)?.into_iter().next(),
            false => None,
        };
        let under_passphrase = labels.iter().any(|label| label.ends_with("PRIVATE KEY"));
        match (self, sealed) {
            (Self::Passphrase(passphrase), None) => {
                SoftwareKey::from_pem(content, Some(passphrase)).map_err(failed)
            }
            (Self::Sealed(kek), Some(envelope)) => {
                let document = kek.open(&envelope, &binding(certificate)).map_err(failed)?;
                SoftwareKey::from_pkcs8(&document).map_err(failed)
            }
            (Self::Sealed(_), None) if !under_passphrase => {
                Err(pem::decode(content, SEALED).map_or_else(damaged, |_| Error::NoKey(path.into())))
            }
            (Self::Passphrase(_), Some(_)) => Err(Error::Usage(
                "this root's key is sealed under a key-encryption key: name its file with --kek-file".into(),
            )),
            (Self::Sealed(_), None) => Err(Error::Usage(
                "this root's key is under a passphrase, not under a key-encryption key".into(),
            )),
        }
    }
}

/// An envelope opens only for the certificate that it was sealed for.
fn binding(certificate: &Certificate) -> Vec<u8> {
    [&b"gigvault root key"[..], &certificate.spki_fingerprint()].concat()
}
