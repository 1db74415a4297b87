//! Why nothing is known from a URL.

use x509::CertificateError;
use x509::crl::CrlError;
use x509::ocsp::ResponseError;

/// Why nothing is known from a URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelyingError {
    /// It is not a URL that is asked, or leads to an address that is not.
    #[error("{url} is not asked: {why}")]
    NotAsked {
        /// The URL.
        url: String,
        /// Why, and what to do.
        why: String,
    },
    /// It leads to an address of this machine or of a private network, which [`Reach::private`](crate::Reach::private) allows.
    #[error("{url} is not asked: {why}")]
    Private {
        /// The URL.
        url: String,
        /// Which address of which kind.
        why: String,
    },
    /// No connection, or it broke.
    #[error("{url} cannot be reached: {cause}")]
    Unreachable {
        /// The URL.
        url: String,
        /// The innermost reason.
        cause: String,
    },
    /// Not answered whole in time.
    #[error("{url} did not answer within {seconds} s")]
    Timeout {
        /// The URL.
        url: String,
        /// Seconds that were waited.
        seconds: u64,
    },
    /// An answer that is not 200.
    #[error("{url} answered with HTTP status {status}")]
    Status {
        /// The URL.
        url: String,
        /// The status.
        status: u16,
    },
    /// A longer answer than is read.
    #[error("{url} answered with more than {max} bytes")]
    TooLong {
        /// The URL.
        url: String,
        /// Most bytes that are read.
        max: u64,
    },
    /// An OCSP response that is not believed.
    #[error("{url}: {source}")]
    Response {
        /// The URL.
        url: String,
        /// Why.
        source: ResponseError,
    },
    /// A CRL that is not believed.
    #[error("{url}: {source}")]
    Crl {
        /// The URL.
        url: String,
        /// Why.
        source: CrlError,
    },
    /// What should be the certificate of the issuer.
    #[error("{url}: {source}")]
    Certificate {
        /// The URL.
        url: String,
        /// Why.
        source: CertificateError,
    },
    /// The certificate of another CA.
    #[error("{url} has no certificate of {issuer} that issued this one")]
    OtherIssuer {
        /// The URL.
        url: String,
        /// Name of the issuer.
        issuer: String,
    },
    /// The system gives no way to the network.
    #[error("connections cannot be set up: {0}")]
    Setup(String),
}

impl RelyingError {
    pub(super) fn not_asked(url: &str, why: impl Into<String>) -> Self {
        Self::NotAsked {
            url: url.to_owned(),
            why: why.into(),
        }
    }

    pub(super) fn crl(url: &str, source: CrlError) -> Self {
        Self::Crl {
            url: url.to_owned(),
            source,
        }
    }

    /// Whether nothing was answered at all, or an error of HTTP: what is out there was not seen.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        match self {
            Self::NotAsked { .. }
            | Self::Private { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Status { .. }
            | Self::Setup(_) => true,
            Self::TooLong { .. }
            | Self::Response { .. }
            | Self::Crl { .. }
            | Self::Certificate { .. }
            | Self::OtherIssuer { .. } => false,
        }
    }
}
