//! gRPC of the CA service. Callers are other services, known by their mutual-TLS identity.

mod enums;
mod health;
mod messages;
mod on_behalf;
mod requester;
mod revocations;

use kit::dry_run::Commit;
use kit::feed::{Watch, WatchStream};
use kit::grpc::status;
use kit::page::Ask;
use kit::peer::{PROCESS, Peer};
use proto::ca::v1 as wire;
use proto::feed::v1::WatchRequest;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use vocabulary::service;

use crate::app::{App, IssueRequest, NewAuthority, RenewRequest, RevokeRequest, Visibility};
use crate::domain::{Issued, Protocol};
use crate::error::Error;
use crate::parse;
use messages::{decode_time, idempotency_key, optional, query, seconds};
use revocations::{RevokedStream, SnapshotStream};

/// Each has an identity of the services CA, and so asks for it, for the CA itself, and for who is revoked.
const EVERY_SERVICE: &[&str] = &[
    service::RA,
    service::ENROLL,
    service::CA,
    service::KEYMGR,
    service::AUTH,
    service::OCSP,
    service::CRL,
    PROCESS,
];

/// Who may call what; what is not here is refused.
pub static ALLOW: kit::peer::AllowTable = &[
    ("/gigvault.ca.v1.Ca/Issue", EVERY_SERVICE),
    (
        "/gigvault.ca.v1.Ca/Get",
        &[
            service::RA,
            service::ENROLL,
            service::OCSP,
            service::CRL,
            service::NOTIFY,
        ],
    ),
    (
        "/gigvault.ca.v1.Ca/List",
        &[
            service::RA,
            service::ENROLL,
            service::OCSP,
            service::CRL,
            service::NOTIFY,
        ],
    ),
    ("/gigvault.ca.v1.Ca/Renew", &[service::RA, service::ENROLL]),
    ("/gigvault.ca.v1.Ca/Revoke", &[service::RA, service::ENROLL]),
    ("/gigvault.ca.v1.Ca/Hold", &[service::RA, service::ENROLL]),
    ("/gigvault.ca.v1.Ca/Release", &[service::RA, service::ENROLL]),
    ("/gigvault.ca.v1.Ca/CheckKey", &[service::RA, service::ENROLL]),
    ("/gigvault.ca.v1.Ca/ListCas", EVERY_SERVICE),
    ("/gigvault.ca.v1.Ca/AddCa", &[PROCESS]),
    ("/gigvault.ca.v1.Ca/Status", &[service::OCSP, service::CRL]),
    (
        "/gigvault.ca.v1.Ca/SnapshotRevocations",
        &[service::OCSP, service::CRL],
    ),
    ("/gigvault.ca.v1.Ca/RecordOcspQueries", &[service::OCSP]),
    ("/gigvault.ca.v1.Ca/IssueOcspSigner", &[service::OCSP]),
    ("/gigvault.ca.v1.Ca/WatchRevoked", EVERY_SERVICE),
    ("/gigvault.ca.v1.Ca/ReportHealth", &[service::CRL]),
    (
        "/gigvault.ca.v1.Ca/Watch",
        &[service::AUDIT, service::OCSP, service::CRL, service::NOTIFY],
    ),
];

/// The gRPC face of the use cases.
#[derive(Clone)]
pub(crate) struct Grpc {
    pub(crate) app: App,
    pub(crate) feed: Watch,
    /// Trust domain of service identities.
    pub(crate) trust_domain: String,
    /// Ends streams.
    pub(crate) stop: CancellationToken,
}

fn peer<T>(request: &Request<T>) -> Peer {
    request.extensions().get::<Peer>().cloned().unwrap_or_default()
}

#[tonic::async_trait]
impl wire::ca_server::Ca for Grpc {
    async fn issue(
        &self,
        request: Request<wire::IssueRequest>,
    ) -> Result<Response<wire::Certificate>, Status> {
        let (peer, shown) = (peer(&request), request.extensions().get().cloned());
        let request = request.into_inner();
        let own = on_behalf::is_for_itself(&peer, &self.app, &request.profile);
        let (requester, protocol) = if peer.is_process() {
            (self.process(), Protocol::Internal)
        } else if own {
            (
                self.identity_of(&peer, shown.as_ref()).map_err(status)?,
                Protocol::Internal,
            )
        } else {
            let claimed = enums::decode_protocol(request.protocol).map_err(status)?;
            let protocol = on_behalf::protocol(&peer, &request.requester, claimed.unwrap_or(Protocol::Grpc))
                .map_err(status)?;
            let requester = self.requester(&peer, &request.requester, &request.allowed_names);
            (requester.map_err(status)?, protocol)
        };
        if own && on_behalf::works_for_others(&peer) && !request.requester.is_empty() {
            let text = "is not taken with a profile of GigVault's services: they ask for themselves only";
            return Err(status(Error::invalid("requester", text)));
        }
        let sans = if request.san.is_empty() {
            None
        } else {
            Some(parse::sans(&request.san).map_err(status)?)
        };
        let request = IssueRequest {
            csr: request.csr,
            profile: request.profile,
            ca: optional(request.ca),
            validity: seconds(request.validity_seconds),
            subject: optional(request.subject)
                .map(|text| parse::subject(&text))
                .transpose()
                .map_err(status)?,
            sans,
            protocol,
            idempotency_key: idempotency_key(request.idempotency_key)?,
        };
        let issued = self
            .app
            .issue(&requester, request, &Commit)
            .await
            .map_err(status)?;
        Ok(Response::new(self.encode(issued).await?))
    }

