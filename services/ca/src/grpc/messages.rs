//! Domain values as messages, and questions as the domain asks them.

use kit::grpc::status;
use kit::idempotency::IdempotencyKey;
use proto::ca::v1 as wire;
use time::OffsetDateTime;
use tonic::Status;

use super::revocations::encode_revocation;
use super::{Grpc, enums};
use crate::domain::{Authority, Issued, Query, Span};
use crate::error::Error;
use crate::parse;

impl Grpc {
    pub(super) async fn encode(&self, issued: Issued) -> Result<wire::Certificate, Status> {
        let authority = self.app.authorities.by_name(&issued.ca).await.map_err(status)?;
        let chain = std::iter::once(&authority.certificate).chain(&authority.chain);
        Ok(wire::Certificate {
            serial: issued.serial.to_string(),
            status: enums::encode_status(issued.status(self.app.clock.now())).into(),
            ca: issued.ca.to_string(),
            profile: issued.profile.to_string(),
            not_before_us: store::time::to_micros(issued.not_before),
            not_after_us: store::time::to_micros(issued.not_after),
            chain: chain.map(|certificate| certificate.der().to_vec()).collect(),
            fingerprint_sha256: issued.fingerprint_sha256.to_vec(),
            spki_sha256: issued.spki_sha256.to_vec(),
            protocol: match issued.has("protocol") {
                true => enums::encode_protocol(issued.protocol).into(),
                false => wire::Protocol::Unspecified.into(),
            },
            revocation: issued.revocation.as_ref().map(encode_revocation),
            certificate: issued.der,
            subject: issued.subject,
            san: issued.sans,
            requester: issued.requester,
            issued_by: issued.issued_by.unwrap_or_default(),
        })
    }

    pub(super) fn encode_ca(&self, authority: &Authority) -> wire::CaInfo {
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
            issuer: authority.issuer_name().to_string(),
            crl_shards: self.app.config.crl_shards,
        }
    }
}

pub(super) fn query(request: wire::ListRequest) -> Result<Query, Error> {
    let expires = Span {
        from: decode_time("expires_after_us", request.expires_after_us)?,
        to: decode_time("expires_before_us", request.expires_before_us)?,
    };
    parse::check_span(expires, "expires_before_us")?;
    let one = |text: String, parse: fn(String) -> Result<String, Error>| -> Result<Vec<String>, Error> {
        optional(text).into_iter().map(parse).collect()
    };
    Ok(Query {
        san: optional(request.san).as_deref().map(parse::san).transpose()?,
        san_suffix: optional(request.san_suffix)
            .as_deref()
            .map(parse::san_suffix)
            .transpose()?,
        subject: optional(request.subject)
            .as_deref()
            .map(parse::subject_text)
            .transpose()?,
        requester: one(request.requester, parse::requester)?,
        profile: one(request.profile, |text| parse::name("profile", text))?,
        ca: one(request.ca, |text| parse::name("ca", text))?,
        status: enums::decode_status(request.status)?.into_iter().collect(),
        expires,
        spki_sha256: decode_sha256("spki_sha256", &request.spki_sha256)?,
        fingerprint_sha256: decode_sha256("fingerprint_sha256", &request.fingerprint_sha256)?,
        protocol: enums::decode_protocol(request.protocol)?.into_iter().collect(),
        key_reused: request.key_reused,
        // Programs of GigVault ask here: they see everything.
        internal: true,
        ..Query::default()
    })
}

/// Microseconds since 1970; 0 stands for none.
pub(super) fn decode_time(field: &'static str, micros: i64) -> Result<Option<OffsetDateTime>, Error> {
    match micros {
        0 => Ok(None),
        micros => store::time::from_micros(micros)
            .map(Some)
            .map_err(|_| Error::invalid(field, "is out of range")),
    }
}

/// 32 octets, or nothing.
fn decode_sha256(field: &'static str, octets: &[u8]) -> Result<Option<[u8; 32]>, Error> {
    match octets.is_empty() {
        true => Ok(None),
        false => octets
            .try_into()
            .map(Some)
            .map_err(|_| Error::invalid(field, "takes 32 octets")),
    }
}

pub(super) fn optional(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

pub(super) fn seconds(seconds: u64) -> Option<std::time::Duration> {
    (seconds > 0).then(|| std::time::Duration::from_secs(seconds))
}

pub(super) fn idempotency_key(text: String) -> Result<Option<IdempotencyKey>, Status> {
    let key = optional(text).map(IdempotencyKey::new).transpose();
    key.map_err(status)
}
