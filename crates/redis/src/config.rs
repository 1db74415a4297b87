//! Settings: section `redis` of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use kit::config::{Secret, SecretError, SettingFault};
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::tls;

/// Section `redis`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Redis")]
pub struct Config {
    /// `host:port` of the server, or of each Sentinel where `sentinel` is set. Without any, no Redis is used.
    pub addresses: Vec<String>,
    /// The Sentinels at `addresses` say where the master is.
    pub sentinel: Option<Sentinel>,
    /// User of Redis 6 and later; the default user if empty.
    pub username: String,
    /// The password, or a reference to it, `file:PATH` or `env:NAME`.
    pub password: Option<Secret>,
    /// TLS, to servers and Sentinels; without it, connections are plain TCP, and a password is sent to this machine only.
    pub tls: Option<Tls>,
    /// What keys begin with, for a server that others use too; at most 64 characters.
    pub prefix: String,
    /// Longest wait for an answer, in milliseconds; 10 to 5000. A server that is later is done without until it answers in time.
    #[schemars(range(min = SHORTEST_TIMEOUT, max = LONGEST_TIMEOUT))]
    pub timeout_ms: u16,
}

/// Section `redis.sentinel`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RedisSentinel")]
pub struct Sentinel {
    /// The name of the master, as Sentinels know it.
    pub master: String,
    /// User at the Sentinels; the default user if empty.
    #[serde(default)]
    pub username: String,
    /// Password at the Sentinels, or a reference to it.
    #[serde(default)]
    pub password: Option<Secret>,
}

/// Section `redis.tls`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RedisTls")]
pub struct Tls {
    /// PEM with the CAs that certify the servers; no others are trusted.
    pub ca_file: PathBuf,
    /// PEM with the certificate that this process shows, and its chain, where servers ask for one.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// PEM with its private key, not encrypted.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// A URL that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UrlFault {
    /// It is a reference that leads nowhere.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It is not repeated: it may have a password.
    #[error(
        "takes redis://[user[:password]@]host[:port]; TLS and Sentinel are set in section redis of the configuration"
    )]
    Form,
}

const DEFAULT_PORT: u16 = 6379;
const SHORTEST_TIMEOUT: u16 = 10;
const LONGEST_TIMEOUT: u16 = 5000;
const LONGEST_PREFIX: usize = 64;
/// As many Sentinels as anybody runs.
const MOST_ADDRESSES: usize = 16;

impl Default for Config {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            sentinel: None,
            username: String::new(),
            password: None,
            tls: None,
            prefix: "gigvault:".to_owned(),
            timeout_ms: 100,
        }
    }
}

impl Config {
    /// Whether there is a server to use.
    #[must_use]
    pub fn is_used(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// The same for the server of a URL, `redis://[user[:password]@]host[:port]`, or of a reference to one.
    ///
    /// # Errors
    /// The reference leads nowhere, or not to such a URL.
    pub fn at(&self, url: &str) -> Result<Self, UrlFault> {
        let url = Secret::resolve(url)?;
        let rest = url
            .expose_secret()
            .strip_prefix("redis://")
            .ok_or(UrlFault::Form)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
        let address = match host_and_port(host) {
            Some(_) => host.to_owned(),
            None => format!("{host}:{DEFAULT_PORT}"),
        };
        host_and_port(&address).ok_or(UrlFault::Form)?;
        let decode = |text: &str| percent_decode_str(text).decode_utf8().map(String::from);
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let password = decode(password).map_err(|_| UrlFault::Form)?;
        Ok(Self {
            addresses: vec![address],
            sentinel: None,
            username: decode(user).map_err(|_| UrlFault::Form)?,
            password: match password.is_empty() {
                true => None,
                false => Some(Secret::literal(password)),
            },
            ..self.clone()
        })
    }

    /// Longest wait for an answer.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.into())
    }

    /// What the types do not say.
    #[must_use]
    pub fn check(&self) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        for (index, address) in self.addresses.iter().enumerate() {
            if host_and_port(address).is_none() {
                // An address with a password in it would be shown otherwise.
                let problem = "takes host:port; user and password are redis.username and redis.password";
                faults.push(SettingFault::hiding(format!("redis.addresses[{index}]"), problem));
            }
        }
        if self.addresses.len() > MOST_ADDRESSES {
            let allowed = format!("takes at most {MOST_ADDRESSES} addresses");
            faults.push(SettingFault::new(
                "redis.addresses",
                self.addresses.len(),
                allowed,
            ));
        }
        match &self.sentinel {
            None if self.addresses.len() > 1 => faults.push(SettingFault::new(
                "redis.addresses",
                &self.addresses,
                "takes one address unless redis.sentinel names the master that Sentinels at these addresses know",
            )),
            Some(sentinel) if sentinel.master.is_empty() => faults.push(SettingFault::new(
                "redis.sentinel.master",
                &sentinel.master,
                "takes the name of the master, such as mymaster",
            )),
            None | Some(_) => {}
        }
        let logins = [
            ("redis", Some((&self.username, &self.password))),
            (
                "redis.sentinel",
                self.sentinel.as_ref().map(|at| (&at.username, &at.password)),
            ),
        ];
        for (section, login) in logins {
            if let Some((username, None)) = login
                && !username.is_empty()
            {
                let allowed = format!("takes a user only with {section}.password");
                faults.push(SettingFault::new(
                    format!("{section}.username"),
                    username,
                    allowed,
                ));
            }
        }
        if self.prefix.len() > LONGEST_PREFIX || !self.prefix.chars().all(|c| c.is_ascii_graphic()) {
            let allowed = format!("takes at most {LONGEST_PREFIX} visible ASCII characters");
            faults.push(SettingFault::new("redis.prefix", &self.prefix, allowed));
        }
        if !(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(&self.timeout_ms) {
            let allowed = format!("takes {SHORTEST_TIMEOUT} to {LONGEST_TIMEOUT}");
            faults.push(SettingFault::new("redis.timeout_ms", self.timeout_ms, allowed));
        }
        if let Some(address) = self.told_in_the_clear() {
            let problem = format!(
                "it is missing: the password would be sent to {address}, which is another machine, in the clear"
            );
            faults.push(SettingFault::hiding("redis.tls", problem));
        }
        if let Some(tls) = &self.tls
            && let Err(error) = tls::client(tls)
        {
            faults.push(SettingFault::hiding("redis.tls", kit::error::chain(&error)));
        }
        faults
    }

