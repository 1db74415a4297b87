//! gRPC of authentication. Callers are other services, known by their mutual-TLS identity.

use kit::feed::{Watch, WatchStream};
use kit::grpc::status;
use kit::peer::{AllowTable, PROCESS};
use proto::auth::v1 as wire;
use proto::feed::v1::WatchRequest;
use store::time::to_micros;
use tonic::{Request, Response, Status};
use vocabulary::service;

use crate::app::App;

/// Who may call what; what is not here is refused.
pub static ALLOW: AllowTable = &[
    (
        "/gigvault.auth.v1.Auth/Authenticate",
        &[service::CA, service::KEYMGR, service::OCSP, service::CRL, PROCESS],
    ),
    ("/gigvault.auth.v1.Auth/Watch", &[service::AUDIT, service::NOTIFY]),
];

/// The gRPC face of the use cases.
pub(crate) struct Grpc {
    pub(crate) app: App,
    pub(crate) feed: Watch,
}

#[tonic::async_trait]
impl wire::auth_server::Auth for Grpc {
    async fn authenticate(
        &self,
        request: Request<wire::AuthenticateRequest>,
    ) -> Result<Response<wire::Identity>, Status> {
        let token = request.into_inner().token;
        let key = self.app.authenticate(&token).await.map_err(status)?;
        Ok(Response::new(wire::Identity {
            subject: key.prefix.subject(),
            permissions: key.permissions(),
            expires_us: key.expires.map_or(0, to_micros),
            roles: key.roles,
            allowed_names: key.allowed_names,
        }))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        self.feed.answer(request)
    }
}
