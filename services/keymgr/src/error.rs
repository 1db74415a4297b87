//! What can go wrong in the key manager, and whose fault it is.

use std::sync::Arc;
use std::time::Duration;

use keys::KeyError;
use kit::error::{Fault, Kind};
use kit::heavy::HeavyError;
use store::StoreError;
use vocabulary::ProblemType;

use crate::domain::{KeyName, Purpose};

/// Every failure of the service. Its [`Kind`] decides HTTP status and gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is not of its form.
    #[error("{field}: {detail}")]
    Invalid {
        /// Path of the field in the request.
        field: &'static str,
        /// What is wrong and what is expected.
        detail: String,
    },
    /// No key of that name.
    #[error("no key is named {0}")]
    NotFound(String),
    /// The name is taken.
    #[error("a key named {0} exists; choose another name, or use that key")]
    Exists(KeyName),
    /// The same Idempotency-Key came with another request before.
    #[error("this Idempotency-Key was used for another request; use a new key for a new request")]
    IdempotencyConflict,
    /// The key may not sign this.
    #[error("message {index}: key {name} was made for purpose {purpose} and does not sign {what}")]
    Purpose {
        /// Which message of the batch, from 0.
        index: usize,
        /// The key.
        name: KeyName,
        /// What it was made for.
        purpose: Purpose,
        /// What it was asked to sign.
        what: &'static str,
    },
    /// More signatures than the key may make in a second.
    #[error(
        "key {0} makes as many signatures as it may (keymgr.max_signatures_per_second); try again in a second"
    )]
    Rate(KeyName),
    /// A setting that cannot be used.
    #[error("{0}")]
    Config(kit::config::Fault),
    /// The key-encryption key is not the one that sealed this database's keys.
    #[error(
        "the key-encryption key from {given} (id {present}) is not the one that seals the keys of this database \
         (a {stored}, id {expected}): give the right one; the keys cannot be opened without it"
    )]
    WrongKek {
        /// The configured file.
        given: String,
        /// Id of the key that was given.
        present: String,
        /// `file` or `passphrase`, as it was first set up.
        stored: String,
        /// Id of the key that is needed.
        expected: String,
    },
    /// The record of which key-encryption key seals this database's keys is lost.
    #[error(
        "the database of keymgr holds keys, but not which key-encryption key seals them: its row of the table \
         key_encryption_key is missing, and another key-encryption key would not open them; restore keymgr's database from the \
         backup"
    )]
    LostKek,
    /// A private key could not be made, opened or used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The request does not hold to its preview.
    #[error(transparent)]
    Preview(#[from] kit::dry_run::Refusal),
    /// The database.
    #[error("the database did not answer as it should")]
    Store(#[from] StoreError),
    /// A key could not be loaded; everyone who waited for it gets this.
    #[error(transparent)]
    Load(Arc<Error>),
    /// A key could not be made now.
    #[error(transparent)]
    Heavy(#[from] HeavyError),
    /// A state that the code rules out: a bug, or a damaged database.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn invalid(field: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Invalid {
            field,
            detail: detail.to_string(),
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid { .. } => Kind::Invalid,
            Self::NotFound(_) => Kind::NotFound,
            Self::Exists(_) | Self::IdempotencyConflict => Kind::Conflict,
            Self::Purpose { .. } => Kind::Denied,
            Self::Key(KeyError::AlgorithmMismatch { .. } | KeyError::UnsupportedKey(_)) => Kind::Invalid,
            Self::Rate(_) => Kind::Unavailable,
            Self::Preview(refusal) => refusal.kind(),
            Self::Store(error) if error.is_unavailable() => Kind::Unavailable,
            Self::Load(error) => error.kind(),
            Self::Heavy(HeavyError::Full) => Kind::Unavailable,
            Self::Config(_)
            | Self::WrongKek { .. }
            | Self::LostKek
            | Self::Key(_)
            | Self::Store(_)
            | Self::Heavy(HeavyError::Stopped)
            | Self::Internal(_) => Kind::Internal,
        }
    }

    fn problem(&self) -> ProblemType {
        match self {
            Self::Exists(_) => ProblemType::KeyExists,
            Self::IdempotencyConflict => ProblemType::IdempotencyConflict,
            Self::Purpose { .. } => ProblemType::KeyPurpose,
            Self::Load(error) => error.problem(),
            Self::Preview(refusal) => refusal.problem(),
            _ => self.kind().into(),
        }
    }

    fn public(&self) -> String {
        match (self, self.kind()) {
            (Self::Load(error), _) => error.public(),
            (Self::Store(_), Kind::Unavailable) => {
                "the key manager's database does not answer; try again".to_owned()
            }
            (_, Kind::Internal) => "the key manager failed; its log has the cause".to_owned(),
            _ => self.to_string(),
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            Self::Key(_) if self.kind() == Kind::Invalid => Some("algorithm"),
            Self::Exists(_) => Some("name"),
            Self::Load(error) => error.field(),
            Self::Preview(refusal) => refusal.field(),
            _ => None,
        }
    }

    fn difference(&self) -> &[kit::dry_run::Difference] {
        match self {
            Self::Preview(refusal) => refusal.difference(),
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rate(_) => Some(Duration::from_secs(1)),
            Self::Store(error) => error.retry_after(),
            Self::Load(error) => error.retry_after(),
            Self::Heavy(HeavyError::Full) => Some(HeavyError::RETRY_AFTER),
            _ => None,
        }
    }
}
