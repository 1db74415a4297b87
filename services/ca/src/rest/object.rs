//! The certificate object of the REST surface.

use kit::auth::{Caller, permission};
use kit::http::{EntityTag, Row};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::words::{
    CertificateAction, CertificateStatus, DecidedAs, RevocationReason, StoredKeyType, StoredProtocol,
    StoredSignatureAlgorithm,
};
use crate::app::{App, ProfileScope, Requester, Rights, Visibility};
use crate::domain::actions::{self, Circumstances, Powers};
use crate::domain::lifecycle::{self, KeyFate};
use crate::domain::{Capacity, Issued, Seen, Status};
use crate::error::Error;

pub(crate) use kit::clock::rfc3339;

/// A certificate as lists show it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CertificateRow {
    /// Lower-case hex.
    #[schema(example = "4f1c0a9be27d5f60813e9a4c2b7d1e05")]
    serial: String,
    /// What people call it: the common name, or else the first of its other names.
    #[schema(example = "web.example.test")]
    name: String,
    /// `valid`, `revoked`, `on_hold` or `expired`.
    #[schema(value_type = CertificateStatus)]
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
    /// The certificate as PEM. In lists only with `fields=certificate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    /// PEM, issuer first, without the root. In lists only with `fields=certificate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<String>,
    /// SHA-256 of the certificate, lower-case hex.
    fingerprint_sha256: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hex.
    spki_sha256: String,
    /// The public key.
    key: Key,
    /// What the CA signed it with: `ecdsa-sha256`, `rsa-sha256`, ….
    #[schema(value_type = StoredSignatureAlgorithm)]
    signature_algorithm: String,
    /// Whose it is: who asked for it, or for the first of the certificates that it renews.
    requester: String,
    /// Who renewed it, where that is not the requester.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_by: Option<String>,
    /// `rest`, `grpc`, `acme`, `est`, `scep` or `internal`.
    #[schema(value_type = StoredProtocol)]
    protocol: &'static str,
    /// Serial number of the certificate that this one renews.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    /// Serial number of the last certificate that renews this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
    /// Ids of the lints that would have had it otherwise, and did not forbid it; null where the version that issued it did
    /// not keep them.
    lint: Option<Vec<String>>,
    /// Null while not revoked.
    revocation: Option<Revocation>,
    /// When a relying party last asked the OCSP responder about it, as far as that is known: RFC 3339, UTC. It is told some seconds
    /// late, and not always: a responder that is killed takes its last seconds along, and caches of others answer without it. The ETag
    /// of the certificate does not change with it.
    last_ocsp_query_at: Option<String>,
}

/// Type and size of a public key.
#[derive(Serialize, ToSchema)]
#[schema(as = CertificateKey)]
pub(crate) struct Key {
    /// `p256`, `p384`, `p521`, `ed25519`, `rsa2048`, `rsa3072`, `rsa4096`, ….
    #[serde(rename = "type")]
    #[schema(value_type = StoredKeyType)]
    kind: String,
    /// Of the modulus, or of the field of the curve.
    #[schema(example = 256)]
    bits: u32,
}

/// A certificate and what is known about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Certificate {
    #[serde(flatten)]
    row: CertificateRow,
    /// In the order of the certificate.
    extensions: Vec<Extension>,
    /// What you may do with it now: `renew` as asked for without a CSR and a validity, `hold`, `release`, `revoke`; that a
    /// revoked one takes another time of invalidity is not said here.
    #[schema(value_type = Vec<CertificateAction>, example = json!(["renew", "hold", "revoke"]))]
    allowed_actions: Vec<&'static str>,
    /// Columns of the stored row that cannot be read, such as `["sans"]`: what the members for these hold says nothing. Restore
    /// them from a backup. Such a certificate is in no list and is not renewed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<&'static str>,
}

