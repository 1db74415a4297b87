//! gRPC of the key manager. Callers are other services, known by their mutual-TLS identity.

use kit::dry_run::Commit;
use kit::feed::{Watch, WatchStream};
use kit::grpc::status;
use kit::page::Ask;
use kit::peer::{AllowTable, PROCESS, Peer};
use proto::feed::v1::WatchRequest;
use proto::keymgr::v1 as wire;
use store::time::to_micros;
use tonic::{Request, Response, Status};
use vocabulary::service;

use crate::app::{App, GenerateRequest, SignRequest};
use crate::domain::{Key, Purpose};
use crate::error::Error;

/// Who may call what; what is not here is refused.
pub static ALLOW: AllowTable = &[
    ("/gigvault.keymgr.v1.Keymgr/Generate", &[service::CA, PROCESS]),
    ("/gigvault.keymgr.v1.Keymgr/Get", &[service::CA, PROCESS]),
    ("/gigvault.keymgr.v1.Keymgr/Describe", &[service::CA]),
    ("/gigvault.keymgr.v1.Keymgr/List", &[service::CA]),
    ("/gigvault.keymgr.v1.Keymgr/Sign", &[service::CA]),
    ("/gigvault.keymgr.v1.Keymgr/SignBatch", &[service::CA]),
    (
        "/gigvault.keymgr.v1.Keymgr/Watch",
        &[service::AUDIT, service::NOTIFY],
    ),
];

/// The gRPC face of the use cases.
pub(crate) struct Grpc {
    pub(crate) app: App,
    pub(crate) feed: Watch,
}

#[tonic::async_trait]
impl wire::keymgr_server::Keymgr for Grpc {
    async fn generate(&self, request: Request<wire::GenerateRequest>) -> Result<Response<wire::Key>, Status> {
        let requester = requester(&request);
        let request = decode(request.into_inner(), requester).map_err(status)?;
        let key = self.app.generate(request, &Commit).await.map_err(status)?;
        Ok(Response::new(encode(&key)))
    }

    async fn get(&self, request: Request<wire::GetRequest>) -> Result<Response<wire::Key>, Status> {
        let name = request.into_inner().name.parse().map_err(status)?;
        let key = self.app.get(&name).await.map_err(status)?;
        Ok(Response::new(encode(&key)))
    }

    async fn describe(
        &self,
        request: Request<wire::DescribeRequest>,
    ) -> Result<Response<wire::DescribeResponse>, Status> {
        let name = request.into_inner().name.parse().map_err(status)?;
        let (key, signatures) = self.app.describe(&name).await.map_err(status)?;
        let signatures = signatures.into_iter().map(|made| wire::Signatures {
            structure: made.structure,
            count: made.count,
            last_us: to_micros(made.last),
        });
        Ok(Response::new(wire::DescribeResponse {
            key: Some(encode(&key)),
            signatures: signatures.collect(),
        }))
    }

    async fn list(
        &self,
        request: Request<wire::ListRequest>,
    ) -> Result<Response<wire::ListResponse>, Status> {
        let wire::ListRequest { limit, cursor } = request.into_inner();
        let ask = Ask::over_grpc("keys over gRPC", limit, cursor).map_err(status)?;
        let page = self.app.list(&ask).await.map_err(status)?;
        Ok(Response::new(wire::ListResponse {
            items: page.items.iter().map(encode).collect(),
            next_cursor: page.next_cursor.unwrap_or_default(),
        }))
    }

    async fn sign(
        &self,
        request: Request<wire::SignRequest>,
    ) -> Result<Response<wire::SignResponse>, Status> {
        let wire::SignRequest {
            name,
            message,
            algorithm,
        } = request.into_inner();
        let request = SignRequest {
            name,
            messages: vec![message],
            algorithm,
        };
        let signature = self.app.sign(request).await.map_err(status)?.pop();
        let missing = || status(Error::internal("no signature over one message"));
        Ok(Response::new(wire::SignResponse {
            signature: signature.ok_or_else(missing)?,
        }))
    }

    async fn sign_batch(
        &self,
        request: Request<wire::SignBatchRequest>,
    ) -> Result<Response<wire::SignBatchResponse>, Status> {
        let wire::SignBatchRequest {
            name,
            messages,
            algorithm,
        } = request.into_inner();
        let request = SignRequest {
            name,
            messages,
            algorithm,
        };
        let signatures = self.app.sign(request).await.map_err(status)?;
        Ok(Response::new(wire::SignBatchResponse { signatures }))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        self.feed.answer(request)
    }
}

fn decode(request: wire::GenerateRequest, requester: String) -> Result<GenerateRequest, Error> {
    let purpose = match request.purpose() {
        wire::Purpose::CertificateAuthority => Purpose::CertificateAuthority,
        wire::Purpose::OcspSigner => Purpose::OcspSigner,
        wire::Purpose::Unspecified => {
            return Err(Error::invalid("purpose", "must say what the key will sign"));
        }
    };
    Ok(GenerateRequest {
        name: request.name.parse()?,
        algorithm: request
            .algorithm
            .parse()
            .map_err(|error| Error::invalid("algorithm", error))?,
        purpose,
        requester,
        idempotency_key: None,
    })
}

fn encode(key: &Key) -> wire::Key {
    let purpose = match key.purpose {
        Purpose::CertificateAuthority => wire::Purpose::CertificateAuthority,
        Purpose::OcspSigner => wire::Purpose::OcspSigner,
    };
    wire::Key {
        name: key.name.to_string(),
        algorithm: key.public_key.algorithm().to_string(),
        purpose: purpose.into(),
        spki: key.public_key.spki().to_vec().into(),
        backend: key.backend.clone(),
        created_us: to_micros(key.created),
    }
}

/// The allow list lets no caller without a name through.
fn requester<T>(request: &Request<T>) -> String {
    let peer = request.extensions().get::<Peer>().and_then(Peer::name);
    format!("service:{}", peer.unwrap_or_default())
}
