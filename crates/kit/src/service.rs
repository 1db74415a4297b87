//! What a service is to the process that runs it.
//!
//! A service's `build` answers one [`Service`]. The process folds a list of them: routes into its listeners, checks into
//! one readiness, jobs into one set. Whoever makes one names every part, so a part that was forgotten does not compile.

use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use utoipa_axum::router::OpenApiRouter;

use crate::health::CheckError;

/// Everything that a process serves, runs and asks for one service.
pub struct Service {
    /// Its name in settings, databases, identities, metrics and logs.
    pub name: &'static str,
    /// Routes below `/api/v1`, with their OpenAPI document.
    pub rest: OpenApiRouter,
    /// Routes of the plain HTTP listener, which HTTPS serves as well; paths as relying parties know them.
    pub public: axum::Router,
    /// Its gRPC methods behind [`crate::grpc::routes`], which asks for the table of who may call them.
    pub grpc: Routes,
    /// What it needs besides its database to do its work.
    pub readiness: Vec<Check>,
    /// Background work, one task each.
    pub jobs: Vec<Job>,
}

/// Something that must answer for the process to be ready.
#[derive(Clone)]
pub struct Check {
    /// Shown to callers of `/readyz`, such as `keymgr`.
    pub name: &'static str,
    run: Arc<dyn Fn() -> BoxFuture<'static, Result<(), CheckError>> + Send + Sync>,
}

impl Check {
    /// `run` answers within two seconds or has failed.
    pub fn new<F, R>(name: &'static str, run: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), CheckError>> + Send + 'static,
    {
        let run = move || run().boxed();
        Self {
            name,
            run: Arc::new(run),
        }
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why the dependency cannot be used now.
    pub async fn ask(&self) -> Result<(), CheckError> {
        (self.run)().await
    }
}

/// Work that goes on until the process stops. It ends by itself soon after its token is canceled.
pub struct Job(Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>);

impl Job {
    /// `run` gets the token that says when to end.
    pub fn new<F, R>(run: F) -> Self
    where
        F: FnOnce(CancellationToken) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self(Box::new(move |stop| run(stop).boxed()))
    }

    /// Runs it to its end.
    pub async fn run(self, stop: CancellationToken) {
        (self.0)(stop).await;
    }
}
