//! What a service is to the process that runs it.
//!
//! A service's `build` answers one [`Service`]. The process folds a list of them: routes into its listeners, checks into
//! one readiness and one `doctor`, jobs into one set. Whoever makes one names every part, so a part that was forgotten does
//! not compile.

mod doctor;
mod job;
mod leader;
mod protocol;

use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tonic::service::Routes;
use utoipa_axum::router::OpenApiRouter;
use vocabulary::EventType;

pub use doctor::{DoctorCheck, Finding, Verdict, first_of};
pub use job::Job;
pub use protocol::Protocol;

use crate::feed::Watch;
use crate::health::CheckError;
use crate::http::PublicRoutes;
use crate::jobs::Worker;

/// Everything that a process serves, runs and asks for one service.
pub struct Service {
    /// Its name in settings, databases, identities, metrics and logs.
    pub name: &'static str,
    /// Routes below `/api/v1`, with their OpenAPI document.
    pub rest: OpenApiRouter,
    /// Routes of the plain HTTP listener, which HTTPS serves as well, each with what it takes; paths as relying parties know them.
    pub public: PublicRoutes,
    /// What it answers on a listener of its own that does not speak HTTP; none where it has none.
    pub ldap: Option<Protocol>,
    /// Its gRPC methods behind [`crate::grpc::routes`], which asks for the table of who may call them.
    pub grpc: Routes,
    /// What it needs besides its database to do its work.
    pub readiness: Vec<Check>,
    /// What it looks for in its own state when an operator asks what is wrong.
    pub doctor: Vec<DoctorCheck>,
    /// Background work, one task each.
    pub jobs: Vec<Job>,
    /// The types of events that it writes, and no others: those that its handle of the database declares
    /// ([`store::Db::declaring`]).
    pub events: &'static [EventType],
    /// Its events, as its RPC `Watch` shows them; the process removes those that are old.
    pub feed: Watch,
    /// Who does the long work that its requests are accepted as; nothing where there is none.
    pub workers: Vec<Worker>,
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