    async fn get(&self, request: Request<wire::GetRequest>) -> Result<Response<wire::Certificate>, Status> {
        let requester = self.itself(&peer(&request), Visibility::All);
        let found = self
            .app
            .find(&requester, &request.into_inner().serial)
            .await
            .and_then(Issued::whole)
            .map_err(status)?;
        Ok(Response::new(self.encode(found).await?))
    }

    async fn list(
        &self,
        request: Request<wire::ListRequest>,
    ) -> Result<Response<wire::ListResponse>, Status> {
        let requester = self.itself(&peer(&request), Visibility::All);
        let request = request.into_inner();
        let (limit, cursor) = (request.limit, request.cursor.clone());
        let query = query(request).map_err(status)?;
        let list = format!("certificates over gRPC: {query:?}");
        let ask = Ask::over_grpc(&list, limit, cursor).map_err(status)?;
        let page = self.app.search(&requester, query, &ask).await.map_err(status)?;
        let mut items = Vec::with_capacity(page.items.len());
        for issued in page.items {
            items.push(self.encode(issued).await?);
        }
        let next_cursor = page.next_cursor.unwrap_or_default();
        Ok(Response::new(wire::ListResponse { items, next_cursor }))
    }

    async fn renew(
        &self,
        request: Request<wire::RenewRequest>,
    ) -> Result<Response<wire::Certificate>, Status> {
        let (peer, shown) = (peer(&request), request.extensions().get().cloned());
        let request = request.into_inner();
        let everything = self.itself(&peer, Visibility::All);
        let old = self
            .app
            .find(&everything, &request.serial)
            .await
            .map_err(status)?;
        let (requester, protocol) = if on_behalf::is_for_itself(&peer, &self.app, &old.profile) {
            (
                self.identity_of(&peer, shown.as_ref()).map_err(status)?,
                Protocol::Internal,
            )
        } else {
            let requester = self.requester(&peer, &request.requester, &request.allowed_names);
            (
                requester.map_err(status)?,
                on_behalf::protocol_of(&request.requester),
            )
        };
        let request = RenewRequest {
            serial: request.serial,
            csr: (!request.csr.is_empty()).then_some(request.csr),
            validity: seconds(request.validity_seconds),
            protocol,
            idempotency_key: idempotency_key(request.idempotency_key)?,
        };
        let issued = self
            .app
            .renew(&requester, request, &Commit)
            .await
            .map_err(status)?;
        Ok(Response::new(self.encode(issued).await?))
    }

    async fn revoke(
        &self,
        request: Request<wire::RevokeRequest>,
    ) -> Result<Response<wire::RevokeResponse>, Status> {
        let peer = peer(&request);
        let request = request.into_inner();
        let requester = self.requester(&peer, &request.requester, &[]).map_err(status)?;
        let request = RevokeRequest {
            reason: enums::decode_reason(request.reason).map_err(status)?,
            invalidity: decode_time("invalidity_us", request.invalidity_us).map_err(status)?,
            serial: request.serial,
            same_key: request.same_key,
            descendants: false,
        };
        let revoked = self
            .app
            .revoke(&requester, &request, &Commit)
            .await
            .map_err(status)?;
        let serials = |others: Vec<Issued>| others.iter().map(|other| other.serial.to_string()).collect();
        Ok(Response::new(wire::RevokeResponse {
            certificate: Some(self.encode(revoked.certificate).await?),
            same_key: revoked.same_key.map(|others| wire::SameKey {
                revoked: serials(others.revoked),
                remaining: serials(others.remaining),
                more: others.more,
                unconfirmed: others.unconfirmed,
                damaged: others.damaged.into_iter().map(|one| one.object).collect(),
                of_others: u32::try_from(others.of_others).unwrap_or(u32::MAX),
            }),
        }))
    }

