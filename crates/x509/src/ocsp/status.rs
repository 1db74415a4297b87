//! Responses that are errors (RFC 6960 section 4.2.1, OCSPResponseStatus).

use std::fmt;

use crate::asn1::tag;

/// Why a responder answers without a status of any certificate (RFC 6960 section 2.3). Such a response is not signed, and HTTP
/// says 200 to it (RFC 6960 appendix A.2). `Display` writes the name that the RFC has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorStatus {
    /// The request is not the DER of a request.
    MalformedRequest,
    /// The responder is in an inconsistent state; another one may be asked.
    InternalError,
    /// The responder cannot answer at the moment.
    TryLater,
    /// The request has to be signed. Never answered here.
    SigRequired,
    /// The client may not ask, or this responder cannot answer with authority (RFC 9919 section 3.2.3).
    Unauthorized,
}

impl ErrorStatus {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [
        Self::MalformedRequest,
        Self::InternalError,
        Self::TryLater,
        Self::SigRequired,
        Self::Unauthorized,
    ];

    /// The number of the OCSPResponseStatus. There is no 4.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::MalformedRequest => 1,
            Self::InternalError => 2,
            Self::TryLater => 3,
            Self::SigRequired => 5,
            Self::Unauthorized => 6,
        }
    }

    /// The error with this number; `None` for 0, which is success, and for numbers that the RFC does not give.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The whole OCSPResponse of this error, DER: the status and no responseBytes.
    #[must_use]
    pub const fn response(self) -> [u8; 5] {
        [tag::SEQUENCE, 3, tag::ENUMERATED, 1, self.code()]
    }
}

impl fmt::Display for ErrorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedRequest => "malformedRequest",
            Self::InternalError => "internalError",
            Self::TryLater => "tryLater",
            Self::SigRequired => "sigRequired",
            Self::Unauthorized => "unauthorized",
        })
    }
}
