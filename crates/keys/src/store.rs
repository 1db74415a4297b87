//! The seam between a key service and the place its private keys live.
//!
//! A service keeps an opaque handle per key; only the store knows what it means. For software keys
//! it is the sealed private key itself; for an HSM it will be the object's id.

use std::sync::Arc;

use x509::key::KeyAlgorithm;

use crate::{KeyEncryptionKey, KeyError, Signer, SoftwareKey};

/// What a key is bound to, for good: its handle opens for the same name and purpose only.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The key's name.
    pub name: &'a str,
    /// What it may sign.
    pub purpose: &'a str,
}

impl Binding<'_> {
    /// Associated data for an envelope. Lengths go before the parts, so that no two bindings encode
    /// alike.
    #[must_use]
    pub fn aad(&self) -> Vec<u8> {
        let mut aad = b"gigvault key".to_vec();
        for part in [self.name, self.purpose] {
            aad.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            aad.extend_from_slice(part.as_bytes());
        }
        aad
    }
}

/// A key that was just made: ready to sign, and what to keep of it.
pub struct StoredKey {
    /// Signs with it.
    pub signer: Arc<dyn Signer>,
    /// Finds it again ([`KeyStore::open`]). Holds no plaintext secret.
    pub handle: Vec<u8>,
}

/// Where private keys live.
pub trait KeyStore: Send + Sync {
    /// The kind of store, as stored and shown beside its keys: `software`.
    fn backend(&self) -> &'static str;

    /// Makes a key. Blocks (RSA: up to seconds).
    ///
    /// # Errors
    /// [`KeyError::UnsupportedKey`] and what the store itself fails with.
    fn generate(&self, algorithm: KeyAlgorithm, binding: Binding<'_>) -> Result<StoredKey, KeyError>;

    /// Finds a key made before.
    ///
    /// # Errors
    /// [`KeyError::WrongKek`], [`KeyError::Tampered`]: see [`KeyEncryptionKey::open`].
    fn open(&self, handle: &[u8], binding: Binding<'_>) -> Result<Arc<dyn Signer>, KeyError>;
}

/// Keys in this process's memory, sealed under a key-encryption key everywhere else.
#[derive(Debug)]
pub struct SoftwareStore {
    kek: KeyEncryptionKey,
}

impl SoftwareStore {
    /// A store that seals under `kek`.
    #[must_use]
    pub fn new(kek: KeyEncryptionKey) -> Self {
        Self { kek }
    }
}

impl KeyStore for SoftwareStore {
    fn backend(&self) -> &'static str {
        "software"
    }

    fn generate(&self, algorithm: KeyAlgorithm, binding: Binding<'_>) -> Result<StoredKey, KeyError> {
        let key = SoftwareKey::generate(algorithm)?;
        let handle = self.kek.seal(&key.to_pkcs8()?, &binding.aad())?;
        Ok(StoredKey {
            signer: Arc::new(key),
            handle,
        })
    }

    fn open(&self, handle: &[u8], binding: Binding<'_>) -> Result<Arc<dyn Signer>, KeyError> {
        let document = self.kek.open(handle, &binding.aad())?;
        Ok(Arc::new(SoftwareKey::from_pkcs8(&document)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Argon2Cost;

    fn store() -> SoftwareStore {
        let cheap = Argon2Cost {
            memory_kib: 64,
            iterations: 1,
            lanes: 1,
        };
        SoftwareStore::new(KeyEncryptionKey::from_passphrase(&"x".into(), b"saltsalt", cheap).unwrap())
    }

    #[test]
    fn a_stored_key_opens_again_and_is_the_same() {
        let binding = Binding {
            name: "issuing",
            purpose: "certificate-authority",
        };
        let made = store().generate(KeyAlgorithm::P256, binding).unwrap();
        let opened = store().open(&made.handle, binding).unwrap();
        assert_eq!(opened.public_key(), made.signer.public_key());
    }

    #[test]
    fn a_handle_moved_to_another_name_or_purpose_does_not_open() {
        let made = store()
            .generate(
                KeyAlgorithm::P256,
                Binding {
                    name: "ab",
                    purpose: "c",
                },
            )
            .unwrap();
        for (name, purpose) in [("ab", "ocsp"), ("other", "c"), ("a", "bc"), ("abc", "")] {
            let refused = store().open(&made.handle, Binding { name, purpose }).err();
            assert!(matches!(refused, Some(KeyError::Tampered)), "{name} {purpose}");
        }
    }
}
