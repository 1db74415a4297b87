//! Settings of authentication: section `auth` of the configuration.

use std::time::Duration;

use kit::config::{SettingFault, span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `auth`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Auth")]
pub struct Config {
    /// How often the times of last use are written, such as `10s`.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub last_used_interval: Duration,
    /// Longest life that an API key with an end may be given, such as `10y`.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub max_validity: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            last_used_interval: Duration::from_secs(10),
            max_validity: Duration::from_secs(10 * 365 * 24 * 3600),
        }
    }
}

impl Config {
    /// What the types do not say.
    #[must_use]
    pub fn check(&self) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        let mut bounded = |field: &str, span: Duration, longest: Duration| {
            if span < SHORTEST || span > longest {
                let allowed = format!("takes 1s to {}", span::format(longest));
                faults.push(SettingFault::new(field, span::format(span), allowed));
            }
        };
        bounded(
            "auth.last_used_interval",
            self.last_used_interval,
            LONGEST_INTERVAL,
        );
        bounded("auth.max_validity", self.max_validity, LONGEST_VALIDITY);
        faults
    }
}

const SHORTEST: Duration = Duration::from_secs(1);
/// Times of last use that are later than this by a day are of no use.
const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// Keeps every expiry inside the calendar.
const LONGEST_VALIDITY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_survive_being_written_and_read() {
        let text = serde_json::to_string(&Config::default()).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), Config::default());
        assert!(text.contains("\"10s\""), "{text}");
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        assert!(Config::default().check().is_empty());
        for (text, field) in [
            (r#"{"last_used_interval": "2d"}"#, "auth.last_used_interval"),
            (r#"{"max_validity": "101y"}"#, "auth.max_validity"),
        ] {
            let faults = serde_json::from_str::<Config>(text).unwrap().check();
            assert_eq!(faults.first().unwrap().field, field);
        }
        for bad in [
            r#"{"max_validity": "soon"}"#,
            r#"{"max_validity": "0s"}"#,
            r#"{"last_used_interval": "0s"}"#,
            r#"{"max_valid": "1d"}"#,
        ] {
            assert!(serde_json::from_str::<Config>(bad).is_err(), "{bad}");
        }
    }
}
