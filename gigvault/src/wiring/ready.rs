//! What is said when everything is up: the ready file, the CLI's pointer, the banner.

use std::path::Path;

use serde::Serialize;

use super::layout::DataDir;
use super::listeners::Listeners;

/// Where this process listens.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ready {
    /// HTTPS base URL.
    pub(crate) https: String,
    /// Plain HTTP base URL.
    pub(crate) http: String,
    /// gRPC base URL.
    pub(crate) grpc: String,
    /// LDAP base URL; empty, as nothing listens there yet.
    pub(crate) ldap: String,
    /// Metrics base URL.
    pub(crate) metrics: String,
    /// The data directory, absolute.
    pub(crate) data_dir: String,
    /// Process id.
    pub(crate) pid: u32,
}

impl Ready {
    /// Of bound sockets. Without a certificate to be, nothing is served over HTTPS.
    pub(crate) fn of(listeners: &Listeners, https: bool, data: &DataDir) -> anyhow::Result<Self> {
        Ok(Self {
            https: match https {
                true => listeners.https_url()?,
                false => String::new(),
            },
            http: listeners.http_url()?,
            grpc: listeners.grpc_url()?,
            ldap: String::new(),
            metrics: listeners.metrics_url()?,
            data_dir: std::path::absolute(data.path())?.display().to_string(),
            pid: std::process::id(),
        })
    }

    /// Writes `server.json` for the CLI, and the ready file that was asked for.
    pub(crate) fn announce(&self, data: &DataDir, ready_file: Option<&Path>) -> anyhow::Result<()> {
        let json = serde_json::to_vec_pretty(self)?;
        ::files::replace(&data.server(), &json, 0o600)?;
        if let Some(path) = ready_file {
            ::files::replace(path, &json, 0o644)?;
        }
        Ok(())
    }

    /// What a person sees who typed `gigvault up`.
    pub(crate) fn banner(&self, data: &DataDir, points_home: bool) -> String {
        let warning = match points_home {
            true => {
                "\nCertificates point to localhost, where no other machine finds anything. Give --public-http-url \
                 before\nothers use them.\n"
            }
            false => "",
        };
        let dir = data.path().display();
        format!(
            "
GigVault is ready.

  API and documentation   {https}/api/docs
  admin's API key         {dir}/admin.token
  root to trust           {dir}/root.crt

The root CA was made for development: its key lies on this machine, in {dir}/keys.
Whoever can read that folder can sign anything. For a root that was never on a network,
see `gigvault rootca --help` and docs/guides/root-ceremony.md.
{warning}
Now, in another terminal in this folder:

  gigvault cert create web.example.test --san dns:web.example.test

Ctrl-C stops.
",
            https = self.https
        )
    }
}
