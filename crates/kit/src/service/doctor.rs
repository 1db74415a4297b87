//! What a service finds wrong in its own state, and how to fix it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use utoipa::ToSchema;

/// Longest time for one check.
const PATIENCE: Duration = Duration::from_secs(5);

/// One thing that a service looks at when an operator asks what is wrong. It changes nothing.
#[derive(Clone)]
pub struct DoctorCheck {
    /// Unique in a process, such as `CA keys`.
    pub name: &'static str,
    run: Arc<dyn Fn() -> BoxFuture<'static, Finding> + Send + Sync>,
}

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and will not for long or not for everyone.
    Warning,
    /// Something does not work.
    Failed,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How serious it is.
    pub verdict: Verdict,
    /// What was found. An operator reads it: no secrets.
    pub detail: String,
    /// What to do; empty where nothing has to be done.
    pub fix: String,
}

impl Finding {
    /// All is well.
    pub fn ok(detail: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Ok,
            detail: detail.into(),
            fix: String::new(),
        }
    }

    /// Something needs attention.
    pub fn warning(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warning,
            detail: detail.into(),
            fix: fix.into(),
        }
    }

    /// Something does not work.
    pub fn failed(detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failed,
            detail: detail.into(),
            fix: fix.into(),
        }
    }

    /// The check itself could not be made. The cause goes to the log, `public` to the operator.
    pub fn unknown(fault: &dyn crate::error::Fault) -> Self {
        crate::error::report(fault);
        Self::failed(
            format!("could not be looked at: {}", fault.public()),
            "see the log of the server",
        )
    }
}

/// Problems that one finding names.
const MOST_NAMED: usize = 5;

/// The first of these problems, such as what cannot be read of rows, and how many others there are.
#[must_use]
pub fn first_of(problems: &[String]) -> String {
    let named: Vec<&str> = problems.iter().take(MOST_NAMED).map(String::as_str).collect();
    let named = named.join("; ");
    match problems.len().saturating_sub(MOST_NAMED) {
        0 => named,
        others => format!("{named}; and {others} more"),
    }
}

impl DoctorCheck {
    /// `run` answers within five seconds or has failed.
    pub fn new<F, R>(name: &'static str, run: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Finding> + Send + 'static,
    {
        let run = move || run().boxed();
        Self {
            name,
            run: Arc::new(run),
        }
    }

    /// Looks once.
    pub async fn look(&self) -> Finding {
        self.look_for(PATIENCE).await
    }

    async fn look_for(&self, patience: Duration) -> Finding {
        let looked = tokio::time::timeout(patience, (self.run)()).await;
        looked.unwrap_or_else(|_elapsed| {
            let detail = format!("it was not known after {patience:?}");
            Finding::failed(
                detail,
                "see the log of the server, and whether its databases and peers answer",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_does_not_end_has_failed() {
        let check = DoctorCheck::new("stuck", std::future::pending);
        let found = check.look_for(Duration::from_millis(1)).await;
        assert_eq!(found.verdict, Verdict::Failed);
        assert!(found.detail.contains("1ms"), "{found:?}");
    }
}
