//! Another directory that lists are published to: settings, and what is made of them.

use std::path::PathBuf;
use std::time::Duration;

use kit::config::{Secret, SettingFault, span};
use ldap::{Address, Trust, check_name};
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::domain::digest_of;

/// Section `crl.directory`.
///
/// Another LDAP directory that certificates of CAs and CRLs are written to, after each publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CrlDirectory")]
pub struct Directory {
    /// `ldaps://host` or `ldap://host`, with a port if it is not 636 or 389.
    pub url: String,
    /// The name that GigVault writes as.
    pub bind_dn: String,
    /// Its password: a reference, `file:PATH` or `env:NAME`, or the password itself.
    pub password: Secret,
    /// Where entries are: a CA whose subject is not at or below it gets an entry directly below it, named by the first part of its
    /// subject. It has to be there.
    pub base_dn: String,
    /// The CAs that certify the directory, PEM. With `ldap://`, StartTLS is used then; `ldaps://` needs it, and so does `ldap://` to
    /// another machine.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Longest wait for an answer; longer by a second for each 64 KiB that are sent.
    #[serde(default = "ten_seconds", with = "kit::config::span")]
    #[schemars(with = "String", extend("pattern" = span::PATTERN))]
    pub timeout: Duration,
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// The directory, ready to be called.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// As it is told; it has no password.
    pub(crate) url: String,
    pub(crate) address: Address,
    pub(crate) trust: Option<Trust>,
    pub(crate) bind_dn: String,
    pub(crate) password: Secret,
    pub(crate) base_dn: String,
    pub(crate) timeout: Duration,
    /// Of URL and base: what was written to another one is not there.
    pub(crate) id: Vec<u8>,
}

impl Target {
    /// # Errors
    /// The first setting that cannot work.
    pub(crate) fn of(settings: &Directory) -> Result<Self, SettingFault> {
        let address: Address = settings.url.parse().map_err(|error: ldap::InvalidAddress| {
            SettingFault::hiding("crl.directory.url", error.to_string())
        })?;
        for (field, name) in [
            ("crl.directory.bind_dn", &settings.bind_dn),
            ("crl.directory.base_dn", &settings.base_dn),
        ] {
            if name.is_empty() || check_name(name).is_err() {
                let allowed = "takes a distinguished name such as ou=pki,dc=example,dc=test";
                return Err(SettingFault::new(field, name, allowed));
            }
        }
        // Without one a directory takes the client for anybody (RFC 4513 section 5.1.2).
        if settings.password.expose_secret().is_empty() {
            return Err(SettingFault::hiding("crl.directory.password", "it is empty"));
        }
        if settings.timeout < SHORTEST || settings.timeout > LONGEST {
            let allowed = format!("takes {} to {}", span::format(SHORTEST), span::format(LONGEST));
            let given = span::format(settings.timeout);
            return Err(SettingFault::new("crl.directory.timeout", given, allowed));
        }
        let trust = match &settings.ca_file {
            Some(file) => Some(read(file)?),
            None if !address.is_tls() && address.is_loopback() => None,
            None => {
                let why = "it is missing: the password would be sent to a directory that nothing is known of";
                return Err(SettingFault::hiding("crl.directory.ca_file", why));
            }
        };
        Ok(Self {
            id: digest_of([settings.url.as_bytes(), settings.base_dn.as_bytes()]),
            url: settings.url.clone(),
            address,
            trust,
            bind_dn: settings.bind_dn.clone(),
            password: settings.password.clone(),
            base_dn: settings.base_dn.clone(),
            timeout: settings.timeout,
        })
    }
}

fn read(file: &PathBuf) -> Result<Trust, SettingFault> {
    let fault = |why: &dyn std::fmt::Display| {
        SettingFault::hiding("crl.directory.ca_file", format!("{}: {why}", file.display()))
    };
    let pem = std::fs::read(file).map_err(|error| fault(&error))?;
    Trust::of(&pem).map_err(|error| fault(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_cannot_be_written_to_is_refused_by_the_setting() {
        let good = r#"{"url": "ldap://127.0.0.1", "bind_dn": "cn=a", "password": "b", "base_dn": "dc=test"}"#;
        let fault = |from: &str, to: &str| {
            let settings: Directory = serde_json::from_str(&good.replace(from, to)).unwrap();
            Target::of(&settings).err().map(|fault| fault.field)
        };
        assert_eq!(fault("", ""), None);
        for (from, to, field) in [
            ("ldap://127.0.0.1", "http://127.0.0.1", "url"),
            ("ldap://127.0.0.1", "ldap://user@127.0.0.1", "url"),
            ("ldap://127.0.0.1", "ldap://ldap.example.test", "ca_file"),
            ("ldap://127.0.0.1", "ldaps://127.0.0.1", "ca_file"),
            (r#""cn=a""#, r#""cn=a", "ca_file": "/none""#, "ca_file"),
            (r#""cn=a""#, r#""admin""#, "bind_dn"),
            (r#""cn=a""#, r#""""#, "bind_dn"),
            (r#""dc=test""#, r#""""#, "base_dn"),
            (r#""b""#, r#""""#, "password"),
            (r#""cn=a""#, r#""cn=a", "timeout": "1h""#, "timeout"),
        ] {
            let expected = format!("crl.directory.{field}");
            assert_eq!(fault(from, to), Some(expected), "{to}");
        }
    }
}
