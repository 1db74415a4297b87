//! Private-key files: what is read, what is written.
//!
//! Read are PKCS#8, encrypted PKCS#8, SEC 1 and PKCS#1 in PEM or DER, and PKCS#12. In PEM the first private-key block
//! counts; others (`EC PARAMETERS`, certificates) are passed over, so that a combined key-and-certificate file works.
//! Text is read by [`x509::pem`]; formats that are not read are named with the way out.

use der::pem::{LineEnding, encode_string};
use secrecy::SecretString;
use x509::artifact;
use x509::asn1::{Reader, Tlv, Writer, tag};
use x509::pem::{self as text, Block};
use zeroize::Zeroizing;

use crate::encryption::Opener;
use crate::software::NOT_PKCS8;
use crate::{KeyError, SoftwareKey, encryption, pkcs12};

const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const OPENSSH: &str = "OPENSSH PRIVATE KEY";
const DSA: &str = "DSA PRIVATE KEY";
const KNOWN: [&str; 6] = [PLAIN, ENCRYPTED, SEC1, PKCS1, OPENSSH, DSA];

/// Longer than any key file with its certificates; a bound on what is decoded.
const MAX_LEN: usize = 1024 * 1024;

/// Reads the private key of a file. `passphrase` is used only when the key is encrypted. Without one, a PKCS#12 file that has none,
/// or the empty one, is read all the same.
///
/// # Errors
/// [`KeyError::PassphraseNeeded`], [`KeyError::WrongPassphrase`], [`KeyError::UnsupportedEncryption`],
/// [`KeyError::NotAKeyFile`], [`KeyError::Text`], [`KeyError::PublicKey`], [`KeyError::Malformed`].
pub fn from_file(content: &[u8], passphrase: Option<&SecretString>) -> Result<SoftwareKey, KeyError> {
    if content.len() > MAX_LEN {
        return Err(KeyError::Malformed("longer than 1 MiB"));
    }
    if !text::is_pem(content) && content.first() == Some(&tag::SEQUENCE) {
        return from_der(content, passphrase);
    }
    let blocks = text::select(content, &KNOWN)?;
    let Some(block) = blocks.first() else {
        return Err(KeyError::Malformed("there is no private key in the file"));
    };
    if block
        .headers
        .iter()
        .any(|(name, value)| name == "Proc-Type" && value.contains("ENCRYPTED"))
    {
        return Err(KeyError::UnsupportedEncryption(
            "OpenSSL's old PEM encryption, whose key comes from one round of MD5",
        ));
    }
    from_block(block, passphrase)
}

fn from_block(block: &Block, passphrase: Option<&SecretString>) -> Result<SoftwareKey, KeyError> {
    let by_label = match block.label.as_str() {
        PLAIN => Form::Pkcs8,
        SEC1 => Form::Sec1,
        PKCS1 => Form::Pkcs1,
        ENCRYPTED => Form::Encrypted,
        OPENSSH => {
            return Err(KeyError::NotAKeyFile(
                "an OpenSSH private key; convert a copy with `ssh-keygen -p -m PKCS8 -f COPY`",
            ));
        }
        _ => Form::Dsa,
    };
    // Some programs write PKCS#8 below the label of an older form.
    match (Form::of(&block.der), artifact::of(&block.der)) {
        // Numbers alone are those of RSA where nothing says otherwise.
        (Some(Form::Pkcs1), _) if matches!(by_label, Form::Dsa) => by_label.read(&block.der, passphrase),
        (Some(form), _) => form.read(&block.der, passphrase),
        (None, Some(other)) => Err(KeyError::NotAKeyFile(other)),
        (None, None) => by_label.read(&block.der, passphrase),
    }
}

/// What a private key is encoded as.
#[derive(Clone, Copy)]
enum Form {
    Pkcs8,
    Encrypted,
    Sec1,
    Pkcs1,
    Dsa,
}

impl Form {
    /// By the first fields; `None` for what is not a private key.
    fn of(der: &[u8]) -> Option<Self> {
        let mut fields = Reader::within(der, tag::SEQUENCE).ok()?;
        let (first, second) = (fields.any().ok()?, fields.any().ok()?);
        let rest = std::iter::from_fn(|| fields.any().ok()).count();
        let inner = |value: Tlv<'_>| Reader::new(value.content).peek();
        match (first.tag, second.tag) {
            (tag::INTEGER, tag::SEQUENCE) if inner(second) == Some(tag::OID) => Some(Self::Pkcs8),
            (tag::INTEGER, tag::OCTET_STRING) => Some(Self::Sec1),
            // Version, p, q, g, and the two halves; RSA has three numbers more. Its public half is two numbers alone.
            (tag::INTEGER, tag::INTEGER) if first.content == [0] && rest == 4 => Some(Self::Dsa),
            (tag::INTEGER, tag::INTEGER) if rest > 0 => Some(Self::Pkcs1),
            (tag::SEQUENCE, tag::OCTET_STRING) if inner(first) == Some(tag::OID) => Some(Self::Encrypted),
            _ => None,
        }
    }