    /// The first address on another machine that a password would be sent to without TLS. Where the master is that a Sentinel names is not
    /// known here: its password is not sent either, see `dial`.
    fn told_in_the_clear(&self) -> Option<&str> {
        let password = match &self.sentinel {
            Some(sentinel) => &sentinel.password,
            None => &self.password,
        };
        let is_secret = password.is_some() && self.tls.is_none();
        let mut named = self.addresses.iter().map(String::as_str);
        named.find(|address| is_secret && host_and_port(address).is_some() && !is_loopback(address))
    }
}

/// Whether what is sent to this address stays on this machine.
pub(crate) fn is_loopback(address: &str) -> bool {
    host_and_port(address).is_some_and(|(host, _)| {
        let ip = host.parse::<std::net::IpAddr>();
        host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.to_canonical().is_loopback())
    })
}

/// `host` and `port` of an address; an IPv6 address is in brackets.
pub(crate) fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        }
    };
    is_host.then_some((bare.unwrap_or(host), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_address_nothing_is_used_and_nothing_is_wrong() {
        assert!(!Config::default().is_used());
        assert!(Config::default().check().is_empty());
    }

    #[test]
    fn a_url_has_address_user_and_password() {
        for (url, address, user, password) in [
            ("redis://cache", "cache:6379", "", None),
            ("redis://cache:1/", "cache:1", "", None),
            ("redis://[::1]:7", "[::1]:7", "", None),
            ("redis://:p%40ss@localhost", "localhost:6379", "", Some("p@ss")),
            ("redis://app:file:x@[::1]:7", "[::1]:7", "app", Some("file:x")),
        ] {
            let config = Config::default().at(url).unwrap();
            assert_eq!((&*config.addresses[0], &*config.username), (address, user));
            let found = config.password.as_ref().map(ExposeSecret::expose_secret);
            assert_eq!(found, password, "{url}");
            assert!(config.check().is_empty(), "{url}");
        }
        for bad in [
            "cache:1",
            "rediss://:hunter2@cache",
            "redis://",
            "redis://a b",
            "redis://a:x",
        ] {
            let error = Config::default().at(bad).unwrap_err().to_string();
            assert!(
                error.contains("redis://[user") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_field() {
        for (text, field) in [
            (r#"{"addresses": ["redis"]}"#, "redis.addresses[0]"),
            (r#"{"addresses": ["a:1", "b:0"]}"#, "redis.addresses[1]"),
            (r#"{"addresses": ["redis://:hunter2@a:1"]}"#, "redis.addresses[0]"),
            (r#"{"addresses": ["::1:6379"]}"#, "redis.addresses[0]"),
            (r#"{"addresses": ["a:1", "b:1"]}"#, "redis.addresses"),
            (
                r#"{"addresses": ["a:1"], "sentinel": {"master": ""}}"#,
                "redis.sentinel.master",
            ),
            (r#"{"username": "app"}"#, "redis.username"),
            (
                r#"{"addresses": ["a:1"], "sentinel": {"master": "gv", "username": "app"}}"#,
                "redis.sentinel.username",
            ),
            (r#"{"addresses": ["a:1"], "password": "hunter2"}"#, "redis.tls"),
            (
                r#"{"addresses": ["127.0.0.1.nip.io:1"], "password": "hunter2"}"#,
                "redis.tls",
            ),
            (
                r#"{"addresses": ["127.0.0.1:1", "a:1"], "sentinel": {"master": "gv", "password": "hunter2"}}"#,
                "redis.tls",
            ),
            (r#"{"prefix": "two words"}"#, "redis.prefix"),
            (r#"{"timeout_ms": 9}"#, "redis.timeout_ms"),
            (r#"{"timeout_ms": 5001}"#, "redis.timeout_ms"),
            (r#"{"tls": {"ca_file": "/none"}}"#, "redis.tls"),
        ] {
            let faults = serde_json::from_str::<Config>(text).unwrap().check();
            let first = faults.first().unwrap();
            assert_eq!(first.field, field);
            assert!(!first.to_string().contains("hunter2"), "{first}");
        }
        let sentinels = r#"{"addresses": ["a:1", "[::1]:26379"], "sentinel": {"master": "gv"}}"#;
        let config: Config = serde_json::from_str(sentinels).unwrap();
        assert!(config.check().is_empty() && config.is_used());
        for on_this_machine in ["localhost:1", "127.0.0.2:1", "[::1]:1"] {
            let text = format!(r#"{{"addresses": ["{on_this_machine}"], "password": "hunter2"}}"#);
            let config: Config = serde_json::from_str(&text).unwrap();
            assert!(config.check().is_empty(), "{on_this_machine}");
        }
    }
}
