//! What a service says about something that another one knows.

use serde::{Deserialize, Serialize};

use super::Other;

/// A part of an answer, or who could not be asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part<T> {
    /// It could not be had; the rest of the answer is complete.
    Unavailable {
        /// Who was asked, and why there is nothing.
        unavailable: Unavailable,
        /// What a later server tells beside.
        #[serde(flatten)]
        other: Other,
    },
    /// As the other service has it.
    Known(T),
}

/// Why a part is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// Who knows it, such as `keymgr`.
    pub service: String,
    /// For people.
    pub detail: String,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}
