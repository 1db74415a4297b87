//! Private-key files in PEM (RFC 7468): what is read, what is written.
//!
//! The first private-key block of a file counts; others (`EC PARAMETERS`, certificates) are passed
//! over, so that a combined key-and-certificate file works.

use data_encoding::BASE64;
use der::pem::{LineEnding, encode_string};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::{KeyError, SoftwareKey, pbes2};

const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";

/// Longer than any key file; a bound on what is decoded.
const MAX_LEN: usize = 64 * 1024;

/// Reads the first private key of a PEM file. `passphrase` is used only when the key is encrypted.
///
/// # Errors
/// [`KeyError::PassphraseNeeded`], [`KeyError::WrongPassphrase`], [`KeyError::UnsupportedEncryption`],
/// [`KeyError::Malformed`].
pub fn from_pem(pem: &[u8], passphrase: Option<&SecretString>) -> Result<SoftwareKey, KeyError> {
    if pem.len() > MAX_LEN {
        return Err(KeyError::Malformed("longer than 64 KiB"));
    }
    let text = std::str::from_utf8(pem).map_err(|_| KeyError::Malformed("not a PEM file"))?;
    let (label, der) = first_key(text)?;
    match label {
        PLAIN => SoftwareKey::from_pkcs8(&der),
        SEC1 => SoftwareKey::from_sec1(&der),
        PKCS1 => SoftwareKey::from_pkcs1(&der),
        _ => {
            let document = pbes2::decrypt(&der, passphrase.ok_or(KeyError::PassphraseNeeded)?)?;
            // One wrong passphrase in 256 yields valid padding; what follows is then no key.
            SoftwareKey::from_pkcs8(&document).map_err(|_| KeyError::WrongPassphrase)
        }
    }
}

/// Writes an unencrypted PKCS#8 file. For keys that stay with their user; a CA's key is sealed.
///
/// # Errors
/// [`KeyError::Crypto`] when the library cannot encode the key.
pub fn to_pem(key: &SoftwareKey) -> Result<Zeroizing<String>, KeyError> {
    encode(PLAIN, &key.to_pkcs8()?).map(Zeroizing::new)
}

/// Writes an encrypted PKCS#8 file (PBES2, PBKDF2-HMAC-SHA-256, AES-256-CBC).
///
/// # Errors
/// [`KeyError::EmptyPassphrase`]; [`KeyError::Crypto`] when the library fails.
pub fn to_encrypted_pem(key: &SoftwareKey, passphrase: &SecretString) -> Result<String, KeyError> {
    encode(ENCRYPTED, &pbes2::encrypt(&key.to_pkcs8()?, passphrase)?)
}

impl SoftwareKey {
    /// Reads the first private key of a PEM file; see [`from_pem`].
    ///
    /// # Errors
    /// Those of [`from_pem`].
    pub fn from_pem(pem: &[u8], passphrase: Option<&SecretString>) -> Result<Self, KeyError> {
        from_pem(pem, passphrase)
    }

    /// The key as an unencrypted PKCS#8 file; see [`to_pem`].
    ///
    /// # Errors
    /// Those of [`to_pem`].
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        to_pem(self)
    }

    /// The key as an encrypted PKCS#8 file; see [`to_encrypted_pem`].
    ///
    /// # Errors
    /// Those of [`to_encrypted_pem`].
    pub fn to_encrypted_pem(&self, passphrase: &SecretString) -> Result<String, KeyError> {
        to_encrypted_pem(self, passphrase)
    }
}

fn encode(label: &str, der: &[u8]) -> Result<String, KeyError> {
    encode_string(label, LineEnding::LF, der).map_err(|_| KeyError::Crypto("write PEM"))
}

/// Label and content of the first block that holds a private key.
fn first_key(text: &str) -> Result<(&'static str, Zeroizing<Vec<u8>>), KeyError> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after
            .split_once("-----")
            .ok_or(KeyError::Malformed("a PEM line is cut off"))?;
        let Some(label) = [PLAIN, ENCRYPTED, SEC1, PKCS1]
            .into_iter()
            .find(|known| *known == label)
        else {
            rest = after;
            continue;
        };
        let (body, end) = after
            .split_once("-----END ")
            .ok_or(KeyError::Malformed("the PEM block has no end"))?;
        if !end
            .strip_prefix(label)
            .is_some_and(|tail| tail.starts_with("-----"))
        {
            return Err(KeyError::Malformed("the PEM block ends with another label"));
        }
        if body.contains("Proc-Type:") {
            return Err(KeyError::UnsupportedEncryption("OpenSSL's old PEM encryption"));
        }
        return Ok((label, decode(body)?));
    }
    Err(KeyError::Malformed("there is no private key in the file"))
}

fn decode(body: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
    base64.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    BASE64
        .decode(&base64)
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Malformed("the PEM block is not base64"))
}

#[cfg(test)]
mod tests {
    use x509::key::KeyAlgorithm;

    use super::*;
    use crate::Signer;

    #[test]
    fn a_key_file_reads_back() {
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let pem = key.to_pem().unwrap();
        assert_eq!(
            SoftwareKey::from_pem(pem.as_bytes(), None).unwrap().public_key(),
            key.public_key()
        );
        let windows = pem.replace('\n', "\r\n");
        assert_eq!(
            SoftwareKey::from_pem(windows.as_bytes(), None)
                .unwrap()
                .public_key(),
            key.public_key()
        );
    }

    #[test]
    fn an_encrypted_file_needs_its_passphrase() {
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let pem = key.to_encrypted_pem(&"right".into()).unwrap();
        assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{pem}");
        let open = |passphrase: Option<&str>| {
            SoftwareKey::from_pem(pem.as_bytes(), passphrase.map(SecretString::from).as_ref())
        };
        assert!(matches!(open(None), Err(KeyError::PassphraseNeeded)));
        assert!(matches!(open(Some("wrong")), Err(KeyError::WrongPassphrase)));
        assert!(matches!(open(Some("")), Err(KeyError::WrongPassphrase)));
        assert_eq!(open(Some("right")).unwrap().public_key(), key.public_key());
        assert!(matches!(
            key.to_encrypted_pem(&"".into()),
            Err(KeyError::EmptyPassphrase)
        ));
    }

    #[test]
    fn broken_files_say_what_is_wrong() {
        for (pem, complaint) in [
            ("", "no private key"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "no private key",
            ),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "no end"),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
                "another label",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
                "base64",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                "PKCS#8",
            ),
            ("-----BEGIN PRIVATE KEY", "cut off"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
                "openssl pkcs8 -topk8",
            ),
        ] {
            let refused = SoftwareKey::from_pem(pem.as_bytes(), None)
                .unwrap_err()
                .to_string();
            assert!(refused.contains(complaint), "{pem:?}: {refused}");
        }
    }
}
