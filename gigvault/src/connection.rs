//! How the CLI finds its server: flags, environment, or a `gigvault-data/` in the working directory.
//!
//! A credential goes only to a server that was named together with it. A token from a flag or from the environment needs
//! a URL from a flag or from the environment; the server that a data directory names gets the token of that directory.
//! Otherwise a directory that came with a download or a repository could have the token of another server sent to it.

pub(crate) mod advice;
mod found_dir;
mod versions;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use client::{Builder, Client, ServerInfo};
use secrecy::SecretString;
use x509::bundle::Bundle;

use crate::cli::Connection;
use crate::exit::say;
use advice::Unfound;
pub(crate) use versions::{Unknown, Versions, some_only};

/// Where `up` puts its data unless told otherwise, and where commands look for it.
pub(crate) const DATA_DIR: &str = "gigvault-data";

/// A server and what is needed to talk to it.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) token: Option<SecretString>,
    pub(crate) roots: Option<Roots>,
    /// Where else it listens, if it is the server of a data directory on this machine.
    pub(crate) local: Option<ServerInfo>,
}

/// Whom to trust as the server.
pub(crate) enum Roots {
    /// A file, a pipe or `-` that the caller named.
    Named(PathBuf),
    /// The root certificate of a data directory that was found.
    Found(PathBuf),
}

impl Roots {
    /// The certificates, PEM.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Named(path) => crate::commands::read(path),
            Self::Found(path) => Ok(found_dir::read(path)?.ok_or_else(|| {
                let dir = path.parent().unwrap_or(path);
                Unfound::new(
                    format!("{} is missing, by which the server is known", path.display()),
                    advice::root_again(dir),
                )
            })?),
        }
    }
}

/// What the process of a data directory says of itself, where it does.
pub(crate) fn local_server(dir: &Path) -> Option<ServerInfo> {
    pointer(dir).ok()
}

/// The data directory in the working directory, if there is one.
pub(crate) fn data_dir() -> Option<PathBuf> {
    Some(PathBuf::from(DATA_DIR)).filter(|dir| dir.is_dir())
}

/// Puts together what was given and what can be found. clap has read the environment into the flags.
pub(crate) fn find(connection: &Connection) -> anyhow::Result<Server> {
    let data_dir = data_dir();
    let (url, pointer) = match (&connection.url, &data_dir) {
        (Some(url), dir) => {
            let pointer = dir.as_deref().and_then(|dir| pointer(dir).ok());
            (url.clone(), pointer.filter(|pointer| pointer.https == *url))
        }
        (None, Some(dir)) => {
            check_ours(dir)?;
            if connection.token.is_some() {
                let what = format!(
                    "a token was given, and no server: it is not sent to the server that ./{DATA_DIR} names"
                );
                let fix = format!(
                    "name the server too (--url or GIGVAULT_URL), or leave the token out (--token and GIGVAULT_TOKEN) to use \
                     the one in ./{DATA_DIR}"
                );
                return Err(Unfound::usage(what, fix).into());
            }
            let pointer = pointer(dir)?;
            if !pointer.serves_https() {
                let what = format!("the process of ./{DATA_DIR} serves no HTTPS, and so no API");
                return Err(Unfound::new(what, "name the API by --url and --ca-file").into());
            }
            (pointer.https.clone(), Some(pointer))
        }
        (None, None) => {
            let fix = "give --url, set GIGVAULT_URL, or work in the folder that holds gigvault-data/";
            return Err(
                Unfound::usage("no server was named, and there is no gigvault-data/ here", fix).into(),
            );
        }
    };
    // What is in a local data directory is for its own server, not for one named by URL.
    let local = data_dir.as_deref().filter(|_| connection.url.is_none());
    let token = match (&connection.token, local) {
        (Some(token), _) => Some(SecretString::from(token.trim())),
        (None, Some(dir)) => found_dir::token(&dir.join("admin.token"))?,
        (None, None) => None,
    };
    let roots = connection
        .ca_file
        .clone()
        .map(Roots::Named)
        .or_else(|| local.map(|dir| Roots::Found(dir.join("root.crt"))));
    Ok(Server {
        url,
        token,
        roots,
        local: pointer,
    })
}

/// Refuses a data directory that someone else could have filled: it names a server, and whom to trust as that server.
fn check_ours(dir: &Path) -> Result<(), Unfound> {
    const ELSEWHERE: &str = "name the server by --url and --ca-file, or work in another folder";
    let found = std::fs::metadata(dir)
        .map_err(|error| Unfound::new(format!("reading {}: {error}", dir.display()), ELSEWHERE))?;
    let (owner, us) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != us {
        let what = format!(
            "./{} belongs to user {owner} and this is user {us}: the server that it names is not asked",
            dir.display()
        );
        return Err(Unfound::new(what, ELSEWHERE));
    }
    if found.permissions().mode() & 0o022 != 0 {
        let what = format!(
            "./{} can be written by other users: the server that it names is not asked",
            dir.display()
        );
        let fix = format!(
            "close it with `chmod go-w {}` if no other user has changed it, or {ELSEWHERE}",
            ::files::quoted(dir)
        );
        return Err(Unfound::new(what, fix));
    }
    Ok(())
}

/// A client of the server that was found.
pub(crate) fn client(connection: &Connection) -> anyhow::Result<Client> {
    Ok(builder(connection)?.build()?)
}

/// What makes a client of the server that was found.
pub(crate) fn builder(connection: &Connection) -> anyhow::Result<Builder> {
    let server = find(connection)?;
    let mut builder = Client::builder(&server.url);
    if let Some(roots) = &server.roots {
        let given = roots.read()?;
        check_roots(roots, &given)?;
        builder = builder.roots(given);
    }
    if let Some(identity) = &connection.server_identity {
        builder = builder.server_identity(identity.clone());
    }
    if let Some(token) = server.token {
        builder = builder.token(token);
    }
    Ok(builder)
}

/// Refuses a file without roots by its name. The client passes over roots that cannot be read, so that the others serve: those
/// are named.
fn check_roots(roots: &Roots, given: &[u8]) -> anyhow::Result<()> {
    let (Roots::Named(path) | Roots::Found(path)) = roots;
    let bundle = Bundle::read(given).with_context(|| format!("{}: no root can be read", path.display()))?;
    for passed in bundle.unreadable {
        say(&format!("note: {}, {passed}; it is passed over", path.display()));
    }
    Ok(())
}

fn pointer(dir: &Path) -> anyhow::Result<ServerInfo> {
    let path = dir.join("server.json");
    let unfound = |what: &str| {
        Unfound::new(
            format!("{} {what}", path.display()),
            format!("{}, which writes it, or give --url", advice::start(dir)),
        )
    };
    let text = found_dir::read(&path)?.ok_or_else(|| unfound("is missing"))?;
    Ok(serde_json::from_slice(&text).map_err(|error| unfound(&format!("is damaged ({error})")))?)
}
