//! Verification of a message that streams by, in bounded memory where the algorithm hashes it first.

use aws_lc_rs::digest::{Context, SHA256, SHA384, SHA512};
use aws_lc_rs::signature::{ParsedPublicKey, VerificationAlgorithm as _};

use super::{Identified, SignatureAlgorithm, SignatureError};
use crate::PublicKey;

/// The octets of a message so far, as the verification of one signature needs them: a running hash, or for Ed25519, which signs the
/// message itself (RFC 8032 section 5.1.6), all of them.
#[derive(Clone)]
pub struct StreamVerifier {
    algorithm: SignatureAlgorithm,
    message: Message,
}

#[derive(Clone)]
enum Message {
    Hashed(Box<Context>),
    Whole(Vec<u8>),
}

impl StreamVerifier {
    /// Of a message that has no octets yet.
    #[must_use]
    pub fn new(algorithm: SignatureAlgorithm) -> Self {
        let hash = match algorithm {
            SignatureAlgorithm::EcdsaSha256
            | SignatureAlgorithm::RsaPkcs1Sha256
            | SignatureAlgorithm::RsaPssSha256 => Some(&SHA256),
            SignatureAlgorithm::EcdsaSha384
            | SignatureAlgorithm::RsaPkcs1Sha384
            | SignatureAlgorithm::RsaPssSha384 => Some(&SHA384),
            SignatureAlgorithm::EcdsaSha512
            | SignatureAlgorithm::RsaPkcs1Sha512
            | SignatureAlgorithm::RsaPssSha512 => Some(&SHA512),
            SignatureAlgorithm::Ed25519 => None,
        };
        let message = match hash {
            Some(hash) => Message::Hashed(Box::new(Context::new(hash))),
            None => Message::Whole(Vec::new()),
        };
        Self { algorithm, message }
    }

    /// Takes the next octets of the message.
    pub fn push(&mut self, octets: &[u8]) {
        match &mut self.message {
            Message::Hashed(context) => context.update(octets),
            Message::Whole(message) => message.extend_from_slice(octets),
        }
    }

    /// Verifies `signature` (the content of the BIT STRING) over all octets that were pushed.
    ///
    /// # Errors
    /// As [`SignatureAlgorithm::verify`].
    pub fn verify(self, key: &PublicKey, signature: &[u8]) -> Result<(), SignatureError> {
        let identified = Identified {
            algorithm: self.algorithm,
            salt: None,
        };
        self.verify_as(identified, key, signature)
    }

    /// The same, with the salt length of a received identifier of the same algorithm.
    ///
    /// # Errors
    /// As [`SignatureAlgorithm::verify`]; [`SignatureError::Invalid`] for another algorithm.
    pub fn verify_as(
        self,
        identified: Identified,
        key: &PublicKey,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        if identified.algorithm != self.algorithm {
            return Err(SignatureError::Invalid);
        }
        let context = match self.message {
            Message::Whole(message) => return self.algorithm.verify(key, &message, signature),
            Message::Hashed(context) => context,
        };
        if let Some(parameters) = identified.salted(key) {
            return parameters
                .verify_digest_sig(key.key_bytes(), &context.finish(), signature)
                .map_err(|_| SignatureError::Invalid);
        }
        let verifier = self
            .algorithm
            .verifier(key.algorithm())
            .ok_or(SignatureError::WrongKey {
                algorithm: self.algorithm,
                key: key.algorithm(),
            })?;
        ParsedPublicKey::new(verifier, key.key_bytes())
            .map_err(|_| SignatureError::Invalid)?
            .verify_digest_sig(&context.finish(), signature)
            .map_err(|_| SignatureError::Invalid)
    }
}
