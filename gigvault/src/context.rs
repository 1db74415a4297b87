//! How the CLI finds its server: flags, environment, or a `gigvault-data/` in the working directory.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use client::Client;
use secrecy::SecretString;
use serde::Deserialize;

use crate::cli::Connection;
use crate::exit::Usage;

const DATA_DIR: &str = "gigvault-data";

/// A server and what is needed to talk to it.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) token: Option<SecretString>,
    pub(crate) roots: Option<PathBuf>,
    /// The data directory, where it lies on this machine.
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Pointer {
    https: String,
}

/// Puts together what was given and what can be found. clap has read the environment into the flags.
pub(crate) fn find(connection: &Connection) -> anyhow::Result<Server> {
    let data_dir = Some(PathBuf::from(DATA_DIR)).filter(|dir| dir.is_dir());
    let url = match (&connection.url, &data_dir) {
        (Some(url), _) => url.clone(),
        (None, Some(dir)) => pointer(dir)?,
        (None, None) => {
            let text =
                "no server: give --url, set GIGVAULT_URL, or work in the folder that holds gigvault-data/";
            return Err(Usage(text.to_owned()).into());
        }
    };
    // What lies in a local data directory is for its own server, not for one named by URL.
    let local = data_dir.as_deref().filter(|_| connection.url.is_none());
    let token = match (&connection.token, local) {
        (Some(token), _) => Some(SecretString::from(token.trim())),
        (None, Some(dir)) => std::fs::read_to_string(dir.join("admin.token"))
            .ok()
            .map(|token| token.trim().into()),
        (None, None) => None,
    };
    let roots = connection
        .ca_file
        .clone()
        .or_else(|| local.map(|dir| dir.join("root.crt")));
    Ok(Server {
        url,
        token,
        roots,
        data_dir,
    })
}

/// A client of the server that was found.
pub(crate) fn client(connection: &Connection) -> anyhow::Result<Client> {
    let server = find(connection)?;
    let mut builder = Client::builder(&server.url);
    if let Some(path) = &server.roots {
        builder = builder.roots(std::fs::read(path).with_context(|| format!("reading {}", path.display()))?);
    }
    if let Some(token) = server.token {
        builder = builder.token(token);
    }
    Ok(builder.build()?)
}

fn pointer(dir: &Path) -> anyhow::Result<String> {
    let path = dir.join("server.json");
    let text = std::fs::read(&path).with_context(|| {
        format!(
            "reading {}: start the server with `gigvault up`, or give --url",
            path.display()
        )
    })?;
    let pointer: Pointer =
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
    Ok(pointer.https)
}
