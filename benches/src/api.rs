//! The REST API as a client calls it, and its jobs.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::system::System;

/// Far beyond what anything takes: a run that hangs ends.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long looks may fail one after the other.
const GRACE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);
const REVOCATIONS: &str = "/api/v1/certificates/revocations";

/// A client of a system. After a restart there has to be another: the port changes.
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    pub(crate) fn of(system: &System) -> anyhow::Result<Self> {
        Ok(Self {
            http: system.http()?,
            base: system.ready().https.clone(),
            token: system.token()?,
        })
    }

    /// What is there.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base));
        self.send(request.json(body)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let (url, status, text) = (answer.url().clone(), answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{url} answered {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Has a job revoke these certificates; answers its path.
    pub(crate) async fn revoke_many(&self, selection: &str, which: Value) -> anyhow::Result<String> {
        let body = json!({"reason": "superseded", selection: which});
        let job = self.post(REVOCATIONS, &body).await?;
        let id = job
            .get("id")
            .and_then(Value::as_str)
            .context("a job without id")?;
        Ok(format!("/api/v1/jobs/{id}"))
    }

    /// Waits until this many certificates of a job are revoked, or it has ended, and answers the job.
    pub(crate) async fn wait_for_job(&self, path: &str, done: usize) -> anyhow::Result<Value> {
        until(path, async || {
            let job = self.get(path).await?;
            let ended = job.get("ended_at").is_some_and(|ended| !ended.is_null());
            Ok((ended || count(&job, "done") >= done).then_some(job))
        })
        .await
    }

    /// Waits for the end of a job, which must have revoked that many certificates and failed on none.
    pub(crate) async fn wait_for_end(&self, path: &str, revoked: usize) -> anyhow::Result<()> {
        let job = self.wait_for_job(path, usize::MAX).await?;
        ensure!(
            count(&job, "done") == revoked && count(&job, "failed") == 0,
            "{revoked} certificates were to be revoked: {job}"
        );
        Ok(())
    }
}

fn count(job: &Value, name: &str) -> usize {
    let number = job.get(name).and_then(Value::as_u64).unwrap_or_default();
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Looks again and again until there is something. Looks that fail for a while are passed over, as clients do while a service starts.
pub(crate) async fn until<T>(
    what: &str,
    look: impl AsyncFn() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let (begun, mut worked) = (Instant::now(), Instant::now());
    loop {
        match look().await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => worked = Instant::now(),
            Err(error) if worked.elapsed() > GRACE => return Err(error),
            Err(_) => {}
        }
        ensure!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        tokio::time::sleep(LOOK).await;
    }
}
