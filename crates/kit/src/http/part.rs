//! A part of an answer that another service knows.
//!
//! A handler composes its answer of what it knows itself and of parts, each asked for with [`Part::of`] over gRPC. A part that cannot
//! be had is said to be unavailable, and the rest is answered: it is never a 5xx, and the caller waits two seconds at most.

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::error::{Fault, Kind, chain};
use crate::openapi::ServiceName;

/// Longest wait for a part.
const PATIENCE: Duration = Duration::from_secs(2);
/// For callers. Which address does not answer, and how, is in the log.
const NO_ANSWER: &str = "it does not answer";

/// What another service says, or that it cannot be had now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Part<T> {
    /// What it says.
    Known(T),
    /// The rest of the answer does without it.
    Unavailable {
        /// Who was asked, and why there is nothing.
        unavailable: Unavailable,
    },
}

/// Why a part is missing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unavailable {
    /// Who knows it.
    #[schema(value_type = ServiceName)]
    pub service: &'static str,
    /// For people.
    #[schema(example = "it does not answer")]
    pub detail: String,
}

impl<T> Part<T> {
    /// What `service` answers to `ask` within two seconds.
    pub async fn of<F: Fault>(service: &'static str, ask: impl Future<Output = Result<T, F>>) -> Self {
        let (detail, cause) = match timeout(PATIENCE, ask).await {
            Ok(Ok(known)) => return Self::Known(known),
            Ok(Err(fault)) if fault.kind() == Kind::Unavailable => (NO_ANSWER.to_owned(), chain(&fault)),
            Ok(Err(fault)) => (fault.public().into_owned(), chain(&fault)),
            Err(elapsed) => (NO_ANSWER.to_owned(), elapsed.to_string()),
        };
        tracing::warn!(service, cause, "a part of an answer is unavailable");
        Self::Unavailable {
            unavailable: Unavailable { service, detail },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tonic::Status;

    use super::*;
    use crate::grpc::RemoteFault;

    async fn shown(ask: impl Future<Output = Result<Value, RemoteFault>>) -> Value {
        serde_json::to_value(Part::of("keymgr", ask).await).unwrap()
    }

    #[tokio::test]
    async fn a_part_is_its_value_or_says_who_does_not_answer() {
        let known = shown(async { Ok(json!({"name": "issuing"})) }).await;
        assert_eq!(known, json!({"name": "issuing"}));

        let missing = json!({"unavailable": {"service": "keymgr", "detail": "it does not answer"}});
        let down = Status::unavailable("no route to 10.0.0.7");
        assert_eq!(shown(async { Err(RemoteFault::from(down)) }).await, missing);
        assert_eq!(shown(std::future::pending()).await, missing);

        let denied = Status::permission_denied("ca may not call this");
        let text = shown(async { Err(RemoteFault::from(denied)) }).await.to_string();
        assert!(!text.contains("ca may not"), "{text}");
    }
}
