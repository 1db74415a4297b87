//! OCSP (RFC 6960) with nonces as in RFC 9654 and the profile of RFC 9919: requests read and made, responses built, read, and
//! verified.
//!
//! | who | uses |
//! |---|---|
//! | a responder | [`OcspRequest::from_der`] or [`OcspRequest::from_get_path`], [`IssuerIds::matches`], [`ResponseDataSpec::to_tbs`], [`assemble_response`], [`ErrorStatus::response`] |
//! | a relying party, a cache | [`OcspRequest::build`], [`OcspRequest::to_get_path`], [`OcspResponse::from_der`], [`OcspResponse::verify`] |
//!
//! What a status is, how long an answer holds, and who may ask is decided elsewhere. Signatures of requestors are not verified:
//! everyone may ask.

mod build;
mod cert_id;
mod nonce;
mod request;
mod responder;
mod response;
mod status;

pub use build::{CertStatus, ResponseDataSpec, SingleResponseSpec, assemble_response};
pub use cert_id::{CertId, HashAlgorithm, IssuerIds};
pub use nonce::{Nonce, NonceError};
pub use request::{OcspRequest, RequestError};
pub use responder::ResponderId;
pub use response::{Expected, OcspResponse, ResponseError, SingleResponse, Verified};
pub use status::ErrorStatus;
