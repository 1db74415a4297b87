//! gRPC of the key manager. Callers are other services, known by their mutual-TLS identity.

mod crl;

use kit::dry_run::Commit;
use kit::feed::{Watch, WatchStream};
use kit::grpc::status;
use kit::page::Ask;
use kit::peer::{AllowTable, PROCESS, Peer};
use proto::feed::v1::WatchRequest;
use proto::keymgr::v1 as wire;
use store::time::to_micros;
use tonic::{Request, Response, Status, Streaming};
use vocabulary::service;

use crate::app::{App, GenerateRequest, SignRequest};
use crate::domain::{Caller, Key, Purpose};
use crate::error::Error;

/// The method that takes a stream.
const SIGN_CRL: &str = "/gigvault.keymgr.v1.Keymgr/SignCrl";

/// Methods whose requests are streams.
pub static STREAMS: &[&str] = &[SIGN_CRL];

/// Who may call what; what is not here is refused. What for is in the table of [`Caller`].
pub static ALLOW: AllowTable = &[
    (
        "/gigvault.keymgr.v1.Keymgr/Generate",
        &[service::CA, service::OCSP, PROCESS],
    ),
    (
        "/gigvault.keymgr.v1.Keymgr/Get",
        &[service::CA, service::OCSP, PROCESS],
    ),
    ("/gigvault.keymgr.v1.Keymgr/Describe", &[service::CA]),
    ("/gigvault.keymgr.v1.Keymgr/List", &[service::CA]),
    ("/gigvault.keymgr.v1.Keymgr/Sign", &[service::CA, service::OCSP]),
    (
        "/gigvault.keymgr.v1.Keymgr/SignBatch",
        &[service::CA, service::OCSP],
    ),
    (SIGN_CRL, &[service::CRL]),
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
        let (caller, requester) = (caller(&request)?, requester(&request));
        let request = decode(request.into_inner(), caller, requester).map_err(status)?;
        let key = self.app.generate(request, &Commit).await.map_err(status)?;
        Ok(Response::new(encode(&key)))
    }

    async fn get(&self, request: Request<wire::GetRequest>) -> Result<Response<wire::Key>, Status> {
        let caller = caller(&request)?;
        let name = request.into_inner().name.parse().map_err(status)?;
        let key = self.app.get(caller, &name).await.map_err(status)?;
        Ok(Response::new(encode(&key)))
    }

    async fn describe(
        &self,
        request: Request<wire::DescribeRequest>,
    ) -> Result<Response<wire::DescribeResponse>, Status> {
        let caller = caller(&request)?;
        let name = request.into_inner().name.parse().map_err(status)?;
        let (key, signatures) = self.app.describe(caller, &name).await.map_err(status)?;
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
        let caller = caller(&request)?;
        let wire::SignRequest {
            name,
            message,
            algorithm,
        } = request.into_inner();
        let request = SignRequest {
            caller,
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
        let caller = caller(&request)?;
        let wire::SignBatchRequest {
            name,
            messages,
            algorithm,
        } = request.into_inner();
        let request = SignRequest {
            caller,
            name,
            messages,
            algorithm,
        };
        let signatures = self.app.sign(request).await.map_err(status)?;
        Ok(Response::new(wire::SignBatchResponse { signatures }))
    }

    async fn sign_crl(
        &self,
        request: Request<Streaming<wire::SignCrlRequest>>,
    ) -> Result<Response<wire::SignResponse>, Status> {
        let caller = caller(&request)?;
        let signed = crl::sign(&self.app, caller, request.into_inner()).await?;
        Ok(Response::new(signed))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        self.feed.answer(request)
    }
}

fn decode(
    request: wire::GenerateRequest,
    caller: Caller,
    requester: String,
) -> Result<GenerateRequest, Error> {
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
        caller,
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

fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    Caller::of(request.extensions().get()).map_err(status)
}

/// The allow list lets no caller without a name through.
fn requester<T>(request: &Request<T>) -> String {
    let peer = request.extensions().get::<Peer>().and_then(Peer::name);
    format!("service:{}", peer.unwrap_or_default())
}
