//! Settings: section `sample` of the configuration.

use kit::config::Fault;
use serde::{Deserialize, Serialize};

/// Section `sample`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {}

impl Config {
    /// What the types do not say.
    #[must_use]
    pub fn check(&self) -> Vec<Fault> {
        Vec::new()
    }
}
