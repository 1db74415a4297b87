//! The certificate object of the REST surface.

use kit::auth::{Caller, permission};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, ProfileScope, Requester, Rights, Visibility};
use crate::domain::{Capacity, Issued};
use crate::error::Error;

pub(crate) use kit::clock::rfc3339;

/// A certificate and what is known about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Certificate {
    /// Lower-case hex.
    #[schema(example = "4f1c0a9be27d5f60813e9a4c2b7d1e05")]
    serial: String,
    /// `valid`, `revoked`, `on_hold` or `expired`.
    status: &'static str,
    /// RFC 4514.
    #[schema(example = "CN=web.example.test")]
    subject: String,
    /// `kind:value`.
    #[schema(example = json!(["dns:web.example.test"]))]
    san: Vec<String>,
    /// Name of the issuing CA.
    ca: String,
    /// Name of the profile.
    profile: String,
    /// RFC 3339, UTC.
    not_before: String,
    /// RFC 3339, UTC; the last second of validity.
    not_after: String,
    /// When it was signed: RFC 3339, UTC.
    issued_at: String,
    /// PEM.
    certificate: String,
    /// PEM, issuer first, without the root.
    chain: String,
    /// SHA-256 of the certificate, lower-case hex.
    fingerprint_sha256: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hex.
    spki_sha256: String,
    /// Whose it is: who asked for it, or for the first of the certificates that it renews.
    requester: String,
    /// Who renewed it, where that is not the requester.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_by: Option<String>,
    /// `rest`, `grpc`, `acme`, `est`, `scep` or `internal`.
    protocol: &'static str,
    /// Serial number of the certificate that this one renews.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    /// Null while not revoked.
    revocation: Option<Revocation>,
}

/// When and why.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revocation {
    /// Since when the certificate is not to be trusted: RFC 3339, UTC. A hold that became final keeps its own.
    time: String,
    /// RFC 5280 name in kebab case; `certificate-hold` while on hold.
    reason: String,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    invalidity_time: Option<String>,
    /// When a hold became final or the reason was changed: RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_time: Option<String>,
    /// `owner` or `operator`: in what capacity it was decided. Only an operator releases the hold of an operator. Absent
    /// where an earlier version stored it; then it counts as an operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_as: Option<&'static str>,
}

impl Certificate {
    pub(crate) async fn new(app: &App, issued: Issued) -> Result<Self, Error> {
        let chain = app.chain_pem(&issued.ca).await?;
        let status = issued.status(app.clock.now()).as_str();
        Ok(Self {
            serial: issued.serial.to_string(),
            status,
            ca: issued.ca.to_string(),
            profile: issued.profile.to_string(),
            not_before: rfc3339(issued.not_before),
            not_after: rfc3339(issued.not_after),
            issued_at: rfc3339(issued.issued_at),
            certificate: x509::pem::encode("CERTIFICATE", &issued.der),
            chain,
            fingerprint_sha256: data_encoding::HEXLOWER.encode(&issued.fingerprint_sha256),
            spki_sha256: data_encoding::HEXLOWER.encode(&issued.spki_sha256),
            protocol: issued.protocol.as_str(),
            replaces: issued.replaces.as_ref().map(ToString::to_string),
            revocation: issued.revocation.map(|revocation| Revocation {
                time: rfc3339(revocation.time),
                reason: revocation.reason.to_string(),
                invalidity_time: revocation.invalidity.map(rfc3339),
                decided_time: (revocation.decided != revocation.time).then(|| rfc3339(revocation.decided)),
                decided_as: revocation.decided_as.map(Capacity::as_str),
            }),
            subject: issued.subject,
            san: issued.sans,
            requester: issued.requester,
            issued_by: issued.issued_by,
        })
    }
}

/// What the caller's permissions come to. `any` is the permission that reaches beyond their own certificates.
pub(crate) fn requester(caller: &Caller, any: &str) -> Requester {
    Requester {
        subject: caller.subject.clone(),
        issues: if caller.may(permission::CERTIFICATES_ISSUE) {
            ProfileScope::Any
        } else {
            ProfileScope::Development
        },
        sees: if caller.may(any) {
            Visibility::All
        } else {
            Visibility::Own
        },
        rights: Rights {
            authority: caller.may(permission::AUTHORITY_CERTIFICATES_ISSUE),
            reserved_names: caller.may(permission::RESERVED_NAMES_ISSUE),
            allowed_names: caller.allowed_names.clone(),
        },
        on_behalf: false,
    }
}
