//! What an installation decides about its answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a response names who signed it (RFC 6960 section 4.2.1, ResponderID).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResponderIdForm {
    /// By the SHA-1 of its key: short, and what RFC 9919 section 3.2.2 calls for.
    #[default]
    Key,
    /// By the subject of its certificate.
    Name,
}

/// What is said of a serial number that the CA never issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unissued {
    /// `unknown`.
    #[default]
    Unknown,
    /// `revoked`: certificateHold since 1970, with the extended-revoke extension (RFC 6960 section 2.2).
    Revoked,
}

/// Who signs responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Signing {
    /// A responder with a key and a certificate of its own for each CA, renewed by itself.
    #[default]
    Delegated,
    /// The key of the CA, which keymgr has to allow (`keymgr.ca_keys_sign_ocsp`).
    Direct,
}
