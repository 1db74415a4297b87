//! What a requester asks to have certified.

use std::time::Duration;

use time::OffsetDateTime;
use x509::csr::Csr;
use x509::{DistinguishedName, PublicKey, San};

use crate::grant::Grant;

/// A request: names, key, and what was said about the lifetime. Extensions are not part of it; only the profile
/// decides about them.
#[derive(Debug, Clone)]
pub struct Request {
    /// The subject. Re-encoded by our own rules before it is certified, unless it is a CA's or the profile keeps it.
    pub subject: DistinguishedName,
    /// The subject alternative names. Repeated ones count once.
    pub sans: Vec<San>,
    /// The key to certify.
    pub public_key: PublicKey,
    /// The subject key identifier that a CA chose for its key. Certificates of others get our own.
    pub subject_key_identifier: Option<Vec<u8>>,
    /// The lifetime asked for, instead of the profile's default. Granted in full or refused.
    pub validity: Option<Duration>,
    /// The first second asked for. Granted exactly or refused.
    pub not_before: Option<OffsetDateTime>,
    /// The last second asked for. Granted exactly or refused.
    pub not_after: Option<OffsetDateTime>,
    /// What whoever asks has a right to; that of an ordinary caller unless said otherwise.
    pub grant: Grant,
}

impl Request {
    /// A request with the profile's default lifetime.
    #[must_use]
    pub fn new(subject: DistinguishedName, sans: Vec<San>, public_key: PublicKey) -> Self {
        Self {
            subject,
            sans,
            public_key,
            subject_key_identifier: None,
            validity: None,
            not_before: None,
            not_after: None,
            grant: Grant::default(),
        }
    }

    /// Subject, names, key and its identifier of a CSR, whose proof of possession was verified when it was parsed. Its
    /// other requested extensions stay behind.
    #[must_use]
    pub fn from_csr(csr: &Csr) -> Self {
        Self {
            subject_key_identifier: csr.subject_key_identifier().map(<[u8]>::to_vec),
            ..Self::new(
                csr.subject().clone(),
                csr.sans().to_vec(),
                csr.public_key().clone(),
            )
        }
    }

    /// The same request with these rights.
    #[must_use]
    pub fn granted(mut self, grant: Grant) -> Self {
        self.grant = grant;
        self
    }

    /// The same request with this lifetime.
    #[must_use]
    pub fn with_validity(mut self, validity: Duration) -> Self {
        self.validity = Some(validity);
        self
    }
}
