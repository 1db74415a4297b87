//! What can go wrong in this service, and whose fault it is.

use kit::error::{Common, Fault, Kind, Shown};
use kit::grpc::RemoteFault;
use kit::revocations::UnreadableEvent;
use vocabulary::ProblemType;

use crate::domain::import::{MOST_MIB, Refusal};

/// Every failure of the service. [`Fault::shown`] decides HTTP status and gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What goes wrong in every service.
    #[error(transparent)]
    Common(#[from] Common),
    /// No such list.
    #[error("CRL {0:?} does not exist")]
    NotFound(String),
    /// The list is not made yet.
    #[error("CRL {0:?} is not made yet; try again")]
    NotYet(String),
    /// A list of another issuer is not served.
    #[error("CRL of {name} is not imported: {refusal}")]
    Import {
        /// Under which name it was to be served.
        name: String,
        /// Why.
        #[source]
        refusal: Refusal,
    },
    /// A list of another issuer has more octets than are taken.
    #[error("the CRL is larger than {0} MiB; {help}", help = larger(*.0))]
    TooLarge(u16),
    /// What is there does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The lists that were asked for are not out yet.
    #[error(
        "the CRLs of {0} are not out yet; they are made in the background: look at them with `gigvault ca crl show {0}`"
    )]
    Late(String),
    /// The CA service did not answer.
    #[error("ca: {0}")]
    Ca(#[source] RemoteFault),
    /// The key manager did not sign.
    #[error("keymgr: {0}")]
    Keymgr(#[source] RemoteFault),
    /// An event of the CA service says less than a list needs.
    #[error("ca: {0}")]
    Unreadable(#[from] UnreadableEvent),
}

kit::common_errors!(Error);

/// What helps a list that is larger than the setting allows.
fn larger(limit: u16) -> String {
    match limit < MOST_MIB {
        true => format!("the setting crl.import_limit of processes that run crl allows up to {MOST_MIB}"),
        false => "larger ones cannot be imported".to_owned(),
    }
}

impl From<x509::tbs::BuildError> for Error {
    fn from(error: x509::tbs::BuildError) -> Self {
        Self::internal(format!("a list cannot be written: {error}"))
    }
}

impl Fault for Error {
    fn service(&self) -> &'static str {
        vocabulary::service::CRL
    }

    fn shown(&self) -> Shown<'_> {
        match self {
            Self::Common(common) => common.shown(),
            Self::NotFound(_) => Shown::of(Kind::NotFound),
            Self::Import { refusal, .. } => match refusal {
                Refusal::Unreadable(_) => Shown::of(Kind::Invalid).at("crl"),
                Refusal::Unacceptable(_) => Shown::of(Kind::Unprocessable)
                    .typed(ProblemType::CrlRefused)
                    .at("crl"),
                Refusal::Outdated(_) => Shown::of(Kind::Conflict)
                    .typed(ProblemType::CrlOutdated)
                    .at("crl"),
            },
            Self::TooLarge(_) => Shown::of(Kind::TooLarge).at("crl"),
            Self::Conflict(_) => Shown::of(Kind::Conflict),
            Self::NotYet(_) | Self::Late(_) => Shown::of(Kind::Unavailable),
            Self::Ca(fault) | Self::Keymgr(fault) => fault.shown(),
            Self::Unreadable(_) => Shown::of(Kind::Internal),
        }
    }
}
