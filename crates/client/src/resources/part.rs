//! What a service says about something that another one knows.

use serde::{Deserialize, Serialize};

/// A part of an answer, or who could not be asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part<T> {
    /// It could not be had; the rest of the answer is complete.
    Unavailable {
        /// Who was asked, and why there is nothing.
        unavailable: Unavailable,
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
}
