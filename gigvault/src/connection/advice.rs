//! What to do where no server is found, or the API key is not taken. Each is a way that exists from where the command was
//! run: a key from the environment is of no use beside a `gigvault-data/`, whose server it is not sent to.

use std::path::{Path, PathBuf};

use files::quoted;

use super::{data_dir, pointer};
use crate::cli::Connection;
use crate::wiring::{self, DataDir, Part};

/// No server, or nothing to show it.
#[derive(Debug, thiserror::Error)]
#[error("{what}; {fix}")]
pub(crate) struct Unfound {
    /// Without what to do about it.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) fix: String,
    /// Whether the command line asks for what cannot be.
    pub(crate) is_usage: bool,
}

impl Unfound {
    pub(super) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            fix: fix.into(),
            is_usage: false,
        }
    }

    pub(super) fn usage(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            is_usage: true,
            ..Self::new(what, fix)
        }
    }
}

/// A directory as a start takes it: by its own name, from wherever that is typed.
fn whole(dir: &Path) -> PathBuf {
    std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
}

/// The way back where no valid API key is left, by a command for the data directory of the server.
pub(super) fn new_token(dir: &Path) -> String {
    if Part::of(&DataDir::at(dir)).is_some() {
        return "if none is left, run `gigvault bootstrap --new-admin-token --config FILE` with the configuration of auth while \
                auth is stopped, which writes a new one into its data directory"
            .to_owned();
    }
    format!(
        "if none is left, stop the server, run `gigvault bootstrap --new-admin-token --data-dir {}{}`, which writes a new one \
         there, and start the server again",
        quoted(&whole(dir)),
        wiring::database_flag(dir)
    )
}

/// How the server of a data directory is started.
pub(crate) fn start(dir: &Path) -> String {
    if let Some(part) = Part::of(&DataDir::at(dir)) {
        let service = part.of.map_or("SERVICE", wiring::Service::name);
        return format!("start it with `gigvault serve {service} --config FILE`");
    }
    let database = wiring::database_flag(dir);
    let up = format!("`gigvault up --data-dir {}{database}`", quoted(&whole(dir)));
    // What `up` started has an identity here. The process of keymgr alone has the same keys, and may keep its identity elsewhere.
    match database.is_empty() || DataDir::at(dir).identity("gigvault").exists() {
        true => format!("start it with {up}"),
        false => format!(
            "start it as it was started before: with {up} if that runs all services, with `gigvault serve keymgr --config FILE` \
             if it runs keymgr alone"
        ),
    }
}

/// How `root.crt` of a data directory is written again.
pub(crate) fn root_again(dir: &Path) -> String {
    let (kept, place) = (dir.join("keys/root/root.crt"), dir.join("root.crt"));
    if kept.is_file() {
        return format!("write it again with `cp {} {}`", quoted(&kept), quoted(&place));
    }
    // Only `up` and `bootstrap` write it.
    match Part::of(&DataDir::at(dir)) {
        Some(_) => format!(
            "copy root.crt of the data directory that was bootstrapped to {}, or name it by --ca-file",
            quoted(&place)
        ),
        None => format!("{}, which writes it again", start(dir)),
    }
}

/// What to do about an API key that is not taken.
pub(crate) fn credential(connection: &Connection) -> String {
    let dir = match (&connection.url, data_dir()) {
        (None, Some(dir)) => dir,
        _ => {
            return "set GIGVAULT_TOKEN or --token to a valid API key; if none is left, stop the server and run, on its \
                    machine, `gigvault bootstrap --new-admin-token --data-dir DIR` with its data directory, or with --config \
                    FILE in place of it"
                .to_owned();
        }
    };
    let token = dir.join("admin.token");
    let what = match token.is_file() {
        true => format!("the API key in {} is not taken", token.display()),
        false => format!("there is no {}", token.display()),
    };
    let url = pointer(&dir).map_or_else(|_| "https://HOST:PORT".to_owned(), |server| server.https);
    format!(
        "{what}: write a valid API key into that file (mode 0600), or name the server together with the key, `--url {url} \
         --ca-file {} --token KEY`; {}",
        quoted(&dir.join("root.crt")),
        new_token(&dir)
    )
}
