//! Settings of the lists: section `crl` of the configuration.

mod directory;

use std::time::Duration;

use kit::config::{SettingFault, span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use directory::Directory;

use crate::domain::Kind;
use crate::domain::import::MOST_MIB;
pub(crate) use directory::Target;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Section `crl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Crl")]
pub struct Config {
    /// How often a complete list is made where nothing has to be told at once, such as `24h`.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub full_interval: Duration,
    /// How long after it was made a complete list says that the next will be there (nextUpdate); at least twice `full_interval`.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub full_validity: Duration,
    /// How often a delta is made where nothing has to be told at once, such as `1h`.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub delta_interval: Duration,
    /// The same as `full_validity`, of deltas; at least twice `delta_interval`.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub delta_validity: Duration,
    /// Whether every revocation, hold, and release is published at once: a delta, then the complete list. Without it, only
    /// compromises of keys are. Without a value, `gigvault up` does and `gigvault serve` does not.
    pub immediate: Option<bool>,
    /// By how much thisUpdate is before the time when a list was made, since clocks of clients are late.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub backdate: Duration,
    /// How long caches may keep a list (max-age); never beyond its nextUpdate.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub max_age: Duration,
    /// Whether CRLs and OCSP are asked for at the URLs in certificates, after each publication and every five minutes, and compared with
    /// the database. Switch it off where these URLs lead nowhere from this machine: the health of CAs is unknown then.
    pub self_check: bool,
    /// Memory for current lists, in MiB: what does not fit is read from the database for each request.
    #[schemars(range(min = 1))]
    pub memory: u16,
    /// Another LDAP directory that certificates of CAs and CRLs are written to.
    pub directory: Option<Directory>,
    /// Largest list of an issuer whose key is elsewhere that is imported, in MiB of DER. More does not fit in a request.
    #[schemars(range(min = 1, max = MOST_MIB))]
    pub import_limit: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            full_interval: DAY,
            full_validity: 4 * DAY,
            delta_interval: HOUR,
            delta_validity: 4 * HOUR,
            immediate: None,
            backdate: 15 * MINUTE,
            max_age: MINUTE,
            self_check: true,
            memory: 256,
            directory: None,
            import_limit: MOST_MIB,
        }
    }
}

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

impl Config {
    /// How often a list of that kind is made.
    pub(crate) fn interval(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Complete => self.full_interval,
            Kind::Delta => self.delta_interval,
        }
    }

    /// How long after it was made a list of that kind says that the next will be there.
    pub(crate) fn validity(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Complete => self.full_validity,
            Kind::Delta => self.delta_validity,
        }
    }

    /// The other directory, if there is one.
    ///
    /// # Errors
    /// The first setting of it that cannot work.
    pub(crate) fn target(&self) -> Result<Option<Target>, SettingFault> {
        self.directory.as_ref().map(Target::of).transpose()
    }

    /// What the types do not say.
    #[must_use]
    pub fn check(&self) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        let mut bounded = |field: &str, given: Duration, least: Duration, most: Duration| {
            if given < least || given > most {
                let allowed = format!("takes {} to {}", span::format(least), span::format(most));
                faults.push(SettingFault::new(field, span::format(given), allowed));
            }
        };
        bounded("crl.full_interval", self.full_interval, SHORTEST, LONGEST / 2);
        bounded("crl.delta_interval", self.delta_interval, SHORTEST, LONGEST / 2);
        // A list that was not made in its time is made before the one that is out runs out.
        let twice = |interval: Duration| interval.saturating_mul(2).clamp(2 * SHORTEST, LONGEST);
        bounded(
            "crl.full_validity",
            self.full_validity,
            twice(self.full_interval),
            LONGEST,
        );
        bounded(
            "crl.delta_validity",
            self.delta_validity,
            twice(self.delta_interval),
            LONGEST,
        );
        bounded("crl.backdate", self.backdate, SHORTEST, DAY);
        bounded("crl.max_age", self.max_age, SHORTEST, DAY);
        if self.memory == 0 {
            faults.push(SettingFault::new("crl.memory", self.memory, "takes at least 1"));
        }
        faults.extend(self.target().err());
        if !(1..=MOST_MIB).contains(&self.import_limit) {
            let allowed = format!("takes 1 to {MOST_MIB}");
            faults.push(SettingFault::new("crl.import_limit", self.import_limit, allowed));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_survive_being_written_and_read() {
        let text = serde_json::to_string(&Config::default()).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), Config::default());
        assert!(text.contains("\"15m\""), "{text}");
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        assert_eq!(Config::default().check(), []);
        for (text, field) in [
            (r#"{"full_interval": "2y"}"#, "crl.full_interval"),
            (r#"{"full_interval": "60d"}"#, "crl.full_validity"),
            (r#"{"full_validity": "25h"}"#, "crl.full_validity"),
            (r#"{"delta_interval": "3h"}"#, "crl.delta_validity"),
            (r#"{"backdate": "2d"}"#, "crl.backdate"),
            (r#"{"max_age": "2d"}"#, "crl.max_age"),
            (r#"{"memory": 0}"#, "crl.memory"),
            (r#"{"import_limit": 0}"#, "crl.import_limit"),
            (r#"{"import_limit": 12}"#, "crl.import_limit"),
        ] {
            let faults = serde_json::from_str::<Config>(text).unwrap().check();
            assert_eq!(faults.first().unwrap().field, field, "{text}");
        }
    }
}
