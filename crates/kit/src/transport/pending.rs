//! The way to a service that is built after its caller: of two that call each other, one is built first.

use std::sync::{Arc, OnceLock};

use http::Request;
use tonic::Status;
use tonic::body::Body;
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt, service_fn};

use super::Transport;

/// Where the way is put once it is there.
#[derive(Debug)]
pub struct PendingTransport(Arc<OnceLock<Transport>>);

impl PendingTransport {
    /// From now on calls go this way. The first way stays.
    pub fn set(self, transport: Transport) {
        // Taken by value, it is set once.
        let _ = self.0.set(transport);
    }
}

/// A way that is not there yet. Calls are answered `UNAVAILABLE` with this text until it is.
#[must_use]
pub fn pending(missing: String) -> (Transport, PendingTransport) {
    let way: Arc<OnceLock<Transport>> = Arc::default();
    let (taken, missing): (_, Arc<str>) = (Arc::clone(&way), Arc::from(missing));
    let transport = service_fn(move |request: Request<Body>| {
        let (way, missing) = (taken.get().cloned(), Arc::clone(&missing));
        async move {
            match way {
                Some(way) => way.oneshot(request).await,
                None => Err(Status::unavailable(missing.to_string())),
            }
        }
    });
    (BoxCloneSyncService::new(transport), PendingTransport(way))
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    #[tokio::test]
    async fn calls_fail_until_the_way_is_there() {
        let (transport, way) = pending("it is not built yet".to_owned());
        let call = || transport.clone().oneshot(Request::new(Body::empty()));
        let refused = call().await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (tonic::Code::Unavailable, "it is not built yet")
        );
        let there = service_fn(|_| async { Ok(Response::new(Body::empty())) });
        way.set(BoxCloneSyncService::new(there));
        assert!(call().await.is_ok());
    }
}
