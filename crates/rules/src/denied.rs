//! The refusal: which part of the request is at fault, and what would pass.

/// Why a request is not approved. Nothing was built, so nothing can be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct Denied {
    /// The part at fault, as problem documents name it: one of [`field`].
    pub field: &'static str,
    /// What is wrong with it and what would be allowed. For people; holds no secrets.
    pub detail: String,
}

/// The values of [`Denied::field`].
pub mod field {
    /// The subject's public key: kind, size, or whose it is.
    pub const PUBLIC_KEY: &str = "csr.public_key";
    /// The subject's distinguished name.
    pub const SUBJECT: &str = "csr.subject";
    /// The subject alternative names, from the CSR or beside it.
    pub const SAN: &str = "san";
    /// Lifetime, first or last second.
    pub const VALIDITY: &str = "validity";
    /// The profile itself, or the profile on this CA.
    pub const PROFILE: &str = "profile";
    /// The issuing CA: out of date, without the right to issue, badly configured.
    pub const CA: &str = "ca";
}

impl Denied {
    pub(crate) fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self {
            field,
            detail: detail.into(),
        }
    }

    pub(crate) fn public_key(detail: impl Into<String>) -> Self {
        Self::new(field::PUBLIC_KEY, detail)
    }

    pub(crate) fn subject(detail: impl Into<String>) -> Self {
        Self::new(field::SUBJECT, detail)
    }

    pub(crate) fn san(detail: impl Into<String>) -> Self {
        Self::new(field::SAN, detail)
    }

    pub(crate) fn validity(detail: impl Into<String>) -> Self {
        Self::new(field::VALIDITY, detail)
    }

    pub(crate) fn profile(detail: impl Into<String>) -> Self {
        Self::new(field::PROFILE, detail)
    }

    pub(crate) fn ca(detail: impl Into<String>) -> Self {
        Self::new(field::CA, detail)
    }
}
