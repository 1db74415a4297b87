//! `/healthz` and `/readyz`: no credential is needed, and nothing is repeated.

use std::collections::BTreeMap;

use reqwest::header::DATE;
use reqwest::tls::TlsInfo;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::call::Call;
use crate::connect::Client;
use crate::error::Error;

/// Whether the server can do its work now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// `ready`, `not-ready` or `stopping`; `alive` for liveness.
    pub status: String,
    /// Services of the process, whose routes it serves; empty from a server that does not tell.
    #[serde(default)]
    pub services: Vec<String>,
    /// Dependencies that do not answer.
    #[serde(default)]
    pub failing: Vec<String>,
    /// Why some of those do not.
    #[serde(default)]
    pub reasons: BTreeMap<String, String>,
}

/// What a process says of itself to those who may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of GigVault.
    pub version: String,
    /// `ready`, `not-ready` or `stopping`.
    pub status: String,
    /// Services that run in it.
    #[serde(default)]
    pub services: Vec<String>,
    /// How far its clock is shifted on purpose, in seconds.
    #[serde(default)]
    pub clock_offset_seconds: i64,
}

/// What the services of a process found wrong in their own state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorRun {
    /// Names the run.
    pub id: String,
    /// Whether no check failed.
    pub healthy: bool,
    /// By service.
    pub checks: Vec<DoctorCheck>,
}

/// One check of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorCheck {
    /// The service that looked.
    pub service: String,
    /// What it looked at.
    pub check: String,
    /// `ok`, `warning` or `failed`.
    pub result: String,
    /// What was found.
    pub detail: String,
    /// What to do; empty where nothing has to be done.
    #[serde(default)]
    pub fix: String,
}

/// An answer and what its transport told.
#[derive(Clone, Debug)]
pub struct Probe {
    /// HTTP status.
    pub status: u16,
    /// What the server says of itself; `None` for something else than a GigVault server.
    pub readiness: Option<Readiness>,
    /// The server's clock (RFC 9110 section 6.6.1), to the second.
    pub date: Option<OffsetDateTime>,
    /// The server's certificate, DER; `None` over plain HTTP.
    pub certificate: Option<Vec<u8>>,
}

impl Client {
    /// Whether the process is there.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn healthz(&self) -> Result<Probe, Error> {
        self.probe("healthz").await
    }

    /// Whether everything that it needs answers. Not being ready is not an error here.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn readyz(&self) -> Result<Probe, Error> {
        self.probe("readyz").await
    }

    /// Version, services and clock of the process.
    ///
    /// # Errors
    /// Those of every request.
    pub async fn status(&self) -> Result<Status, Error> {
        Call::get(self, &["api", "v1", "status"]).json().await
    }

    /// Has the services of the process look at their own state.
    ///
    /// # Errors
    /// Those of every request.
    pub async fn doctor(&self) -> Result<DoctorRun, Error> {
        Call::look(self, &["api", "v1", "doctor", "runs"]).json().await
    }

    async fn probe(&self, path: &str) -> Result<Probe, Error> {
        let response = Call::get(self, &[path]).send().await?;
        let date = response.headers().get(DATE).and_then(|value| value.to_str().ok());
        let date = date.and_then(|text| OffsetDateTime::parse(text, &Rfc2822).ok());
        let tls = response
            .extensions()
            .get::<TlsInfo>()
            .and_then(TlsInfo::peer_certificate);
        let (certificate, status) = (tls.map(<[u8]>::to_vec), response.status().as_u16());
        let readiness = response.json().await.ok();
        Ok(Probe {
            status,
            readiness,
            date,
            certificate,
        })
    }
}
