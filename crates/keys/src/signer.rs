//! The signing seam: everything that signs asks for a [`Signer`], and cannot tell whether the key
//! is in memory, in an HSM or behind a network.

use x509::key::PublicKey;
use x509::signature::SignatureAlgorithm;

use crate::{KeyError, StreamedMessage};

/// A private key that can sign.
///
/// Implementations are cheap to call from many threads at once; a call may block for as long as
/// the signature takes (tens of microseconds for P-256, milliseconds for RSA).
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// The algorithm that the key uses unless told otherwise.
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::default_for(self.public_key().algorithm())
    }

    /// Hashes and signs `message`. The signature is as X.509 wants it: ECDSA is the DER SEQUENCE
    /// of r and s (RFC 3279 2.2.3), RSA and Ed25519 are the plain octets.
    ///
    /// # Errors
    /// [`KeyError::AlgorithmMismatch`] when the key does not do `algorithm`.
    fn sign(&self, message: &[u8], algorithm: SignatureAlgorithm) -> Result<Vec<u8>, KeyError>;

    /// Begins a message that arrives in pieces.
    ///
    /// # Errors
    /// [`KeyError::AlgorithmMismatch`] when the key does not do `algorithm`.
    fn begin(&self, algorithm: SignatureAlgorithm) -> Result<StreamedMessage, KeyError>;

    /// Signs what was begun and is whole now. The signature is as that of [`sign`](Self::sign).
    ///
    /// # Errors
    /// [`KeyError::AlgorithmMismatch`] when the message was begun for another kind of key.
    fn sign_streamed(&self, message: StreamedMessage) -> Result<Vec<u8>, KeyError>;
}
