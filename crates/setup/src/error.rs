use std::path::PathBuf;

use tonic::Status;

/// Why something could not be made or does not belong together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A service refused or did not answer.
    #[error("{what}")]
    Call {
        /// What was asked of it.
        what: String,
        /// Its answer.
        #[source]
        status: Box<Status>,
    },
    /// The development root cannot be made, opened or used.
    #[error("the development root: {what}")]
    Root {
        /// What failed.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<rootca::Error>,
    },
    /// A database lacks what the installation had.
    #[error(
        "the database of {service} does not hold {what}: restore it from {backup}; no key and no certificate was changed"
    )]
    Lost {
        /// Whose database.
        service: &'static str,
        /// What is missing.
        what: String,
        /// The backup that has it.
        backup: &'static str,
    },
    /// Keys and databases are of different installations.
    #[error(
        "keys/root holds another root than the one above CA {ca} in the database of ca: put keys/ and databases of one backup \
         together again; no key and no certificate was changed"
    )]
    OtherRoot {
        /// The CA below the other root.
        ca: &'static str,
    },
    /// A certificate from a service cannot be read.
    #[error("a certificate that ca answered cannot be read")]
    Certificate(#[from] x509::CertificateError),
    /// A public key from keymgr cannot be read.
    #[error("the public key of {name} cannot be read: {reason}")]
    PublicKey {
        /// The key's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A key or a CSR could not be made.
    #[error("no key and no request could be made: {0}")]
    Request(String),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// Certificate and key could not be kept or loaded.
    #[error("the identity in {}", path.display())]
    Identity {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: kit::tls::TlsError,
    },
}

impl Error {
    /// For `map_err` behind a call.
    pub(crate) fn call(what: impl Into<String>) -> impl FnOnce(Status) -> Self {
        let what = what.into();
        move |status| Self::Call {
            what,
            status: Box::new(status),
        }
    }

    /// For `map_err` behind an operation on the root.
    pub(crate) fn root(what: &'static str) -> impl FnOnce(rootca::Error) -> Self {
        move |source| Self::Root {
            what,
            source: Box::new(source),
        }
    }
}
