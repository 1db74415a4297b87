//! The sections that every process has.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::telemetry::Format;

/// Section `listen`: addresses and ports. Port 0 takes a free one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Address of every listener.
    pub address: IpAddr,
    /// REST, console.
    pub https_port: u16,
    /// What protocols want over plain HTTP: CRLs, CA certificates.
    pub http_port: u16,
    /// gRPC between services, mutual TLS.
    pub grpc_port: u16,
    /// Prometheus.
    pub metrics_port: u16,
    /// What clients reach the HTTPS listener by, such as `https://pki.example.com`; without it, absolute URLs
    /// come from the request's Host.
    pub public_url: Option<String>,
    /// HTTPS identity from files instead of our own.
    pub tls: Option<ListenTls>,
}

/// `listen.tls`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenTls {
    /// Chain in PEM, leaf first.
    pub certificate: PathBuf,
    /// PKCS#8 in PEM.
    pub key: PathBuf,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            https_port: 8443,
            http_port: 8080,
            grpc_port: 9443,
            metrics_port: 9090,
            public_url: None,
            tls: None,
        }
    }
}

/// Section `telemetry`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// `auto` (pretty on a terminal, else JSON), `json` or `pretty`.
    pub format: Format,
    /// What is logged: `info`, or directives such as `info,ca=debug`.
    pub filter: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            filter: "info".to_owned(),
        }
    }
}

/// Section `database`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `postgres://…` for all services, each in its own schema; without it, SQLite files in the data dir.
    pub url: Option<Secret>,
    /// Most connections of one service.
    pub max_connections: u32,
    /// Whether the process brings its schema up to date when it starts.
    pub migrate: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            max_connections: 10,
            migrate: true,
        }
    }
}
