//! Where the key-encryption key comes from: a file of 0600, or a passphrase through Argon2id.

use std::fmt;
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand};
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{KeyError, secret_file};

pub(crate) const KEY_LEN: usize = 32;
pub(crate) const ID_LEN: usize = 8;

/// The key that seals private keys for storage (see `seal` and `open`). AES-256.
///
/// The raw bytes are gone once it is made: it holds aws-lc's key schedule, which is overwritten on
/// drop.
pub struct KeyEncryptionKey {
    pub(crate) key: RandomizedNonceKey,
    pub(crate) id: [u8; ID_LEN],
}

/// Cost of Argon2id (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Argon2Cost {
    /// RFC 9106 section 4, second recommended option: 64 MiB, 3 passes, 4 lanes.
    pub const RECOMMENDED: Self = Self {
        memory_kib: 64 * 1024,
        iterations: 3,
        lanes: 4,
    };

    /// Costs are stored beside what they protect; whoever may write there must not be able to take
    /// the machine's memory.
    const MAX: Self = Self {
        memory_kib: 1024 * 1024,
        iterations: 64,
        lanes: 64,
    };

    fn params(self) -> Result<Params, KeyError> {
        if self.memory_kib > Self::MAX.memory_kib
            || self.iterations > Self::MAX.iterations
            || self.lanes > Self::MAX.lanes
        {
            return Err(KeyError::Argon2Cost("at most 1 GiB, 64 iterations and 64 lanes"));
        }
        Params::new(self.memory_kib, self.iterations, self.lanes, Some(KEY_LEN))
            .map_err(|_| KeyError::Argon2Cost("at least 8 KiB a lane, one iteration and one lane"))
    }
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self::RECOMMENDED
    }
}

