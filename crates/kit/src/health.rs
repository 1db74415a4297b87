//! `/healthz`: the process is alive. `/readyz`: it can do its work now.
//!
//! Readiness asks every registered dependency, at most once a second however often it is called, and turns
//! to 503 as soon as the process begins to stop.

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

/// Why a dependency does not answer. Its text goes to the log, not to the caller.
pub type CheckError = Box<dyn std::error::Error + Send + Sync>;

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), CheckError>> + Send + Sync>;

/// What must answer for the process to be ready; clones share it.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    stop: CancellationToken,
    checks: RwLock<Vec<(String, Check)>>,
    last: Mutex<Option<(Instant, Report)>>,
}

#[derive(Clone, Serialize)]
struct Report {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failing: Vec<String>,
}

impl Health {
    /// Ready until `stop`.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            stop,
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
            .route(
                "/healthz",
                get(async || {
                    Json(Report {
                        status: "alive",
                        failing: Vec::new(),
                    })
                }),
            )
            .route("/readyz", get(ready))
            .with_state(self.clone())
    }

    async fn report(&self) -> Report {
        if self.0.stop.is_cancelled() {
            return Report {
                status: "stopping",
                failing: Vec::new(),
            };
        }
        let mut last = self.0.last.lock().await;
        if let Some((at, report)) = last.as_ref()
            && at.elapsed() < FRESH
        {
            return report.clone();
        }
        let report = self.ask().await;
        *last = Some((Instant::now(), report.clone()));
        report
    }

    async fn ask(&self) -> Report {
        let checks = self
            .0
            .checks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let answers = join_all(checks.into_iter().map(|(name, check)| async move {
            let cause = match tokio::time::timeout(PATIENCE, check()).await {
                Ok(Ok(())) => return None,
                Ok(Err(error)) => crate::error::chain(error.as_ref()),
                Err(_) => format!("no answer within {PATIENCE:?}"),
            };
            tracing::warn!(dependency = name, cause, "not ready");
            Some(name)
        }));
        let failing: Vec<String> = answers.await.into_iter().flatten().collect();
        Report {
            status: if failing.is_empty() { "ready" } else { "not-ready" },
            failing,
        }
    }
}

async fn ready(State(health): State<Health>) -> Response {
    let report = health.report().await;
    let status = if report.status == "ready" {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readiness_names_what_fails_and_alive_stays_alive() {
        let health = Health::new(CancellationToken::new());
        health.register("database", async || Ok(()));
        assert_eq!(health.report().await.status, "ready");
        let health = Health::new(CancellationToken::new());
        health.register("database", async || Err("connection to db:5432 refused".into()));
        health.register("keymgr", async || Ok(()));
        let report = health.report().await;
        assert_eq!(
            (report.status, report.failing),
            ("not-ready", vec!["database".to_owned()])
        );
    }

    #[tokio::test]
    async fn a_dependency_that_hangs_is_not_ready() {
        let health = Health::new(CancellationToken::new());
        health.register("database", std::future::pending::<Result<(), CheckError>>);
        assert_eq!(health.report().await.failing, ["database"]);
    }

    #[tokio::test]
    async fn a_stopping_process_is_not_ready() {
        let stop = CancellationToken::new();
        let health = Health::new(stop.clone());
        stop.cancel();
        assert_eq!(health.report().await.status, "stopping");
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
            health.report().await;
        }
        assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
