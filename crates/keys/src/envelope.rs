//! Sealing and opening under a [`KeyEncryptionKey`]; the layout is in the crate's documentation.
//!
//! A fresh data key per envelope keeps the key-encryption key's use to 32 bytes each (so that its
//! random nonces stay far from their limit, NIST SP 800-38D 8.3) and lets it be rotated by rewrapping.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::kek::{ID_LEN, KEY_LEN};
use crate::{KeyEncryptionKey, KeyError};

const VERSION: u8 = 1;
const TAG_LEN: usize = 16;
const WRAPPED_LEN: usize = KEY_LEN + TAG_LEN;

/// Which of the two layers a ciphertext belongs to, so that one can never be used as the other.
#[derive(Clone, Copy)]
enum Layer {
    DataKey = b'k' as isize,
    Content = b'c' as isize,
}

impl KeyEncryptionKey {
    /// Encrypts `plaintext` so that it opens only under this key and with the same `aad`.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the library fails.
    pub fn seal(&self, plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut data_key = Zeroizing::new([0; KEY_LEN]);
        rand::fill(data_key.as_mut_slice()).map_err(|_| KeyError::Crypto("draw random bytes"))?;
        let cipher = content_cipher(data_key.as_slice())?;

        let mut envelope =
            Vec::with_capacity(1 + ID_LEN + 2 * NONCE_LEN + WRAPPED_LEN + plaintext.len() + TAG_LEN);
        envelope.push(VERSION);
        envelope.extend_from_slice(&self.id);
        seal_layer(
            &self.key,
            &self.bound(Layer::DataKey, aad),
            data_key.as_slice(),
            &mut envelope,
        )?;
        seal_layer(
            &cipher,
            &self.bound(Layer::Content, aad),
            plaintext,
            &mut envelope,
        )?;
        Ok(envelope)
    }

    /// Decrypts what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// [`KeyError::WrongKek`] when another key sealed it; [`KeyError::Tampered`] when any byte of it or
    /// of `aad` differs; [`KeyError::Malformed`] when it is not an envelope of a known version.
    pub fn open(&self, envelope: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let malformed = || KeyError::Malformed("not a sealed key of a known version");
        let rest = envelope.strip_prefix(&[VERSION]).ok_or_else(malformed)?;
        let (id, rest) = rest.split_first_chunk::<ID_LEN>().ok_or_else(malformed)?;
        if *id != self.id {
            return Err(KeyError::WrongKek {
                sealed: HEXLOWER.encode(id),
                present: self.id(),
            });
        }
        let (wrapped, content) = rest
            .split_at_checked(NONCE_LEN + WRAPPED_LEN)
            .ok_or_else(malformed)?;
        let data_key = open_layer(&self.key, &self.bound(Layer::DataKey, aad), wrapped)?;
        open_layer(
            &content_cipher(&data_key)?,
            &self.bound(Layer::Content, aad),
            content,
        )
    }

    fn bound(&self, layer: Layer, aad: &[u8]) -> Vec<u8> {
        let mut bound = Vec::with_capacity(2 + ID_LEN + aad.len());
        bound.push(layer as u8);
        bound.push(VERSION);
        bound.extend_from_slice(&self.id);
        bound.extend_from_slice(aad);
        bound
    }
}

fn content_cipher(data_key: &[u8]) -> Result<RandomizedNonceKey, KeyError> {
    RandomizedNonceKey::new(&AES_256_GCM, data_key).map_err(|_| KeyError::Crypto("set up a data key"))
}

/// Appends nonce, ciphertext and tag.
fn seal_layer(
    key: &RandomizedNonceKey,
    bound: &[u8],
    plaintext: &[u8],
    envelope: &mut Vec<u8>,
) -> Result<(), KeyError> {
    // Room for the tag from the start: growing would leave a copy of the plaintext behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG_LEN));
    buffer.extend_from_slice(plaintext);
    let nonce = key
        .seal_in_place_append_tag(Aad::from(bound), &mut *buffer)
        .map_err(|_| KeyError::Crypto("seal a key"))?;
    envelope.extend_from_slice(nonce.as_ref());
    envelope.extend_from_slice(&buffer);
    Ok(())
}

fn open_layer(key: &RandomizedNonceKey, bound: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (nonce, ciphertext) = sealed
        .split_first_chunk::<NONCE_LEN>()
        .ok_or(KeyError::Tampered)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length = key
        .open_in_place(Nonce::from(nonce), Aad::from(bound), &mut buffer)
        .map_err(|_| KeyError::Tampered)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Argon2Cost;

    fn kek(passphrase: &str) -> KeyEncryptionKey {
        let cheap = Argon2Cost {
            memory_kib: 64,
            iterations: 1,
            lanes: 1,
        };
        KeyEncryptionKey::from_passphrase(&passphrase.into(), b"saltsalt", cheap).unwrap()
    }

    #[test]
    fn the_same_plaintext_never_seals_twice_alike() {
        let kek = kek("a");
        assert_ne!(
            kek.seal(b"key", b"aad").unwrap(),
            kek.seal(b"key", b"aad").unwrap()
        );
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let kek = kek("a");
        let envelope = kek.seal(b"key", b"aad").unwrap();
        for position in 0..envelope.len() {
            let mut changed = envelope.clone();
            changed[position] ^= 1;
            assert!(kek.open(&changed, b"aad").is_err(), "byte {position}");
        }
        for length in 0..envelope.len() {
            assert!(kek.open(&envelope[..length], b"aad").is_err(), "length {length}");
        }
        assert_eq!(kek.open(&envelope, b"aad").unwrap().as_slice(), b"key");
    }

    #[test]
    fn another_binding_does_not_open() {
        let kek = kek("a");
        let envelope = kek.seal(b"key", b"ca:signing").unwrap();
        assert!(matches!(kek.open(&envelope, b"ca:ocsp"), Err(KeyError::Tampered)));
    }

    #[test]
    fn another_kek_is_named() {
        let (one, other) = (kek("a"), kek("b"));
        let refused = other.open(&one.seal(b"key", b"").unwrap(), b"").unwrap_err();
        assert!(
            matches!(&refused, KeyError::WrongKek { sealed, present } if *sealed == one.id() && *present == other.id())
        );
        assert!(refused.to_string().contains("give the right one"), "{refused}");
    }
}
