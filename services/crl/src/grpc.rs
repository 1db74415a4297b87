//! gRPC of this service. Callers are other services, known by their mutual-TLS identity.

use kit::feed::{Watch, WatchStream};
use kit::grpc::status;
use kit::peer::AllowTable;
use proto::crl::v1 as wire;
use proto::feed::v1::WatchRequest;
use store::time::to_micros;
use tonic::{Request, Response, Status};
use vocabulary::service;

use crate::app::{App, Out};
use crate::domain::Kind;

/// Who may call what; what is not here is refused.
pub static ALLOW: AllowTable = &[
    ("/gigvault.crl.v1.Crl/Show", &[service::CA]),
    ("/gigvault.crl.v1.Crl/Watch", &[service::AUDIT, service::NOTIFY]),
];

/// The gRPC face of the use cases.
pub(crate) struct Grpc {
    pub(crate) app: App,
    pub(crate) feed: Watch,
}

#[tonic::async_trait]
impl wire::crl_server::Crl for Grpc {
    async fn show(
        &self,
        request: Request<wire::ShowRequest>,
    ) -> Result<Response<wire::ShowResponse>, Status> {
        let ca = request.into_inner().ca;
        let lists = self
            .app
            .out((!ca.is_empty()).then_some(&ca))
            .await
            .map_err(status)?;
        Ok(Response::new(wire::ShowResponse {
            lists: lists.into_iter().map(encode).collect(),
        }))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        self.feed.answer(request)
    }
}

fn encode(Out { list, url }: Out) -> wire::List {
    wire::List {
        delta: list.kind == Kind::Delta,
        issuer: list.scope.issuer,
        shard: list.scope.shard,
        number: list.number,
        base: list.base.unwrap_or_default(),
        this_update_us: to_micros(list.this_update),
        next_update_us: to_micros(list.next_update),
        entries: list.entries,
        octets: list.length,
        url,
    }
}
