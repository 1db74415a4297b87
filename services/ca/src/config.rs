//! Settings of the CA service: section `ca` of the configuration.

use std::time::Duration;

use kit::config::{SettingFault, span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::publication::is_ca_name;

/// Section `ca`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Ca")]
pub struct Config {
    /// Name of the CA that issues where a request names none.
    #[schemars(extend("pattern" = CA_NAME))]
    pub default_ca: String,
    /// Profiles besides the built-in ones; one of the same name replaces the built-in.
    pub profiles: Vec<rules::Profile>,
    /// Most certificates signed and committed together, 1 to 512.
    #[schemars(range(min = 1, max = MAX_BATCH))]
    pub max_batch: usize,
    /// Most requests waiting for a signature, 1 to 100000; more are answered 503.
    #[schemars(range(min = 1, max = MAX_QUEUE))]
    pub queue: usize,
    /// Into how many shards the CRL of each CA is split, 1 to 1024; 0 stands for one CRL that lists everything. It is decided
    /// when a certificate is issued, and written into it: another number holds for certificates that are issued from then on.
    #[schemars(range(min = 0, max = MAX_CRL_SHARDS))]
    pub crl_shards: u32,
    /// Where certificates of profiles with `crl_in_ldap` say that their CRL is in LDAP, such as `ldap://pki.example.test:3890`: the LDAP port of
    /// the processes that run `crl`, or the directory of `crl.directory` where the entries have the names of the CAs.
    #[schemars(extend("pattern" = LDAP_URL))]
    pub ldap_url: String,
    /// How often each CA issues a certificate, revokes it, and looks at the URLs in it until relying parties learn of it, such as
    /// `10m`; `0s` never. `gigvault_revocation_visible_seconds` tells how long that took. Each time costs a revocation: where
    /// `crl.immediate` is set, new lists too.
    #[serde(with = "kit::config::span::or_zero")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub probe_interval: Duration,
    /// The profile of certificates that are issued for that.
    pub probe_profile: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_ca: "issuing".to_owned(),
            profiles: Vec::new(),
            max_batch: 256,
            queue: 4096,
            crl_shards: 0,
            ldap_url: String::new(),
            probe_interval: Duration::ZERO,
            probe_profile: "tls-client".to_owned(),
        }
    }
}

/// As [`is_ca_name`] takes it.
const CA_NAME: &str = "^[a-z0-9][a-z0-9-]{0,63}$";
/// Empty, or a host.
const LDAP_URL: &str = "^(ldap://[^/?#@]+)?$";
/// What one call to the key manager takes at most.
const MAX_BATCH: usize = 512;
/// A request that waits holds its CSR in memory.
const MAX_QUEUE: usize = 100_000;
/// Each shard is signed and published by itself, also where it is empty.
const MAX_CRL_SHARDS: u32 = 1024;
/// A revocation is looked for during a minute.
const SHORTEST_PROBE_INTERVAL: Duration = Duration::from_secs(60);
const LONGEST_PROBE_INTERVAL: Duration = Duration::from_secs(24 * 3600);

