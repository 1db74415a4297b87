//! Mistakes in settings are refused, with their place and what was meant.

mod file;
mod variables;

use std::collections::BTreeMap;
use std::time::Duration;

use kit::config::{ConfigError, Origin, Secret, SettingFault, load_with};
use kit::telemetry::Format;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    name: String,
    listen: Listen,
    telemetry: Telemetry,
    database: Database,
    ca: Ca,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Listen {
    address: std::net::IpAddr,
    https_port: u16,
    http_port: u16,
    grpc_port: u16,
    tls: Option<Tls>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: [127, 0, 0, 1].into(),
            https_port: 8443,
            http_port: 8080,
            grpc_port: 9443,
            tls: None,
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    certificate: String,
    key: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Telemetry {
    format: Format,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Database {
    url: Option<Secret>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Ca {
    default_ca: String,
    strict: bool,
    #[serde(with = "kit::config::span")]
    interval: Duration,
    names: Vec<String>,
    profiles: Vec<Profile>,
    labels: BTreeMap<String, String>,
    kind: Kind,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    EndEntity,
    SubCa {
        path_len: Option<u8>,
    },
}

impl Default for Ca {
    fn default() -> Self {
        Self {
            default_ca: "issuing".to_owned(),
            strict: false,
            interval: Duration::from_secs(3600),
            names: Vec::new(),
            profiles: Vec::new(),
            labels: BTreeMap::new(),
            kind: Kind::EndEntity,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    name: String,
}

fn load(yaml: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gigvault.yaml");
    std::fs::write(&path, yaml).unwrap();
    load_with(
        Some(&path),
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
    .map(|loaded| loaded.settings)
}

fn refused(yaml: &str, variables: &[(&str, &str)]) -> String {
    load(yaml, variables).unwrap_err().to_string()
}
