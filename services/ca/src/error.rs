//! What can go wrong in the CA service, and whose fault it is.

use kit::error::{Common, Fault, Kind, Shown};
use vocabulary::{ProblemType, service};

/// Every failure of the service. [`Fault::shown`] decides HTTP status and gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The CSR cannot be read, proves nothing, or holds a key we refuse.
    #[error(transparent)]
    Csr(#[from] x509::csr::CsrError),
    /// The profile does not allow it.
    #[error(transparent)]
    Policy(#[from] rules::Denied),
    /// The certificate would have broken a rule of its format.
    #[error("refused before signing: {0}")]
    Lint(#[from] lint::Refused),
    /// The caller may not do this to this object.
    #[error("{0}")]
    Forbidden(String),
    /// No such certificate, CA or profile, or not for this caller.
    #[error("there is no {what} {name}")]
    NotFound {
        /// `certificate`, `CA`, `profile`.
        what: &'static str,
        /// As asked for.
        name: String,
    },
    /// The object's state does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The certificate is not in the state that the caller saw.
    #[error(
        "certificate {0} has changed since you read it; read it again, and send the request with its new ETag"
    )]
    Changed(x509::serial::Serial),
    /// The private key is known to others: a certificate was revoked for it.
    #[error("this public key is known to be compromised and is not certified again; make a new key")]
    CompromisedKey,
    /// The private key of the certificate that was to be renewed is known to others.
    #[error(
        "the key of certificate {0} is known to be compromised: the certificate is not renewed, not with another key \
         either; request a new one with a new key"
    )]
    CompromisedPredecessor(x509::serial::Serial),
    /// An operator stopped this CA.
    #[error("issuing by CA {0} is suspended; an operator resumes it with `gigvault ca resume {0}`")]
    Suspended(String),
    /// More requests wait than the service takes on.
    #[error("too many requests wait for a signature; try again")]
    Overloaded,
    /// The service is shutting down.
    #[error("the service is shutting down; try again")]
    Stopping,
    /// keymgr refused or cannot be reached.
    #[error("the key manager did not do what it was asked for; `gigvault doctor` says whether it answers")]
    Keymgr(#[source] kit::grpc::RemoteFault),
    /// crl refused or cannot be reached.
    #[error("the CRL service did not do what it was asked for; `gigvault doctor` says whether it answers")]
    Crl(#[source] kit::grpc::RemoteFault),
    /// What goes wrong in every service.
    #[error(transparent)]
    Common(#[from] Common),
}

kit::common_errors!(Error);

impl Error {
    pub(crate) fn not_found(what: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound {
            what,
            name: name.into(),
        }
    }
}

impl Fault for Error {
    fn service(&self) -> &'static str {
        service::CA
    }

    fn shown(&self) -> Shown<'_> {
        let compromised = || Shown::of(Kind::Unprocessable).typed(ProblemType::CompromisedKey);
        match self {
            Self::Csr(error) => Shown::of(Kind::Invalid)
                .typed(ProblemType::BadCsr)
                .at(error.field()),
            Self::Policy(denied) => Shown::of(Kind::Unprocessable)
                .typed(ProblemType::DeniedByProfile)
                .at(denied.field),
            Self::Lint(refused) => Shown::of(Kind::Unprocessable)
                .typed(ProblemType::Lint)
                .lints(refused.ids().map(str::to_owned).collect()),
            Self::CompromisedKey => compromised().at("csr"),
            Self::CompromisedPredecessor(_) => compromised(),
            Self::Forbidden(_) => Shown::of(Kind::Denied),
            Self::NotFound { .. } => Shown::of(Kind::NotFound),
            Self::Conflict(_) => Shown::of(Kind::Conflict),
            Self::Suspended(_) => Shown::of(Kind::Conflict).typed(ProblemType::CaSuspended),
            Self::Changed(_) => Shown::of(Kind::Changed),
            Self::Overloaded | Self::Stopping => Shown::of(Kind::Unavailable),
            Self::Keymgr(fault) => Shown::of(match fault.kind() {
                Kind::Unavailable => Kind::Unavailable,
                Kind::Invalid
                | Kind::Unauthenticated
                | Kind::Denied
                | Kind::NotFound
                | Kind::Conflict
                | Kind::Changed
                | Kind::TooLarge
                | Kind::Unprocessable
                | Kind::RateLimited
                | Kind::Internal => Kind::Internal,
            }),
            // In its own words: they are for who made the request.
            Self::Crl(fault) => fault.shown(),
            Self::Common(common) => common.shown(),
        }
    }
}
