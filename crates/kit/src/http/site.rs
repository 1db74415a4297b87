//! What a listener serves.
//!
//! Only the layers of this crate make a [`Site`], and [`serve`](super::serve) takes nothing else: a listener without
//! limits does not compile.

use axum::Router;

use super::BodyMemory;

/// Routes behind their layers.
#[derive(Clone)]
pub struct Site {
    pub(super) router: Router,
    pub(super) protocol: Protocol,
}

#[derive(Clone)]
pub(super) enum Protocol {
    /// HTTP/1.1 and HTTP/2, behind [`super::Edge`].
    Rest,
    /// HTTP/2 only, behind [`crate::grpc::edge`]; messages take from this memory.
    Grpc(BodyMemory),
}

impl Site {
    pub(super) const fn rest(router: Router) -> Self {
        Self {
            router,
            protocol: Protocol::Rest,
        }
    }

    /// gRPC services, each behind [`crate::grpc::edge`], which refuses callers before it reads their messages. Those that
    /// are being received take from `memory`.
    #[must_use]
    pub fn grpc(routes: tonic::service::Routes, memory: BodyMemory) -> Self {
        Self {
            router: routes.into_axum_router(),
            protocol: Protocol::Grpc(memory),
        }
    }
}