/// An extension, decoded.
#[derive(Serialize, ToSchema)]
pub(crate) struct Extension {
    /// Dotted.
    #[schema(example = "2.5.29.17")]
    oid: String,
    /// As RFC 5280 and its companions call it; the OID where it is of another organization.
    #[schema(example = "subjectAltName")]
    name: String,
    /// Whether who does not understand it must refuse the certificate.
    critical: bool,
    /// What it says, a line for each statement.
    #[schema(example = "DNS:web.example.test")]
    text: String,
}

/// When and why.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revocation {
    /// Since when the certificate is not to be trusted: RFC 3339, UTC. A hold that became final keeps its own.
    time: String,
    /// RFC 5280 name in kebab case; `certificate-hold` while on hold.
    #[schema(value_type = RevocationReason)]
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
    #[schema(value_type = Option<DecidedAs>)]
    decided_as: Option<&'static str>,
}

impl CertificateRow {
    /// What rows have with `fields=certificate` only.
    pub(crate) const PEM: &[&str] = &["certificate", "chain"];

    /// With the certificate itself where its chain is given.
    pub(crate) fn new(issued: Issued, chain: Option<String>, now: OffsetDateTime) -> Result<Self, Error> {
        let parsed = issued.parse()?;
        Ok(Self::of(issued, Some(&parsed), chain, now))
    }

    fn of(
        issued: Issued,
        parsed: Option<&x509::Certificate>,
        chain: Option<String>,
        now: OffsetDateTime,
    ) -> Self {
        let status = issued.status(now).as_str();
        let (has_key, has_protocol) = (issued.has("key_type"), issued.has("protocol"));
        Self {
            serial: issued.serial.to_string(),
            name: issued.name(parsed.map(x509::Certificate::subject)),
            status,
            ca: issued.ca.to_string(),
            profile: issued.profile.to_string(),
            not_before: rfc3339(issued.not_before),
            not_after: rfc3339(issued.not_after),
            issued_at: rfc3339(issued.issued_at),
            certificate: chain
                .is_some()
                .then(|| x509::pem::encode("CERTIFICATE", &issued.der)),
            chain,
            fingerprint_sha256: data_encoding::HEXLOWER.encode(&issued.fingerprint_sha256),
            spki_sha256: data_encoding::HEXLOWER.encode(&issued.spki_sha256),
            key: Key {
                kind: if has_key {
                    issued.key_type.to_string()
                } else {
                    String::new()
                },
                bits: if has_key { issued.key_type.bits() } else { 0 },
            },
            signature_algorithm: parsed
                .and_then(|parsed| parsed.signature_algorithm().ok())
                .map(|algorithm| algorithm.to_string())
                .unwrap_or_default(),
            protocol: if has_protocol {
                issued.protocol.as_str()
            } else {
                ""
            },
            replaces: issued.replaces.as_ref().map(ToString::to_string),
            replaced_by: issued.replaced_by.as_ref().map(ToString::to_string),
            lint: issued.lint,
            revocation: issued.revocation.map(|revocation| Revocation {
                time: rfc3339(revocation.time),
                reason: revocation.reason.to_string(),
                invalidity_time: revocation.invalidity.map(rfc3339),
                decided_time: (revocation.decided != revocation.time).then(|| rfc3339(revocation.decided)),
                decided_as: revocation.decided_as.map(Capacity::as_str),
            }),
            last_ocsp_query_at: issued.last_ocsp_query.map(rfc3339),
            subject: issued.subject,
            san: issued.sans,
            requester: issued.requester,
            issued_by: issued.issued_by,
        }
    }
}

impl Row for CertificateRow {
    const COLUMNS: &'static [&'static str] = &[
        "serial",
        "name",
        "status",
        "subject",
        "san",
        "ca",
        "profile",
        "not_before",
        "not_after",
        "issued_at",
        "fingerprint_sha256",
        "spki_sha256",
        "key.type",
        "key.bits",
        "signature_algorithm",
        "requester",
        "issued_by",
        "protocol",
        "replaces",
        "replaced_by",
        "lint",
        "revocation.time",
        "revocation.reason",
        "revocation.invalidity_time",
        "revocation.decided_time",
        "revocation.decided_as",
        "last_ocsp_query_at",
    ];
}

