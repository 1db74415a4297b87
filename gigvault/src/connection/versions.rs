//! A server that does not know what this program asks: of another version, or without the service that would.

use std::time::Duration;

use client::{Client, Error, Readiness};

use crate::cli::Connection;
use crate::wiring::Service;

const OURS: &str = env!("CARGO_PKG_VERSION");
/// The command has failed already: its error does not wait long for a version.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why a server may not know what this program asks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// It is of this other version.
    Differ(String),
    /// It tells our version, which earlier builds of it tell too.
    Same,
    /// It does not tell its version to this credential, or does not answer.
    Untold,
}

/// What was asked and is not known there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// The server may be older than this program.
    Version(Versions),
    /// The process at this URL has these services only, by their names, and so the routes of these.
    Elsewhere(String),
}

impl Versions {
    /// By the version that a server told, if it did.
    pub(crate) fn by(told: Option<String>) -> Self {
        match told {
            Some(version) if version == OURS => Self::Same,
            Some(version) => Self::Differ(version),
            None => Self::Untold,
        }
    }

    pub(crate) fn hint(&self) -> String {
        const THEN: &str = "use the program of the server's version, or upgrade the server";
        match self {
            Self::Differ(version) => format!(
                "the server is of version {version} and this program of version {OURS}, so the server may not know what it was \
                 asked: {THEN}"
            ),
            Self::Same => format!(
                "server and program say that they are of version {OURS}, and earlier builds say so too: which of the two is older \
                 cannot be known from that. If it is the server, use the program that came with it, or upgrade the server"
            ),
            Self::Untold => format!(
                "the server may be older than this program, which is of version {OURS}; it did not tell its version \
                 (`gigvault_build_info` of its metrics has it). If it is older, {THEN}"
            ),
        }
    }
}

impl Unknown {
    /// Asks the server what it is, if the error is one that an older server answers. None where its routes are not at this URL
    /// at all.
    pub(crate) fn behind(error: &anyhow::Error, connection: &Connection) -> Option<Self> {
        let answer = error.downcast_ref::<Error>()?;
        if !answer.suggests_older_server() {
            return None;
        }
        crate::commands::wait_for(async {
            let client = super::client(connection).ok()?;
            let asked = tokio::time::timeout(PATIENCE, Self::ask(&client, answer));
            asked.await.unwrap_or(Some(Self::Version(Versions::Untold)))
        })
    }

    async fn ask(client: &Client, answer: &Error) -> Option<Self> {
        let told = client.status().await.ok().map(|status| status.version);
        let versions = Versions::by(told);
        // No other refusal can come from a process that has not the service.
        if answer.status() == Some(404) && !matches!(versions, Versions::Differ(_)) {
            let readiness = client.healthz().await.ok()?.readiness?;
            if let Some(services) = some_only(&readiness) {
                return Some(Self::Elsewhere(services));
            }
        }
        Some(Self::Version(versions))
    }
}

/// The services of a process that has not all of them. None for an older server too, which does not tell.
pub(crate) fn some_only(readiness: &Readiness) -> Option<String> {
    let here = &readiness.services;
    let whole = Service::ALL
        .iter()
        .all(|service| here.iter().any(|name| name == service.name()));
    (!here.is_empty() && !whole).then(|| here.join(", "))
}