impl Config {
    /// What the types do not say.
    #[must_use]
    pub fn check(&self) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        if !is_ca_name(&self.default_ca) {
            let allowed = "takes the name of a CA: lower-case letters, digits, and hyphens";
            faults.push(SettingFault::new("ca.default_ca", &self.default_ca, allowed));
        }
        for (index, profile) in self.profiles.iter().enumerate() {
            let before = self.profiles.iter().take(index);
            if let Err(error) = profile.validate() {
                faults.push(SettingFault::hiding(
                    format!("ca.profiles[{index}]"),
                    error.to_string(),
                ));
            } else if before.into_iter().any(|other| other.name == profile.name) {
                let field = format!("ca.profiles[{index}].name");
                faults.push(SettingFault::new(
                    field,
                    &profile.name,
                    "is configured twice; give it another name",
                ));
            }
        }
        for (field, value, most) in [
            ("ca.max_batch", self.max_batch, MAX_BATCH),
            ("ca.queue", self.queue, MAX_QUEUE),
        ] {
            if !(1..=most).contains(&value) {
                faults.push(SettingFault::new(field, value, format!("takes 1 to {most}")));
            }
        }
        if self.crl_shards > MAX_CRL_SHARDS {
            let allowed = format!("takes 0 to {MAX_CRL_SHARDS}");
            faults.push(SettingFault::new("ca.crl_shards", self.crl_shards, allowed));
        }
        faults.extend(self.ldap_url_fault());
        faults.extend(self.probe_faults());
        faults
    }

    fn ldap_url_fault(&self) -> Option<SettingFault> {
        let fault = |allowed: &str| Some(SettingFault::new("ca.ldap_url", &self.ldap_url, allowed));
        if self.ldap_url.is_empty() {
            let needed = self.profiles.iter().find(|profile| profile.crl_in_ldap)?;
            return fault(&format!("is needed: profile {} has crl_in_ldap", needed.name));
        }
        let is_base = self
            .ldap_url
            .strip_prefix("ldap://")
            .is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@']));
        // What is appended to it must give what a certificate can hold.
        let example = format!("{}/CN=a?certificateRevocationList;binary", self.ldap_url);
        match is_base && example.parse::<x509::extension::Location>().is_ok() {
            true => None,
            false => {
                fault("takes a URL such as ldap://pki.example.test:3890, with a host, and without a path")
            }
        }
    }

    fn probe_faults(&self) -> Vec<SettingFault> {
        if self.probe_interval.is_zero() {
            return Vec::new();
        }
        let mut faults = Vec::new();
        let (shortest, longest) = (SHORTEST_PROBE_INTERVAL, LONGEST_PROBE_INTERVAL);
        if !(shortest..=longest).contains(&self.probe_interval) {
            let allowed = format!(
                "takes 0s, or {} to {}",
                span::format(shortest),
                span::format(longest)
            );
            let given = span::format(self.probe_interval);
            faults.push(SettingFault::new("ca.probe_interval", given, allowed));
        }
        let profiles = rules::Profiles::with_configured(self.profiles.clone()).ok();
        let profile = profiles
            .as_ref()
            .and_then(|profiles| profiles.named(&self.probe_profile));
        if !profile.is_some_and(|profile| takes_canaries(profile)) {
            let allowed = "takes the name of a profile for P-256 keys whose only name may be a URI, without a subject, with published \
                           revocation";
            faults.push(SettingFault::new(
                "ca.probe_profile",
                &self.probe_profile,
                allowed,
            ));
        }
        faults
    }

    /// Longest life that a profile allows, if there is one of that name.
    #[must_use]
    pub fn longest_validity(&self, profile: &str) -> Option<Duration> {
        let profiles = rules::Profiles::with_configured(self.profiles.clone()).ok()?;
        profiles.named(profile).map(|profile| profile.max_validity)
    }
}

/// Whether certificates can be issued that have what the probe puts into them (`app::probe`).
fn takes_canaries(profile: &rules::Profile) -> bool {
    profile.revocation == rules::Revocation::Published
        && profile.keys.contains(&x509::KeyAlgorithm::P256)
        && profile.san.allowed.contains(&x509::SanKind::Uri)
        && profile
            .san
            .required
            .iter()
            .all(|kind| *kind == x509::SanKind::Uri)
        && profile.subject.required.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_with_its_field() {
        assert!(Config::default().check().is_empty());
        let probing = serde_json::from_str::<Config>(r#"{"probe_interval": "10m"}"#).unwrap();
        assert!(probing.check().is_empty());
        for (text, field) in [
            (r#"{"default_ca": ""}"#, "ca.default_ca"),
            (r#"{"default_ca": "Issuing CA"}"#, "ca.default_ca"),
            (r#"{"max_batch": 0}"#, "ca.max_batch"),
            (r#"{"max_batch": 513}"#, "ca.max_batch"),
            (r#"{"queue": 0}"#, "ca.queue"),
            (r#"{"crl_shards": 1025}"#, "ca.crl_shards"),
            (r#"{"ldap_url": "ldap://"}"#, "ca.ldap_url"),
            (r#"{"ldap_url": "ldap://a.test/"}"#, "ca.ldap_url"),
            (r#"{"ldap_url": "ldaps://a.test"}"#, "ca.ldap_url"),
            (r#"{"ldap_url": "ldap://a b"}"#, "ca.ldap_url"),
            (r#"{"probe_interval": "59s"}"#, "ca.probe_interval"),
            (r#"{"probe_interval": "25h"}"#, "ca.probe_interval"),
            (
                r#"{"probe_interval": "10m", "probe_profile": "web"}"#,
                "ca.probe_profile",
            ),
            (r#"{"queue": 18446744073709551615}"#, "ca.queue"),
        ] {
            let faults = serde_json::from_str::<Config>(text).unwrap().check();
            assert_eq!(faults.first().unwrap().field, field);
        }
    }

    #[test]
    fn a_profile_that_contradicts_itself_is_found_before_the_start() {
        let mut web = rules::Profiles::default()
            .named("tls-server")
            .unwrap()
            .as_ref()
            .clone();
        web.name = "web".to_owned();
        let mut config = Config {
            profiles: vec![web.clone(), web.clone()],
            ..Config::default()
        };
        let faults = config.check();
        assert_eq!(faults.first().unwrap().field, "ca.profiles[1].name");
        web.crl_in_ldap = true;
        config.profiles = vec![web.clone()];
        assert_eq!(config.check().first().unwrap().field, "ca.ldap_url");
        config.ldap_url = "ldap://[2001:db8::7]:3890".to_owned();
        assert!(config.check().is_empty());
        web.keys.clear();
        config.profiles = vec![web];
        let faults = config.check();
        assert!(faults.first().unwrap().to_string().contains("`keys` is empty"));
    }
}
