//! Messages that are signed without being in memory as a whole.

use std::fmt;

use aws_lc_rs::digest::{self, Digest};
use x509::signature::SignatureAlgorithm;

use crate::KeyError;

/// A message that arrives in pieces and is hashed as it does.
///
/// It is begun by the [`Signer`](crate::Signer) that will sign it and takes octets, never a digest: what is signed was seen here.
/// Ed25519 hashes a message twice (RFC 8032 section 5.1.6), so such a message is kept whole, up to [`MAX_WHOLE`](Self::MAX_WHOLE).
pub struct StreamedMessage {
    algorithm: SignatureAlgorithm,
    content: Content,
}

/// What there is to sign.
pub(crate) enum Signed {
    Digest(Digest),
    Whole(Vec<u8>),
}

enum Content {
    Hashed(digest::Context),
    Whole(Vec<u8>),
}

impl StreamedMessage {
    /// Most octets of a message that is signed with Ed25519: 16 MiB.
    pub const MAX_WHOLE: usize = 16 * 1024 * 1024;

    /// An empty message.
    pub(crate) fn new(algorithm: SignatureAlgorithm) -> Self {
        let content = match hash(algorithm) {
            Some(hash) => Content::Hashed(digest::Context::new(hash)),
            None => Content::Whole(Vec::new()),
        };
        Self { algorithm, content }
    }

    /// The algorithm that it will be signed with.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Takes the next octets.
    ///
    /// # Errors
    /// [`KeyError::TooLong`] for a message that Ed25519 would need whole and that has more than [`MAX_WHOLE`](Self::MAX_WHOLE).
    pub fn push(&mut self, octets: &[u8]) -> Result<(), KeyError> {
        match &mut self.content {
            Content::Hashed(context) => context.update(octets),
            Content::Whole(message) => {
                if octets.len() > Self::MAX_WHOLE - message.len() {
                    return Err(KeyError::TooLong);
                }
                message.extend_from_slice(octets);
            }
        }
        Ok(())
    }

    /// Ends the message.
    pub(crate) fn finish(self) -> Signed {
        match self.content {
            Content::Hashed(context) => Signed::Digest(context.finish()),
            Content::Whole(message) => Signed::Whole(message),
        }
    }
}

impl fmt::Debug for StreamedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedMessage")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The hash before the signature; none where that takes the message itself.
fn hash(algorithm: SignatureAlgorithm) -> Option<&'static digest::Algorithm> {
    use SignatureAlgorithm as A;
    match algorithm {
        A::EcdsaSha256 | A::RsaPkcs1Sha256 | A::RsaPssSha256 => Some(&digest::SHA256),
        A::EcdsaSha384 | A::RsaPkcs1Sha384 | A::RsaPssSha384 => Some(&digest::SHA384),
        A::EcdsaSha512 | A::RsaPkcs1Sha512 | A::RsaPssSha512 => Some(&digest::SHA512),
        A::Ed25519 => None,
    }
}
