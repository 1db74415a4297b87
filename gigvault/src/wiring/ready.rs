//! What is said when everything is up: the ready file, the CLI's pointer, the banner.

use std::path::Path;

use anyhow::{Context as _, bail};
use client::ServerInfo;

use super::layout::DataDir;
use super::listeners::Listeners;
use crate::output::wrap;

/// Most bytes of a ready file.
const LONGEST: u64 = 64 * 1024;

/// Refuses a file that is there and is not the ready file of an earlier start. An empty one is taken: scripts make it, to
/// have a name of their own.
pub(crate) fn check_ready_file(path: &Path) -> anyhow::Result<()> {
    ::files::check_replaceable(path).context("--ready-file")?;
    let content = match ::files::read(path, LONGEST) {
        Err(error) if error.is_not_found() => return Ok(()),
        Err(::files::Error::TooLong { .. }) => None,
        content => Some(content.context("--ready-file")?),
    };
    let ours =
        |content: &Vec<u8>| content.is_empty() || serde_json::from_slice::<ServerInfo>(content).is_ok();
    match content.as_ref().is_some_and(ours) {
        true => Ok(()),
        false => bail!(
            "--ready-file: {} exists and is not the ready file of an earlier start, so it is not overwritten: choose another \
             name, or move it away",
            path.display()
        ),
    }
}

/// Where the bound sockets listen. Without a certificate to be, nothing is served over HTTPS.
pub(crate) fn info(listeners: &Listeners, https: bool, data: &DataDir) -> anyhow::Result<ServerInfo> {
    let (https, mtls) = match https {
        true => (listeners.https_url()?, listeners.mtls_url()?),
        false => (String::new(), String::new()),
    };
    Ok(ServerInfo {
        https,
        mtls,
        http: listeners.http_url()?,
        grpc: listeners.grpc_url()?,
        ldap: listeners.ldap_url()?,
        metrics: listeners.metrics_url()?,
        data_dir: std::path::absolute(data.path())?,
        pid: std::process::id(),
    })
}

/// Writes `server.json` for the CLI, and the ready file that was asked for.
pub(crate) fn announce(info: &ServerInfo, data: &DataDir, ready_file: Option<&Path>) -> anyhow::Result<()> {
    let json = serde_json::to_vec_pretty(info)?;
    ::files::replace(&data.server(), &json, 0o600)?;
    if let Some(path) = ready_file {
        // Again: the start took a while.
        check_ready_file(path)?;
        ::files::replace(path, &json, 0o644)?;
    }
    Ok(())
}

/// What a person sees who typed `gigvault up`, in lines of at most `width`. What is to be copied is never broken.
pub(crate) fn banner(
    info: &ServerInfo,
    data: &DataDir,
    unreachable_for_others: bool,
    width: usize,
) -> String {
    let dir = data.path().display();
    // Where commands find the server by themselves; anywhere else they are told.
    let found =
        std::path::absolute(data.path()).ok() == std::path::absolute(crate::connection::DATA_DIR).ok();
    let mut text = format!(
        "\nGigVault is ready.\n\n  API and documentation   {https}/api/docs\n  admin's API key         {dir}/admin.token\n  \
         root to trust           {dir}/root.crt\n\n",
        https = info.https
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
            "Certificates point to this machine, where no other finds anything. Give --public-http-url before \
             others use them.",
        );
    }
    text.push_str("Now, in another terminal in this folder:\n\n");
    if !found {
        text.push_str(&format!(
            "  export GIGVAULT_URL={https}\n  export GIGVAULT_CA_FILE={root}\n  \
             export GIGVAULT_TOKEN=$(cat {token})\n",
            https = info.https,
            root = ::files::quoted(&data.root_certificate()),
            token = ::files::quoted(&data.admin_token())
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_banner_is_broken_at_words_and_fits_the_terminal() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::create(&dir.path().join("d")).unwrap();
        let ready = ServerInfo {
            https: "https://127.0.0.1:8443".to_owned(),
            mtls: String::new(),
            http: String::new(),
            grpc: String::new(),
            ldap: String::new(),
            metrics: String::new(),
            data_dir: PathBuf::new(),
            pid: 1,
        };
        for width in [60, 80] {
            let text = banner(&ready, &data, true, width);
            let prose = text.lines().filter(|line| !line.starts_with("  "));
            assert!(prose.clone().all(|line| line.chars().count() <= width), "{text}");
            assert!(text.contains("gigvault cert create web.example.test\n"), "{text}");
        }
    }
}