impl KeyEncryptionKey {
    /// Reads the key from a file that its owner alone may read: 64 hexadecimal digits, white space
    /// around them ignored (`openssl rand -hex 32` makes one).
    ///
    /// # Errors
    /// [`KeyError::Exposed`] for a mode looser than 0600; [`KeyError::FileContent`], [`KeyError::File`].
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let content = secret_file::read(path)?;
        let reason = "a key-encryption key file holds 64 hexadecimal digits";
        let unusable = || KeyError::FileContent {
            path: path.into(),
            reason,
        };
        let bytes = Zeroizing::new(HEX.decode(content.trim_ascii()).map_err(|_| unusable())?);
        let bytes: &[u8; KEY_LEN] = bytes.as_slice().try_into().map_err(|_| unusable())?;
        Self::from_bytes(bytes)
    }

    /// Makes a random key and writes it to a new file of mode 0600, on disk before this returns.
    ///
    /// # Errors
    /// [`KeyError::File`], also when the file exists: overwriting it would lose every key it sealed.
    pub fn create_file(path: &Path) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| KeyError::Crypto("draw random bytes"))?;
        let mut line = Zeroizing::new(HEX.encode(bytes.as_slice()).into_bytes());
        line.push(b'\n');
        secret_file::create(path, &line)?;
        Self::from_bytes(&bytes)
    }

    /// Derives the key from a passphrase by Argon2id, version 1.3. Takes `cost.memory_kib` of memory
    /// and, at the recommended cost, tens of milliseconds: not for a thread that must not block.
    ///
    /// `salt` is at least 8 bytes, random, and stored beside what the key seals.
    ///
    /// # Errors
    /// [`KeyError::EmptyPassphrase`]; [`KeyError::Argon2Cost`] when salt or cost are out of range.
    pub fn from_passphrase(
        passphrase: &SecretString,
        salt: &[u8],
        cost: Argon2Cost,
    ) -> Result<Self, KeyError> {
        let passphrase = passphrase.expose_secret();
        if passphrase.is_empty() {
            return Err(KeyError::EmptyPassphrase);
        }
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params()?)
            .hash_password_into(passphrase.as_bytes(), salt, bytes.as_mut_slice())
            .map_err(|_| {
                KeyError::Argon2Cost("the salt has at least 8 bytes and the memory must be available")
            })?;
        Self::from_bytes(&bytes)
    }

    /// Names the key without telling anything about it, in hexadecimal.
    #[must_use]
    pub fn id(&self) -> String {
        HEX.encode(&self.id)
    }

    fn from_bytes(bytes: &[u8; KEY_LEN]) -> Result<Self, KeyError> {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"gigvault kek id");
        let id = tag
            .as_ref()
            .first_chunk()
            .copied()
            .ok_or(KeyError::Crypto("name the key-encryption key"))?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes)
            .map_err(|_| KeyError::Crypto("set up the key-encryption key"))?;
        Ok(Self { key, id })
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEncryptionKey")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const CHEAP: Argon2Cost = Argon2Cost {
        memory_kib: 64,
        iterations: 1,
        lanes: 1,
    };

    #[test]
    fn a_created_file_gives_the_same_key_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        let made = KeyEncryptionKey::create_file(&path).unwrap();
        assert_eq!(KeyEncryptionKey::from_file(&path).unwrap().id(), made.id());
        assert!(
            KeyEncryptionKey::create_file(&path).is_err(),
            "an existing key is never replaced"
        );
        assert_eq!(KeyEncryptionKey::from_file(&path).unwrap().id(), made.id());
    }

    #[test]
    fn a_world_readable_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        KeyEncryptionKey::create_file(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = KeyEncryptionKey::from_file(&path).unwrap_err();
        assert!(
            matches!(refused, KeyError::Exposed { mode: 0o644, .. }),
            "{refused}"
        );
    }

    #[test]
    fn a_file_of_the_wrong_form_is_refused_without_showing_it() {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("short", "00112233"),
            ("text", "my secret words"),
            ("long", &"ab".repeat(33)),
        ] {
            let path = dir.path().join(name);
            secret_file::create(&path, content.as_bytes()).unwrap();
            let refused = KeyEncryptionKey::from_file(&path).unwrap_err().to_string();
            assert!(refused.contains("64 hexadecimal digits"), "{refused}");
            assert!(!refused.contains(content), "{refused}");
        }
    }

    #[test]
    fn passphrase_salt_and_cost_all_matter() {
        let make = |passphrase: &str, salt: &[u8], cost| {
            KeyEncryptionKey::from_passphrase(&passphrase.into(), salt, cost)
                .unwrap()
                .id()
        };
        let base = make("correct horse", b"12345678", CHEAP);
        assert_eq!(make("correct horse", b"12345678", CHEAP), base);
        assert_ne!(make("correct horsf", b"12345678", CHEAP), base);
        assert_ne!(make("correct horse", b"12345679", CHEAP), base);
        assert_ne!(
            make(
                "correct horse",
                b"12345678",
                Argon2Cost {
                    iterations: 2,
                    ..CHEAP
                }
            ),
            base
        );
    }

    #[test]
    fn unusable_passphrases_salts_and_costs_are_refused() {
        let make = |passphrase: &str, salt: &[u8], cost| {
            KeyEncryptionKey::from_passphrase(&passphrase.into(), salt, cost).unwrap_err()
        };
        assert!(matches!(make("", b"12345678", CHEAP), KeyError::EmptyPassphrase));
        assert!(matches!(make("x", b"1234567", CHEAP), KeyError::Argon2Cost(_)));
        let greedy = Argon2Cost {
            memory_kib: u32::MAX,
            ..CHEAP
        };
        assert!(matches!(make("x", b"12345678", greedy), KeyError::Argon2Cost(_)));
        let nothing = Argon2Cost {
            memory_kib: 0,
            iterations: 0,
            lanes: 0,
        };
        assert!(matches!(make("x", b"12345678", nothing), KeyError::Argon2Cost(_)));
    }

    #[test]
    fn debug_shows_the_id_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek");
        let kek = KeyEncryptionKey::create_file(&path).unwrap();
        let secret = fs::read_to_string(&path).unwrap();
        let shown = format!("{kek:?}");
        assert!(shown.contains(&kek.id()), "{shown}");
        assert!(!shown.contains(&secret[..8]), "{shown}");
    }
}
