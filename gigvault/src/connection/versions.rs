//! A server of another version than this program.

use std::time::Duration;

use crate::cli::Connection;

const OURS: &str = env!("CARGO_PKG_VERSION");
/// The command has failed already: its error does not wait long for a version.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why a server may not know what this program asks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// It is of this other version.
    Differ(String),
    /// It does not tell its version to this credential, or does not answer.
    Untold,
}

impl Versions {
    /// Asks the server for its version, if the error is one that an older server answers. None if its version is ours.
    pub(crate) fn behind(error: &anyhow::Error, connection: &Connection) -> Option<Self> {
        let answer = error.downcast_ref::<client::Error>()?;
        if !answer.suggests_older_server() {
            return None;
        }
        match crate::commands::wait_for(told(connection)) {
            Some(version) if version == OURS => None,
            Some(version) => Some(Self::Differ(version)),
            None => Some(Self::Untold),
        }
    }

    pub(crate) fn hint(&self) -> String {
        const THEN: &str = "use the program of the server's version, or upgrade the server";
        match self {
            Self::Differ(version) => format!(
                "the server is of version {version} and this program of version {OURS}, so the server may not know what it was \
                 asked: {THEN}"
            ),
            Self::Untold => format!(
                "the server may be older than this program, which is of version {OURS}; it did not tell its version \
                 (`gigvault_build_info` of its metrics has it). If it is older, {THEN}"
            ),
        }
    }
}

async fn told(connection: &Connection) -> Option<String> {
    let client = super::client(connection).ok()?;
    let status = tokio::time::timeout(PATIENCE, client.status()).await;
    status.ok()?.ok().map(|status| status.version)
}
