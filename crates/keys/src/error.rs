//! What can go wrong with a private key. No variant carries secret bytes or a passphrase.

use std::path::PathBuf;

use x509::key::KeyAlgorithm;
use x509::signature::SignatureAlgorithm;

use crate::StreamedMessage;

/// Why a key could not be made, read, sealed, opened or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Keys of this kind cannot be generated here.
    #[error("cannot make a {0} key: choose p256, p384, p521, rsa2048, rsa3072, rsa4096 or ed25519")]
    UnsupportedKey(KeyAlgorithm),
    /// The key cannot produce this kind of signature.
    #[error("a {key} key does not sign with {algorithm}: its usual algorithm is {}", SignatureAlgorithm::default_for(*.key))]
    AlgorithmMismatch {
        /// The key's kind.
        key: KeyAlgorithm,
        /// The algorithm that was asked for.
        algorithm: SignatureAlgorithm,
    },
    /// A message in pieces that has to be in memory whole.
    #[error(
        "the message has more than {} MiB: Ed25519 signs a message whole; a key of another kind (p256, p384, p521, rsa2048, …) \
         signs messages of any length",
        StreamedMessage::MAX_WHOLE / 1024 / 1024
    )]
    TooLong,
    /// Bytes that should hold a private key do not.
    #[error("the private key cannot be read: {0}")]
    Malformed(&'static str),
    /// The text of a key file is damaged, or holds something else.
    #[error("the private key cannot be read: {0}")]
    Text(#[from] x509::pem::PemError),
    /// What was given in place of a private key, or a key of a kind that is not supported.
    #[error("no private key that can be used here: it is {0}")]
    NotAKeyFile(&'static str),
    /// The public half is unsupported or known to be weak.
    #[error("the key pair is not acceptable: {0}")]
    PublicKey(#[source] x509::key::KeyError),
    /// An encrypted key file was given without its passphrase.
    #[error("the key file is encrypted: give its passphrase")]
    PassphraseNeeded,
    /// A key file did not decrypt.
    #[error("the key file does not decrypt: the passphrase is wrong or the file is damaged")]
    WrongPassphrase,
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty: choose one of at least one character, better five random words")]
    EmptyPassphrase,
    /// A new passphrase is quickly guessed.
    #[error(
        "the passphrase is too easy to guess: {0}; take at least 12 characters, better five random words"
    )]
    WeakPassphrase(&'static str),
    /// A key file uses an encryption that is not supported.
    #[error(
        "the key file is encrypted with {0}, which is not supported: convert it with \
         `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`"
    )]
    UnsupportedEncryption(&'static str),
    /// A PKCS#12 file uses an encryption that is not supported.
    #[error(
        "the PKCS#12 file is encrypted with {0}, which is not supported: write it again with \
         `openssl pkcs12 -legacy -in OLD -out PEM -noenc` and `openssl pkcs12 -export -in PEM -out NEW`, and remove PEM"
    )]
    UnsupportedPkcs12(&'static str),
    /// Argon2id parameters outside the accepted range.
    #[error("argon2id cost out of range: {0}")]
    Argon2Cost(&'static str),
    /// The envelope was sealed under another key-encryption key.
    #[error("sealed under key-encryption key {sealed}, but the one given is {present}: give the right one")]
    WrongKek {
        /// Id in the envelope.
        sealed: String,
        /// Id of the key-encryption key that was used.
        present: String,
    },
    /// The envelope does not authenticate.
    #[error("the sealed key does not open: it was changed, or belongs to another key name or purpose")]
    Tampered,
    /// A file with secrets that others may read.
    #[error("{} can be read by other users (mode {mode:04o}): run `chmod 600 {}`", path.display(), files::quoted(path))]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A secret file could not be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// A secret file whose content is not what it should be.
    #[error("{path} is not usable: {reason}", path = .path.display())]
    FileContent {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        reason: &'static str,
    },
    /// The signer does not hold the key of the issuer that the certificate was approved for.
    #[error(
        "the signer's key is not that of the issuer: its signature would not verify; choose the issuer's key"
    )]
    WrongSigner,
    /// The signature that came back does not verify; nothing was handed out.
    #[error("the signature made does not verify under the signer's public key: check the key store")]
    BadSignature,
    /// The signed bytes do not form a certificate.
    #[error("the signed certificate cannot be read back: {0}")]
    Certificate(String),
    /// The cryptographic library refused without a reason.
    #[error("the cryptographic library failed to {0}")]
    Crypto(&'static str),
}