impl Certificate {
    /// The tag of its state, which whoever only asks OCSP about it does not change: `If-Match` holds a change to what was seen.
    pub(crate) fn tag(&self) -> EntityTag {
        let mut state = serde_json::to_value(self).unwrap_or_default();
        if let Some(members) = state.as_object_mut() {
            members.remove("last_ocsp_query_at");
        }
        EntityTag::of(&state)
    }

    /// As this caller gets it.
    pub(crate) async fn new(app: &App, caller: &Caller, issued: Issued) -> Result<Self, Error> {
        let key_is_compromised = match issued.status(app.clock.now()) {
            Status::Valid | Status::OnHold => match issued.parse().ok() {
                Some(parsed) => match parsed.public_key() {
                    Ok(key) => app.is_compromised(key).await?,
                    Err(_) => false,
                },
                // Nothing says that it is sound.
                None => true,
            },
            Status::Revoked | Status::Expired => false,
        };
        let renews = match renewer(caller, &issued) {
            Some(requester) => app.would_renew(&requester, &issued).await?,
            None => false,
        };
        let revoked_for = issued.revocation.map(|there| there.reason);
        let records_key = match decider(caller, &issued) {
            Some(requester)
                if revoked_for.is_some_and(lifecycle::is_compromise) && issued.parse().is_ok() =>
            {
                app.fate_of_key(&requester, &issued).await? == KeyFate::Recording
            }
            _ => false,
        };
        let known = Circumstances {
            now: app.clock.now(),
            key_is_compromised,
            records_key,
        };
        Self::of(app, caller, issued, (renews, known)).await
    }

    /// The answer to a request that came at that moment. What was signed for it is of a sound key, and a renewal would be
    /// issued as it was itself; an answer that is repeated may be about a certificate of before.
    pub(crate) async fn answering(
        app: &App,
        caller: &Caller,
        issued: Issued,
        asked: OffsetDateTime,
    ) -> Result<Self, Error> {
        if issued.issued_at < asked {
            return Self::new(app, caller, issued).await;
        }
        let renews = renewer(caller, &issued).is_some();
        let known = Circumstances {
            now: app.clock.now(),
            key_is_compromised: false,
            records_key: false,
        };
        Self::of(app, caller, issued, (renews, known)).await
    }

    async fn of(
        app: &App,
        caller: &Caller,
        issued: Issued,
        (renews, known): (bool, Circumstances),
    ) -> Result<Self, Error> {
        let powers = Powers {
            renews,
            decides: decider(caller, &issued).map(|requester| requester.capacity(&issued)),
        };
        let allowed_actions = actions::allowed(&issued, powers, known);
        let chain = app.chain_pem(&issued.ca).await?;
        let parsed = issued.parse().ok();
        let extensions = parsed.iter().flat_map(x509::Certificate::extensions);
        let damaged = issued.damage.columns().to_vec();
        Ok(Self {
            extensions: extensions.map(Extension::of).collect(),
            row: CertificateRow::of(issued, parsed.as_ref(), Some(chain), known.now),
            allowed_actions,
            damaged,
        })
    }
}

/// For whom the caller would renew that certificate, if the route lets them.
fn renewer(caller: &Caller, certificate: &Issued) -> Option<Requester> {
    let requester = requester(caller, permission::CERTIFICATES_RENEW);
    let may = caller.may(permission::CERTIFICATES_RENEW_OWN) && requester.may_see(certificate);
    may.then_some(requester)
}

/// For whom the caller would hold, release and revoke it, if the routes let them.
fn decider(caller: &Caller, certificate: &Issued) -> Option<Requester> {
    let requester = requester(caller, permission::CERTIFICATES_REVOKE);
    let may = caller.may(permission::CERTIFICATES_REVOKE_OWN) && requester.may_see(certificate);
    may.then_some(requester)
}

impl Extension {
    fn of(extension: &x509::Extension) -> Self {
        Self {
            oid: extension.oid().to_string(),
            name: extension.name(),
            critical: extension.critical(),
            text: extension.text(),
        }
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
        seen: Seen::Any,
    }
}
