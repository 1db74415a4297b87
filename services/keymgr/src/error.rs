//! What can go wrong in the key manager, and whose fault it is.

use std::time::Duration;

use keys::KeyError;
use kit::error::{Common, Fault, Kind, Shown};
use kit::heavy::HeavyError;
use vocabulary::{ProblemType, service};
use x509::crl::CrlError;

use crate::domain::{Caller, KeyName, Purpose};

/// Every failure of the service. [`Fault::shown`] decides HTTP status and gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No key of that name.
    #[error("no key is named {0}")]
    NotFound(String),
    /// The name is taken.
    #[error("a key named {0} exists; choose another name, or use that key")]
    Exists(KeyName),
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
    /// The service may call this method, but not for that.
    #[error("{caller} may not {what}")]
    Caller {
        /// Who asked.
        caller: Caller,
        /// What for.
        what: String,
    },
    /// The list does not belong to the issuer's certificate, or that not to the key.
    #[error("key {name} does not sign this CRL: {what}")]
    CrlIssuer {
        /// The key.
        name: KeyName,
        /// What does not fit.
        what: &'static str,
    },
    /// The octets are not a TBSCertList that is signed here.
    #[error("the CRL is not signed: {0}")]
    Crl(#[from] CrlError),
    /// More lists under way than a caller may have.
    #[error("{0} has as many CRLs under way as it may; try again when one of them is signed")]
    Streams(Caller),
    /// More signatures than the key may make in a second.
    #[error(
        "key {0} makes as many signatures as it may (keymgr.max_signatures_per_second); try again in a second"
    )]
    Rate(KeyName),
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
    /// A key could not be made now.
    #[error(transparent)]
    Heavy(#[from] HeavyError),
    /// What goes wrong in every service.
    #[error(transparent)]
    Common(#[from] Common),
}

kit::common_errors!(Error);

impl Fault for Error {
    fn service(&self) -> &'static str {
        service::KEYMGR
    }

    fn shown(&self) -> Shown<'_> {
        match self {
            Self::NotFound(_) => Shown::of(Kind::NotFound),
            Self::Exists(_) => Shown::of(Kind::Conflict).typed(ProblemType::KeyExists).at("name"),
            Self::Purpose { .. } => Shown::of(Kind::Denied).typed(ProblemType::KeyPurpose),
            Self::Caller { .. } => Shown::of(Kind::Denied),
            Self::CrlIssuer { .. } => Shown::of(Kind::Denied).typed(ProblemType::KeyPurpose),
            Self::Crl(_) | Self::Key(KeyError::TooLong) => Shown::of(Kind::Invalid).at("octets"),
            Self::Rate(_) | Self::Streams(_) => {
                Shown::of(Kind::Unavailable).retry_after(Duration::from_secs(1))
            }
            Self::Key(KeyError::AlgorithmMismatch { .. } | KeyError::UnsupportedKey(_)) => {
                Shown::of(Kind::Invalid).at("algorithm")
            }
            Self::Heavy(HeavyError::Full) => {
                Shown::of(Kind::Unavailable).retry_after(HeavyError::RETRY_AFTER)
            }
            Self::WrongKek { .. } | Self::LostKek | Self::Key(_) | Self::Heavy(HeavyError::Stopped) => {
                Shown::of(Kind::Internal)
            }
            Self::Common(common) => common.shown(),
        }
    }
}
