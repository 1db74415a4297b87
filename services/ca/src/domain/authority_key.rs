//! The key of a CA, as the key manager describes it.

use time::OffsetDateTime;

/// What the key manager says of a CA's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityKey {
    /// Its name there.
    pub name: String,
    /// `p256`, `p384`, `rsa3072`, ….
    pub algorithm: String,
    /// The only structures that it signs: `certificate-authority` or `ocsp-signer`.
    pub purpose: &'static str,
    /// What holds the private half: `software`.
    pub backend: String,
    /// When it was made.
    pub created: OffsetDateTime,
    /// What it signed; complete up to the last few seconds.
    pub signatures: Vec<KeySignatures>,
}

/// How often a key signed one kind of structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySignatures {
    /// `certificate`, `crl`, `certificate-request` or `ocsp-response`.
    pub structure: String,
    /// How many.
    pub count: i64,
    /// When the last one was counted.
    pub last: OffsetDateTime,
}
