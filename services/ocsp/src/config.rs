//! Settings: section `ocsp` of the configuration.

use std::time::Duration;

use kit::config::{SettingFault, span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{ResponderIdForm, Signing, Unissued};

/// Section `ocsp`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Ocsp")]
pub struct Config {
    /// Signed responses in memory.
    pub cache: Cache,
    /// How long HTTP caches of others may keep a response, such as `5m`: as long, they may answer `good` for a certificate that was
    /// revoked in the meantime.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub max_age: Duration,
    /// Time from thisUpdate to nextUpdate, such as `8h`: what clients take a response for, whatever HTTP says. Servers that
    /// staple go on with the response that they have for so long when this service does not answer.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub validity: Duration,
    /// How far thisUpdate is before the moment of the answer, for clients whose clocks are late; `0s` for not at all.
    #[serde(with = "kit::config::span::or_zero")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub backdate: Duration,
    /// How old the knowledge of revocations may be. When the CA service was silent for longer, it is asked for each answer;
    /// where it does not answer either, clients are told `tryLater`.
    #[serde(with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub max_lag: Duration,
    /// How responses name who signed them: `key` or `name`.
    pub responder_id: ResponderIdForm,
    /// What is said of serial numbers that were never issued: `unknown` or `revoked`.
    pub unissued: Unissued,
    /// How long the status of expired certificates is kept, as responses tell it (archive cutoff, RFC 6960 section 4.4.4);
    /// `0s` tells nothing.
    #[serde(with = "kit::config::span::or_zero")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub archive_cutoff: Duration,
    /// Most responses that are signed by one call of the key manager, 1 to 512: those that wait at the same time. The key manager
    /// takes `keymgr.max_batch`.
    #[schemars(range(min = 1, max = MAX_BATCH))]
    pub max_batch: usize,
    /// Sign the response of a certificate when it is issued, revoked, put on hold, or released, and not when it is first asked for: a
    /// signature for each. With several processes each signs, unless it finds in Redis what another has signed.
    pub presign: bool,
    /// Who signs: `delegated` responders with keys of their own, or `direct`, the keys of the CAs, which
    /// `keymgr.ca_keys_sign_ocsp` has to allow.
    pub signing: Signing,
}

/// Section `ocsp.cache`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "OcspCache")]
pub struct Cache {
    /// Most responses, of two to three kilobytes each; 0 to 10000000.
    #[schemars(range(max = MAX_ENTRIES))]
    pub max_entries: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { max_entries: 20_000 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cache: Cache::default(),
            max_age: Duration::from_secs(5 * MINUTE),
            validity: Duration::from_secs(8 * HOUR),
            backdate: Duration::from_secs(15 * MINUTE),
            max_lag: Duration::from_secs(1),
            responder_id: ResponderIdForm::default(),
            unissued: Unissued::default(),
            archive_cutoff: Duration::ZERO,
            max_batch: 128,
            presign: false,
            signing: Signing::default(),
        }
    }
}

const MAX_BATCH: usize = 512;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Some 25 GB.
const MAX_ENTRIES: u64 = 10_000_000;
/// A responder certificate lives for 30 days, and is renewed ten days before its end: a response never outlives it.
const LONGEST_VALIDITY: Duration = Duration::from_secs(10 * DAY);
const SHORTEST_VALIDITY: Duration = Duration::from_secs(5 * MINUTE);
const LONGEST_BACKDATE: Duration = Duration::from_secs(2 * DAY);
const SHORTEST_LAG: Duration = Duration::from_secs(1);
const LONGEST_LAG: Duration = Duration::from_secs(MINUTE);
const LONGEST_CUTOFF: Duration = Duration::from_secs(100 * 365 * DAY);

impl Config {
    /// What the types do not say.
    #[must_use]
    pub fn check(&self) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        if self.cache.max_entries > MAX_ENTRIES {
            let allowed = format!("takes 0 to {MAX_ENTRIES}");
            faults.push(SettingFault::new(
                "ocsp.cache.max_entries",
                self.cache.max_entries,
                allowed,
            ));
        }
        if !(1..=MAX_BATCH).contains(&self.max_batch) {
            let allowed = format!("takes 1 to {MAX_BATCH}");
            faults.push(SettingFault::new("ocsp.max_batch", self.max_batch, allowed));
        }
        let mut bounded = |field: &str, span: Duration, (shortest, longest): (Duration, Duration)| {
            if span < shortest || span > longest {
                let allowed = format!("takes {} to {}", span::format(shortest), span::format(longest));
                faults.push(SettingFault::new(field, span::format(span), allowed));
            }
        };
        let second = Duration::from_secs(1);
        bounded(
            "ocsp.validity",
            self.validity,
            (SHORTEST_VALIDITY, LONGEST_VALIDITY),
        );
        bounded("ocsp.max_age", self.max_age, (second, LONGEST_VALIDITY));
        bounded("ocsp.backdate", self.backdate, (Duration::ZERO, LONGEST_BACKDATE));
        bounded("ocsp.max_lag", self.max_lag, (SHORTEST_LAG, LONGEST_LAG));
        bounded(
            "ocsp.archive_cutoff",
            self.archive_cutoff,
            (Duration::ZERO, LONGEST_CUTOFF),
        );
        // Half of the validity is what a response is served for from memory; it begins at thisUpdate.
        if faults.is_empty() && self.backdate * 4 > self.validity {
            let allowed = format!(
                "takes at most a quarter of ocsp.validity, {}",
                span::format(self.validity)
            );
            faults.push(SettingFault::new(
                "ocsp.backdate",
                span::format(self.backdate),
                allowed,
            ));
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
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_field() {
        assert!(Config::default().check().is_empty());
        for (text, field) in [
            (
                r#"{"cache": {"max_entries": 10000001}}"#,
                "ocsp.cache.max_entries",
            ),
            (r#"{"max_batch": 0}"#, "ocsp.max_batch"),
            (r#"{"max_batch": 513}"#, "ocsp.max_batch"),
            (r#"{"validity": "11d"}"#, "ocsp.validity"),
            (r#"{"validity": "4m"}"#, "ocsp.validity"),
            (r#"{"max_age": "11d"}"#, "ocsp.max_age"),
            (r#"{"max_lag": "2m"}"#, "ocsp.max_lag"),
            (r#"{"backdate": "3d"}"#, "ocsp.backdate"),
            (r#"{"validity": "30m"}"#, "ocsp.backdate"),
            (r#"{"archive_cutoff": "101y"}"#, "ocsp.archive_cutoff"),
        ] {
            let faults = serde_json::from_str::<Config>(text).unwrap().check();
            assert_eq!(faults.first().unwrap().field, field);
        }
    }
}