    async fn hold(&self, request: Request<wire::HoldRequest>) -> Result<Response<wire::Certificate>, Status> {
        let peer = peer(&request);
        let request = request.into_inner();
        let requester = self.requester(&peer, &request.requester, &[]).map_err(status)?;
        let held = self
            .app
            .hold(&requester, &request.serial, &Commit)
            .await
            .map_err(status)?;
        Ok(Response::new(self.encode(held.certificate).await?))
    }

    async fn release(
        &self,
        request: Request<wire::ReleaseRequest>,
    ) -> Result<Response<wire::Certificate>, Status> {
        let peer = peer(&request);
        let request = request.into_inner();
        let requester = self.requester(&peer, &request.requester, &[]).map_err(status)?;
        let released = self.app.release(&requester, &request.serial, &Commit).await;
        Ok(Response::new(self.encode(released.map_err(status)?).await?))
    }

    async fn check_key(
        &self,
        request: Request<wire::CheckKeyRequest>,
    ) -> Result<Response<wire::CheckKeyResponse>, Status> {
        let key = x509::PublicKey::from_spki(&request.into_inner().spki)
            .map_err(|error| status(Error::invalid("spki", error)))?;
        let compromised = self.app.is_compromised(&key).await.map_err(status)?;
        Ok(Response::new(wire::CheckKeyResponse { compromised }))
    }

    async fn list_cas(
        &self,
        _: Request<wire::ListCasRequest>,
    ) -> Result<Response<wire::ListCasResponse>, Status> {
        let current = self.app.authorities.current().await.map_err(status)?;
        let items = current.iter().map(|authority| self.encode_ca(authority));
        Ok(Response::new(wire::ListCasResponse {
            items: items.collect(),
        }))
    }

    async fn add_ca(&self, request: Request<wire::AddCaRequest>) -> Result<Response<wire::CaInfo>, Status> {
        let request = request.into_inner();
        let read = |field, der: &[u8]| {
            x509::Certificate::from_der(der).map_err(|error| status(Error::invalid(field, error)))
        };
        let certificate = read("certificate", &request.certificate)?;
        let key = certificate.public_key();
        let key = key
            .map_err(|error| status(Error::invalid("certificate", error)))?
            .algorithm();
        let chain = request.chain.iter().map(|der| read("chain", der));
        let new = NewAuthority {
            algorithm: x509::SignatureAlgorithm::default_for(key),
            chain: chain.collect::<Result<_, _>>()?,
            name: request.name.clone(),
            key_name: request.key_name,
            profiles: request.profiles,
            certificate,
        };
        self.app.add_authority(new).await.map_err(status)?;
        let added = self
            .app
            .authorities
            .by_name(&request.name)
            .await
            .map_err(status)?;
        Ok(Response::new(self.encode_ca(&added)))
    }

    async fn status(
        &self,
        request: Request<wire::StatusRequest>,
    ) -> Result<Response<wire::StatusResponse>, Status> {
        let found = self.status_of(request.into_inner()).await;
        found.map(Response::new).map_err(status)
    }

    async fn record_ocsp_queries(
        &self,
        request: Request<wire::RecordOcspQueriesRequest>,
    ) -> Result<Response<wire::RecordOcspQueriesResponse>, Status> {
        let noted = self.note_ocsp_queries(request.into_inner()).await;
        noted.map(Response::new).map_err(status)
    }

    type SnapshotRevocationsStream = SnapshotStream;

    async fn snapshot_revocations(
        &self,
        request: Request<wire::SnapshotRevocationsRequest>,
    ) -> Result<Response<SnapshotStream>, Status> {
        let snapshot = self.snapshot(request.into_inner()).await;
        snapshot.map(Response::new).map_err(status)
    }

    type WatchRevokedStream = RevokedStream;

    async fn watch_revoked(
        &self,
        request: Request<wire::WatchRevokedRequest>,
    ) -> Result<Response<RevokedStream>, Status> {
        let revoked = self.revoked(request.into_inner()).await;
        revoked.map(Response::new).map_err(status)
    }

    async fn issue_ocsp_signer(
        &self,
        request: Request<wire::IssueOcspSignerRequest>,
    ) -> Result<Response<wire::Certificate>, Status> {
        let requester = self.itself(&peer(&request), Visibility::Own);
        let wire::IssueOcspSignerRequest { issuer, key_name } = request.into_inner();
        let issued = self.app.issue_ocsp_signer(&requester, &issuer, &key_name).await;
        Ok(Response::new(self.encode(issued.map_err(status)?).await?))
    }

    async fn report_health(
        &self,
        request: Request<wire::ReportHealthRequest>,
    ) -> Result<Response<wire::ReportHealthResponse>, Status> {
        health::report(&self.app, request.into_inner()).await
    }

    type WatchStream = WatchStream;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        self.feed.answer(request)
    }
}
