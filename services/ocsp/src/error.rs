//! What can go wrong in this service, and whose fault it is.

use kit::error::{Common, Fault, Kind, Shown};
use kit::grpc::RemoteFault;
use kit::revocations::UnreadableEvent;

/// Every failure of the service. Relying parties are told `tryLater` or `internalError`, and the log why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What goes wrong in every service.
    #[error(transparent)]
    Common(#[from] Common),
    /// `ca` did not do what it was asked.
    #[error("the CA service: {0}")]
    Ca(#[source] RemoteFault),
    /// `keymgr` did not do what it was asked.
    #[error("the key manager: {0}")]
    Keymgr(#[source] RemoteFault),
    /// A service answered what cannot be read, or not what it was asked for.
    #[error("{service} answered {what}")]
    Answer {
        /// The service.
        service: &'static str,
        /// What is wrong.
        what: String,
    },
    /// An event of `ca` says less than an answer needs.
    #[error("the CA service: {0}")]
    Unreadable(#[from] UnreadableEvent),
    /// No responder of the CA is valid and can sign.
    #[error("CA {0} has no OCSP responder that can sign")]
    NoSigner(String),
    /// The key manager does not sign with the key of a responder. What looks after responders tells why, once for all requests.
    #[error("key {key_name} does not sign: {cause}")]
    Refused {
        /// Name of the key.
        key_name: String,
        /// Why.
        cause: String,
    },
    /// A responder certificate that clients would refuse.
    #[error("the responder certificate over key {key_name} cannot be used: {cause}")]
    Signer {
        /// Name of its key.
        key_name: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The set of revocations has to be loaded again.
    #[error("revocations are missing from what is known; all of them are loaded again")]
    Incomplete,
    /// As many responses are being made as are at a time.
    #[error("too many responses are being signed")]
    Busy,
}

kit::common_errors!(Error);

impl Error {
    /// Of `ca`.
    pub(crate) fn ca(status: tonic::Status) -> Self {
        Self::Ca(status.into())
    }

    /// Of `keymgr`.
    pub(crate) fn keymgr(status: tonic::Status) -> Self {
        Self::Keymgr(status.into())
    }

    /// Whether a call with several messages may have failed by one of them: the service has looked at them, and did not say that it
    /// cannot answer at all.
    pub(crate) fn may_be_of_one_message(&self) -> bool {
        match self {
            Self::Ca(fault) | Self::Keymgr(fault) => {
                !fault.is_of_transport() && !matches!(fault.kind(), Kind::Unavailable | Kind::NotFound)
            }
            _ => false,
        }
    }

    pub(crate) fn answer(service: &'static str, what: impl Into<String>) -> Self {
        let what = what.into();
        Self::Answer { service, what }
    }
}

impl Fault for Error {
    fn service(&self) -> &'static str {
        vocabulary::service::OCSP
    }

    fn shown(&self) -> Shown<'_> {
        match self {
            Self::Common(common) => common.shown(),
            Self::Ca(fault) | Self::Keymgr(fault) => fault.shown(),
            Self::NoSigner(_) | Self::Refused { .. } | Self::Incomplete | Self::Busy => {
                Shown::of(Kind::Unavailable)
            }
            Self::Answer { .. } | Self::Unreadable(_) | Self::Signer { .. } => Shown::of(Kind::Internal),
        }
    }
}
