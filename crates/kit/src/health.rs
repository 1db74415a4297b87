//! `/healthz`: the process is alive. `/readyz`: it can do its work now.
//!
//! Readiness asks every registered dependency, at most once a second however often it is called, and turns
//! to 503 as soon as the process begins to stop.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::future::{BoxFuture, join_all};
use http::StatusCode;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Longest wait for one dependency.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer is repeated.
const FRESH: Duration = Duration::from_secs(1);

const READY: &str = "ready";
const NOT_READY: &str = "not-ready";
const STOPPING: &str = "stopping";

/// Why a dependency does not answer. Its text goes to the log, not to the caller.
pub type CheckError = Box<dyn std::error::Error + Send + Sync>;

/// A reason that callers may see.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct NotReady {
    /// What is wrong, without names of hosts, files or users.
    pub reason: String,
    /// The cause, for the log.
    #[source]
    pub source: CheckError,
}

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), CheckError>> + Send + Sync>;

/// What must answer for the process to be ready; clones share it.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    stop: CancellationToken,
    services: Vec<&'static str>,
    checks: RwLock<Vec<(String, Check)>>,
    last: Mutex<Option<(Instant, Readiness)>>,
}

/// Whether the process can do its work now.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// One of [`Self::STATUSES`].
    pub status: &'static str,
    /// What was asked, and whether it answers; empty while the process stops.
    pub checks: Vec<(String, bool)>,
    /// Why some of those do not, by name.
    pub reasons: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    /// Those of the process, whose routes it serves. Asking for a route tells everybody the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    services: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failing: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    reasons: BTreeMap<String, String>,
}

impl Readiness {
    /// What [`Self::status`] can be.
    pub const STATUSES: [&str; 3] = [READY, NOT_READY, STOPPING];

    /// What does not answer.
    fn failing(&self) -> Vec<String> {
        let failing = self.checks.iter().filter(|(_, answers)| !answers);
        failing.map(|(name, _)| name.clone()).collect()
    }
}

impl Health {
    /// Ready until `stop`.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self::of(Vec::new(), stop)
    }

    /// Of a process with these services, which it tells everybody; ready until `stop`.
    #[must_use]
    pub fn of(services: Vec<&'static str>, stop: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            stop,
            services,
            checks: RwLock::default(),
            last: Mutex::default(),
        }))
    }

    /// Adds a dependency, such as `database` or `keymgr`. The name is shown to callers.
    pub fn register<F, R>(&self, name: impl Into<String>, check: F)
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), CheckError>> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.0
            .checks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push((name.into(), check));
    }

    /// `/healthz` and `/readyz`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(alive))
            .route("/readyz", get(ready))
            .with_state(self.clone())
    }

    /// Asks every dependency, or repeats an answer that is younger than a second.
    pub async fn readiness(&self) -> Readiness {
        if self.0.stop.is_cancelled() {
            return Readiness {
                status: STOPPING,
                checks: Vec::new(),
                reasons: BTreeMap::new(),
            };
        }
        let mut last = self.0.last.lock().await;
        if let Some((at, readiness)) = last.as_ref()
            && at.elapsed() < FRESH
        {
            return readiness.clone();
        }
        let readiness = self.ask().await;
        *last = Some((Instant::now(), readiness.clone()));
        readiness
    }

    async fn ask(&self) -> Readiness {
        let checks = self
            .0
            .checks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let answers = join_all(checks.into_iter().map(|(name, check)| async move {
            let (cause, reason) = match tokio::time::timeout(PATIENCE, check()).await {
                Ok(Ok(())) => return (name, true, None),
                Ok(Err(error)) => {
                    let shown = error.downcast_ref::<NotReady>();
                    let reason = shown.map(|shown| shown.reason.clone());
                    (crate::error::chain(error.as_ref()), reason)
                }
                Err(_) => (format!("no answer within {PATIENCE:?}"), None),
            };
            tracing::warn!(dependency = name, cause, "not ready");
            (name, false, reason)
        }));
        let (mut checks, mut reasons) = (Vec::new(), BTreeMap::new());
        for (name, answers, reason) in answers.await {
            if let Some(reason) = reason {
                reasons.insert(name.clone(), reason);
            }
            checks.push((name, answers));
        }
        let ready = checks.iter().all(|(_, answers)| *answers);
        Readiness {
            status: if ready { READY } else { NOT_READY },
            checks,
            reasons,
        }
    }
}

async fn alive(State(health): State<Health>) -> Json<Report> {
    Json(Report {
        status: "alive",
        services: health.0.services.clone(),
        failing: Vec::new(),
        reasons: BTreeMap::new(),
    })
}

async fn ready(State(health): State<Health>) -> Response {
    let readiness = health.readiness().await;
    let code = if readiness.status == READY {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let report = Report {
        status: readiness.status,
        services: health.0.services.clone(),
        failing: readiness.failing(),
        reasons: readiness.reasons,
    };
    (code, Json(report)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readiness_names_what_fails_and_alive_stays_alive() {
        let health = Health::new(CancellationToken::new());
        health.register("database", async || Ok(()));
        assert_eq!(health.readiness().await.status, "ready");
        let health = Health::new(CancellationToken::new());
        health.register("database", async || Err("connection to db:5432 refused".into()));
        health.register("keymgr", async || Ok(()));
        let readiness = health.readiness().await;
        assert_eq!(
            (readiness.status, readiness.failing()),
            ("not-ready", vec!["database".to_owned()])
        );
        assert!(readiness.checks.contains(&("keymgr".to_owned(), true)));
    }

    #[tokio::test]
    async fn a_dependency_that_hangs_is_not_ready() {
        let health = Health::new(CancellationToken::new());
        health.register("database", std::future::pending::<Result<(), CheckError>>);
        assert_eq!(health.readiness().await.failing(), ["database"]);
    }

    #[tokio::test]
    async fn a_stopping_process_is_not_ready() {
        let stop = CancellationToken::new();
        let health = Health::new(stop.clone());
        stop.cancel();
        assert_eq!(health.readiness().await.status, "stopping");
    }

    #[tokio::test]
    async fn dependencies_are_asked_at_most_once_a_second() {
        let health = Health::new(CancellationToken::new());
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        health.register("database", move || {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            std::future::ready(Ok(()))
        });
        for _ in 0..10 {
            health.readiness().await;
        }
        assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
