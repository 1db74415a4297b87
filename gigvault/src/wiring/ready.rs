//! What is said when everything is up: the ready file, the CLI's pointer, the banner.

use std::path::Path;

use serde::Serialize;

use super::layout::DataDir;
use super::listeners::Listeners;
use crate::output::wrap;

/// Where this process listens.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ServerInfo {
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

impl ServerInfo {
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

    /// What a person sees who typed `gigvault up`, in lines of at most `width`. What is to be copied is never broken.
    pub(crate) fn banner(&self, data: &DataDir, unreachable_for_others: bool, width: usize) -> String {
        let dir = data.path().display();
        // Where commands find the server by themselves; anywhere else they are told.
        let found =
            std::path::absolute(data.path()).ok() == std::path::absolute(crate::connection::DATA_DIR).ok();
        let mut text = format!(
            "\nGigVault is ready.\n\n  API and documentation   {https}/api/docs\n  admin's API key         {dir}/admin.token\n  \
             root to trust           {dir}/root.crt\n\n",
            https = self.https
        );
        let mut paragraph = |words: &str| {
            for line in wrap(words, width) {
                text.push_str(&line);
                text.push('\n');
            }
            text.push('\n');
        };
        paragraph(&format!(
            "The root CA was made for development: its key is on this machine, in {dir}/keys. Whoever can read that folder \
             can sign anything. For a root that was never on a network, see `gigvault rootca --help` and \
             docs/guides/root-ceremony.md."
        ));
        if unreachable_for_others {
            paragraph(
                "Certificates point to localhost, where no other machine finds anything. Give --public-http-url before \
                 others use them.",
            );
        }
        text.push_str("Now, in another terminal in this folder:\n\n");
        if !found {
            text.push_str(&format!(
                "  export GIGVAULT_URL={https}\n  export GIGVAULT_CA_FILE={dir}/root.crt\n  \
                 export GIGVAULT_TOKEN=$(cat {dir}/admin.token)\n",
                https = self.https
            ));
        }
        text.push_str("  gigvault cert create web.example.test\n\n");
        for line in wrap(
            "Ctrl-C stops; a second one stops at once. -v shows what is logged.",
            width,
        ) {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_is_broken_at_words_and_fits_the_terminal() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::create(&dir.path().join("d")).unwrap();
        let ready = ServerInfo {
            https: "https://127.0.0.1:8443".to_owned(),
            http: String::new(),
            grpc: String::new(),
            ldap: String::new(),
            metrics: String::new(),
            data_dir: String::new(),
            pid: 1,
        };
        for width in [60, 80] {
            let text = ready.banner(&data, true, width);
            let prose = text.lines().filter(|line| !line.starts_with("  "));
            assert!(prose.clone().all(|line| line.chars().count() <= width), "{text}");
            assert!(text.contains("gigvault cert create web.example.test\n"), "{text}");
        }
    }
}
