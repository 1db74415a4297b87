//! gRPC of this service. Callers are other services, known by their mutual-TLS identity.

use kit::feed::{Watch, WatchStream};
use kit::peer::AllowTable;
use proto::feed::v1::WatchRequest;
use proto::ocsp::v1 as wire;
use tonic::{Request, Response, Status};
use vocabulary::service;

/// Who may call what; what is not here is refused.
pub static ALLOW: AllowTable = &[("/gigvault.ocsp.v1.Ocsp/Watch", &[service::AUDIT, service::NOTIFY])];

/// The gRPC face of the service.
pub(crate) struct Grpc {
    pub(crate) feed: Watch,
}

#[tonic::async_trait]
impl wire::ocsp_server::Ocsp for Grpc {
    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        self.feed.answer(request)
    }
}
