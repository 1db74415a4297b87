//! gRPC of this service. Callers are other services, known by their mutual-TLS identity.

use kit::feed::{Watch, WatchStream};
use kit::grpc::status;
use kit::page::Ask;
use kit::peer::AllowTable;
use proto::feed::v1::WatchRequest;
use proto::sample::v1 as wire;
use store::time::to_micros;
use tonic::{Request, Response, Status};
use vocabulary::service;

use crate::app::App;
use crate::domain::Item;

/// Who may call what; what is not here is refused.
pub static ALLOW: AllowTable = &[
    ("/gigvault.sample.v1.Sample/List", &[service::AUDIT]),
    ("/gigvault.sample.v1.Sample/Watch", &[service::AUDIT, service::NOTIFY]),
];

/// The gRPC face of the use cases.
pub(crate) struct Grpc {
    pub(crate) app: App,
    pub(crate) feed: Watch,
}

#[tonic::async_trait]
impl wire::sample_server::Sample for Grpc {
    async fn list(
        &self,
        request: Request<wire::ListRequest>,
    ) -> Result<Response<wire::ListResponse>, Status> {
        let wire::ListRequest { limit, cursor } = request.into_inner();
        let ask = Ask::over_grpc("items over gRPC", limit, cursor).map_err(status)?;
        let page = self.app.list(&ask).await.map_err(status)?;
        Ok(Response::new(wire::ListResponse {
            items: page.items.iter().map(encode).collect(),
            next_cursor: page.next_cursor.unwrap_or_default(),
        }))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        self.feed.answer(request)
    }
}

fn encode(item: &Item) -> wire::Item {
    wire::Item {
        name: item.name.to_string(),
        created_us: to_micros(item.created),
    }
}
