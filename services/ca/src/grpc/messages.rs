//! Domain values as messages, and questions as the domain asks them.

use kit::grpc::to_status;
use proto::ca::v1 as wire;
use proto::feed::v1::FeedEvent;
use tonic::Status;

use super::Grpc;
use crate::domain::{Authority, Issued, Query};
use crate::error::Error;
use crate::filters::Filters;

impl Grpc {
    pub(super) async fn encode(&self, issued: Issued) -> Result<wire::Certificate, Status> {
        let authority = self
            .app
            .authorities
            .by_name(&issued.ca)
            .await
            .map_err(|error| to_status(&error))?;
        let chain = std::iter::once(&authority.certificate).chain(&authority.chain);
        Ok(wire::Certificate {
            serial: issued.serial.to_string(),
            status: issued.status(self.app.clock.now()).as_str().to_owned(),
            ca: issued.ca.to_string(),
            profile: issued.profile.to_string(),
            not_before_us: store::time::to_micros(issued.not_before),
            not_after_us: store::time::to_micros(issued.not_after),
            chain: chain.map(|certificate| certificate.der().to_vec()).collect(),
            fingerprint_sha256: issued.fingerprint_sha256.to_vec(),
            spki_sha256: issued.spki_sha256.to_vec(),
            protocol: issued.protocol.as_str().to_owned(),
            revocation: issued.revocation.map(|revocation| wire::Revocation {
                time_us: store::time::to_micros(revocation.time),
                reason: revocation.reason.to_string(),
                invalidity_us: revocation.invalidity.map_or(0, store::time::to_micros),
                decided_us: store::time::to_micros(revocation.decided),
                decided_as: revocation
                    .decided_as
                    .map_or_else(String::new, |capacity| capacity.as_str().to_owned()),
            }),
            certificate: issued.der,
            subject: issued.subject,
            san: issued.sans,
            requester: issued.requester,
            issued_by: issued.issued_by.unwrap_or_default(),
        })
    }
}

pub(super) fn encode_ca(authority: &Authority) -> wire::CaInfo {
    let chain = authority.chain.iter();
    wire::CaInfo {
        name: authority.name.clone(),
        subject: authority.certificate.subject().to_string(),
        not_before_us: store::time::to_micros(authority.certificate.not_before()),
        not_after_us: store::time::to_micros(authority.certificate.not_after()),
        certificate: authority.certificate.der().to_vec(),
        chain: chain.map(|certificate| certificate.der().to_vec()).collect(),
        suspended: authority.suspension.is_some(),
        key_name: authority.key_name.clone(),
    }
}

pub(super) fn query(request: &wire::ListRequest) -> Result<Query, Error> {
    let set = |text: &String| (!text.is_empty()).then(|| text.clone());
    Filters {
        san: set(&request.san),
        san_suffix: set(&request.san_suffix),
        subject: set(&request.subject),
        requester: set(&request.requester),
        profile: set(&request.profile),
        ca: set(&request.ca),
        status: set(&request.status),
        expires_after: set(&request.expires_after),
        expires_before: set(&request.expires_before),
        spki_sha256: set(&request.spki_sha256),
        fingerprint_sha256: set(&request.fingerprint_sha256),
        protocol: set(&request.protocol),
        key_reused: request.key_reused,
        // Programs of GigVault ask here: they see everything.
        internal: Some(true),
        limit: None,
        cursor: None,
    }
    .query()
}

pub(super) fn encode_event(event: store::feed::Event) -> FeedEvent {
    FeedEvent {
        cursor: event.cursor.to_string(),
        id: event.id.to_string(),
        r#type: event.event_type(),
        subject: event.subject,
        time_us: store::time::to_micros(event.time),
        data: event.data,
        traceparent: event.traceparent.unwrap_or_default(),
        correlation_id: event.correlation_id.unwrap_or_default(),
    }
}
