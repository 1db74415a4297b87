//! Settings of authentication: section `auth` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Section `auth`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How often the times of last use are written, such as `10s`.
    #[serde(with = "kit::config::span")]
    pub last_used_interval: Duration,
    /// Longest life that an API key with an end may be given, such as `10y`.
    #[serde(with = "kit::config::span")]
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
    pub(crate) fn check(&self) -> Result<(), Error> {
        let second = Duration::from_secs(1);
        if self.last_used_interval < second {
            return Err(Error::Config("auth.last_used_interval must be at least 1s"));
        }
        if self.max_validity < second || self.max_validity > LONGEST {
            return Err(Error::Config("auth.max_validity must be from 1s to 100 years"));
        }
        Ok(())
    }
}

/// Keeps every expiry inside the calendar.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

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
        assert!(Config::default().check().is_ok());
        let zero = Duration::ZERO;
        assert!(
            Config {
                last_used_interval: zero,
                ..Config::default()
            }
            .check()
            .is_err()
        );
        assert!(
            Config {
                max_validity: zero,
                ..Config::default()
            }
            .check()
            .is_err()
        );
        assert!(
            Config {
                max_validity: Duration::MAX,
                ..Config::default()
            }
            .check()
            .is_err()
        );
        assert!(serde_json::from_str::<Config>(r#"{"max_validity": "soon"}"#).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"max_valid": "1d"}"#).is_err());
    }
}
