//! Where a server listens, as it says itself: the ready file of scripts, and `server.json` of its data directory.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

/// What a process says of itself once everything is up, as JSON. A base URL has neither a path nor a slash at its end, and is
/// empty where nothing listens.
///
/// `https`, `data_dir` and `pid` are in each such file, so that another one is not taken for it; a later version may say more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Base URL of the API: `https://127.0.0.1:8443`. Empty for a process of services that have none, or without a certificate.
    pub https: String,
    /// The same API where clients may show a certificate.
    #[serde(default)]
    pub mtls: String,
    /// Base URL, `http://`, of what relying parties fetch: CA certificates, CRLs.
    #[serde(default)]
    pub http: String,
    /// Base URL, `https://`, of gRPC over mutual TLS.
    #[serde(default)]
    pub grpc: String,
    /// Base URL, `ldap://`, of the directory of CRLs. Empty for a process without the service `crl`.
    #[serde(default)]
    pub ldap: String,
    /// Base URL, `http://`, of the metrics.
    #[serde(default)]
    pub metrics: String,
    /// The data directory, absolute. JSON is UTF-8: other bytes of the path are replaced.
    #[serde(serialize_with = "as_text")]
    pub data_dir: PathBuf,
    /// Process id.
    pub pid: u32,
}

impl ServerInfo {
    /// Whether it has an API. A process of services that have none, or that was given no certificate, does not.
    #[must_use]
    pub fn serves_https(&self) -> bool {
        !self.https.is_empty()
    }
}

fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_other_json_is_not_taken_for_it() {
        let info = ServerInfo {
            https: "https://127.0.0.1:8443".to_owned(),
            mtls: String::new(),
            http: "http://127.0.0.1:8080".to_owned(),
            grpc: String::new(),
            ldap: String::new(),
            metrics: String::new(),
            data_dir: "/var/lib/gigvault".into(),
            pid: 7,
        };
        let json = serde_json::to_string(&info).unwrap();
        assert_eq!(serde_json::from_str::<ServerInfo>(&json).unwrap(), info);
        for other in [
            "[]",
            r#"{"https": "https://a.example.test"}"#,
            r#"{"https": "https://a.example.test", "data_dir": "/"}"#,
        ] {
            assert!(serde_json::from_str::<ServerInfo>(other).is_err(), "{other}");
        }
    }
}
