//! Settings: section `sample` of the configuration.

use kit::config::SettingFault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `sample`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Sample")]
pub struct Config {}

impl Config {
    /// What the types do not say.
    #[must_use]
    pub fn check(&self) -> Vec<SettingFault> {
        Vec::new()
    }
}
