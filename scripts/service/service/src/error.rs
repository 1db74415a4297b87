//! What can go wrong in this service, and whose fault it is.

use kit::error::{Common, Fault, Shown};

/// Every failure of the service. [`Fault::shown`] decides HTTP status and gRPC code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What goes wrong in every service.
    #[error(transparent)]
    Common(#[from] Common),
}

kit::common_errors!(Error);

impl Fault for Error {
    fn service(&self) -> &'static str {
        vocabulary::service::SAMPLE
    }

    fn shown(&self) -> Shown<'_> {
        match self {
            Self::Common(common) => common.shown(),
        }
    }
}
