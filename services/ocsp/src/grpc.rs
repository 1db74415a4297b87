//! gRPC of this service. Callers are other services, known by their mutual-TLS identity.

use kit::feed::{Watch, WatchStream};
use kit::peer::AllowTable;
use proto::feed::v1::WatchRequest;
use proto::ocsp::v1 as wire;
use store::time::to_micros;
use tonic::{Request, Response, Status};
use vocabulary::service;

use crate::app::{App, Responder};

/// Who may call what; what is not here is refused.
pub static ALLOW: AllowTable = &[
    ("/gigvault.ocsp.v1.Ocsp/Show", &[service::CA]),
    ("/gigvault.ocsp.v1.Ocsp/Watch", &[service::AUDIT, service::NOTIFY]),
];

/// The gRPC face of the service.
pub(crate) struct Grpc {
    pub(crate) app: App,
    pub(crate) feed: Watch,
}

#[tonic::async_trait]
impl wire::ocsp_server::Ocsp for Grpc {
    async fn show(
        &self,
        request: Request<wire::ShowRequest>,
    ) -> Result<Response<wire::ShowResponse>, Status> {
        let ca = request.into_inner().ca;
        let (known, counted) = (self.app.revocation_state(), self.app.counted());
        let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let responders = self.app.responders();
        let unknown = || Status::unavailable("the CA service has not told yet which CAs there are");
        let responders = responders.ok_or_else(unknown)?.into_iter();
        let responders = responders.filter(|responder| ca.is_empty() || responder.ca == ca);
        Ok(Response::new(wire::ShowResponse {
            responders: responders.map(encode).collect(),
            revocations: known.revocations as u64,
            feed_age_us: known.age.map(micros),
            is_current: known.is_current,
            responses: counted.answers,
            p95_us: counted.p95.map(micros),
            since_us: to_micros(counted.since),
        }))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        self.feed.answer(request)
    }
}

fn encode(responder: Responder) -> wire::Responder {
    wire::Responder {
        issuer: responder.issuer,
        not_after_us: responder.until.map(to_micros),
        is_due: responder.is_due,
    }
}
