//! `/api/v1/config/effective`.

use serde::{Deserialize, Serialize};

use super::Other;
use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;

/// The settings that a process runs with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectiveConfig {
    /// Sorted by field.
    pub settings: Vec<EffectiveSetting>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectiveSetting {
    /// Its path in the configuration: `listen.https_port`.
    pub field: String,
    /// As in the file; of a secret the reference.
    pub value: serde_json::Value,
    /// `default`, `file`, `environment`, or `flag`.
    pub source: String,
    /// The place in the file, the variable, or the flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

impl Client {
    /// The settings that the process at this URL runs with, and where each came from.
    ///
    /// # Errors
    /// Those of every request.
    pub async fn effective_config(&self) -> Result<EffectiveConfig, Error> {
        Call::get(self, &["api", "v1", "config", "effective"])
            .json()
            .await
    }
}
