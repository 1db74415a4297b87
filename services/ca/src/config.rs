//! Settings of the CA service: section `ca` of the configuration.

use serde::{Deserialize, Serialize};

/// Section `ca`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name of the CA that issues where a request names none.
    pub default_ca: String,
    /// Profiles besides the built-in ones; one of the same name replaces the built-in.
    pub profiles: Vec<rules::Profile>,
    /// Most certificates signed and committed together.
    pub max_batch: usize,
    /// Most requests waiting for a signature; more are answered 503.
    pub queue: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_ca: "issuing".to_owned(),
            profiles: Vec::new(),
            max_batch: 256,
            queue: 4096,
        }
    }
}