    fn read(self, der: &[u8], passphrase: Option<&SecretString>) -> Result<SoftwareKey, KeyError> {
        match self {
            Self::Pkcs8 => SoftwareKey::from_pkcs8(der),
            Self::Encrypted => from_encrypted(der, opener(passphrase)?),
            Self::Sec1 => SoftwareKey::from_sec1(der),
            Self::Pkcs1 => SoftwareKey::from_pkcs1(der),
            Self::Dsa => Err(KeyError::NotAKeyFile(
                "a DSA key, which is not supported; make a new key",
            )),
        }
    }
}

fn from_der(der: &[u8], passphrase: Option<&SecretString>) -> Result<SoftwareKey, KeyError> {
    // PKCS#12 may be BER, which none of the others is.
    if pkcs12::is_pkcs12(der) {
        return pkcs12::key(der, passphrase);
    }
    let form =
        Form::of(der).ok_or_else(|| match (artifact::of(der), Reader::within(der, tag::SEQUENCE)) {
            (Some(other), _) => KeyError::NotAKeyFile(other),
            (None, Err(error)) => encryption::malformed(error),
            (None, Ok(_)) => KeyError::Malformed("it is none of PKCS#8, SEC 1, PKCS#1, PKCS#12"),
        })?;
    form.read(der, passphrase)
}

fn opener(passphrase: Option<&SecretString>) -> Result<Opener<'_>, KeyError> {
    passphrase
        .map(Opener::Passphrase)
        .ok_or(KeyError::PassphraseNeeded)
}

/// An EncryptedPrivateKeyInfo (RFC 5958 section 3).
pub(crate) fn from_encrypted(der: &[u8], opener: Opener<'_>) -> Result<SoftwareKey, KeyError> {
    let mut fields = Reader::within(der, tag::SEQUENCE).map_err(encryption::malformed)?;
    let algorithm = fields.any().map_err(encryption::malformed)?.whole;
    let data = fields.expect(tag::OCTET_STRING).map_err(encryption::malformed)?;
    let document = encryption::decrypt(algorithm, data, opener)?;
    // One wrong passphrase in 256 yields valid padding; what follows is then no key.
    SoftwareKey::from_pkcs8(&document).map_err(|error| match error {
        KeyError::Malformed(NOT_PKCS8) => KeyError::WrongPassphrase,
        _ => error,
    })
}

/// An EncryptedPrivateKeyInfo of a PKCS#8 document.
pub(crate) fn encrypted(key: &SoftwareKey, passphrase: &SecretString) -> Result<Vec<u8>, KeyError> {
    let encrypted = encryption::encrypt(&key.to_pkcs8()?, passphrase)?;
    Ok(Writer::one(tag::SEQUENCE, |out| {
        out.raw(&encrypted.algorithm);
        out.primitive(tag::OCTET_STRING, &encrypted.data);
    }))
}

/// Reads the private key of a PEM file; as [`from_file`].
///
/// # Errors
/// Those of [`from_file`].
pub fn from_pem(pem: &[u8], passphrase: Option<&SecretString>) -> Result<SoftwareKey, KeyError> {
    from_file(pem, passphrase)
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
    encode(ENCRYPTED, &encrypted(key, passphrase)?)
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
            ("", "it is empty"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "the input is a certificate; a private key is needed",
            ),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "no END line"),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
                "no END line with the same label",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
                "not base64",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                "PKCS#8",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
                "openssl pkcs8 -topk8",
            ),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
                "ssh-keygen -p -m PKCS8",
            ),
            (
                // Three numbers.
                "-----BEGIN DSA PRIVATE KEY-----\nMAkCAQACAQcCAQU=\n-----END DSA PRIVATE KEY-----\n",
                "a DSA key",
            ),
        ] {
            let refused = SoftwareKey::from_pem(pem.as_bytes(), None)
                .unwrap_err()
                .to_string();
            assert!(refused.contains(complaint), "{pem:?}: {refused}");
        }
    }
}
