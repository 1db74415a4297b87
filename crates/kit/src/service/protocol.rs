//! A protocol that is not HTTP, on a listener of its own.

use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::http::Limits;

/// Answers the clients of a listener within its limits, until it is told to stop.
#[derive(Clone)]
pub struct Protocol(Arc<Serve>);

type Serve = dyn Fn(TcpListener, Limits, CancellationToken) -> BoxFuture<'static, ()> + Send + Sync;

impl Protocol {
    /// `serve` ends within [`Limits::drain`] of the stop, as [`crate::http::tcp::serve`] does.
    pub fn new<F, R>(serve: F) -> Self
    where
        F: Fn(TcpListener, Limits, CancellationToken) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |listener, limits, stop| {
            serve(listener, limits, stop).boxed()
        }))
    }

    /// Serves until `stop`, then lets what runs finish.
    pub async fn serve(&self, listener: TcpListener, limits: Limits, stop: CancellationToken) {
        (self.0)(listener, limits, stop).await;
    }
}
