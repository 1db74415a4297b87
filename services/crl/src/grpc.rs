//! gRPC of this service. Callers are other services, known by their mutual-TLS identity.

mod import;

use kit::feed::{Watch, WatchStream};
use kit::grpc::status;
use kit::peer::{AllowTable, PROCESS};
use proto::crl::v1 as wire;
use proto::feed::v1::WatchRequest;
use store::time::to_micros;
use tonic::{Request, Response, Status, Streaming};
use vocabulary::service;

use crate::app::{App, PublishedList};
use crate::domain::Kind;

/// The method that takes a stream.
const IMPORT: &str = "/gigvault.crl.v1.Crl/Import";

/// Methods whose requests are streams.
pub static STREAMS: &[&str] = &[IMPORT];

/// Who may call what; what is not here is refused.
pub static ALLOW: AllowTable = &[
    ("/gigvault.crl.v1.Crl/Show", &[service::CA]),
    ("/gigvault.crl.v1.Crl/Publish", &[service::CA]),
    (IMPORT, &[service::CA, PROCESS]),
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
        let lists = self.app.out((!ca.is_empty()).then_some(&ca)).await;
        let lists = encode_all(&self.app, lists.map_err(status)?).await?;
        Ok(Response::new(wire::ShowResponse { lists }))
    }

    async fn publish(
        &self,
        request: Request<wire::PublishRequest>,
    ) -> Result<Response<wire::PublishResponse>, Status> {
        let lists = self.app.publish_now(&request.into_inner().ca).await;
        let lists = encode_all(&self.app, lists.map_err(status)?).await?;
        Ok(Response::new(wire::PublishResponse { lists }))
    }

    async fn import(
        &self,
        request: Request<Streaming<wire::ImportRequest>>,
    ) -> Result<Response<wire::ImportResponse>, Status> {
        let imported = import::receive(&self.app, request.into_inner()).await?;
        Ok(Response::new(imported))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        self.feed.answer(request)
    }
}

/// Lists with the hashes of their octets.
async fn encode_all(app: &App, lists: Vec<PublishedList>) -> Result<Vec<wire::List>, Status> {
    app.fingerprints.keep(&lists);
    let mut all = Vec::with_capacity(lists.len());
    for out in lists {
        let sha256 = app.sha256(&out.list).await.map_err(status)?;
        all.push(encode(out, sha256.to_vec()));
    }
    Ok(all)
}

fn encode(PublishedList { list, url, imported }: PublishedList, sha256: Vec<u8>) -> wire::List {
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
        imported,
        sha256,
    }
}
