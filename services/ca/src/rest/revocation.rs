//! `/api/v1/certificates/{serial}/revoke`, `/hold`, `/release`.

use axum::extract::State;
use kit::auth::{Allow, Caller, permission};
use kit::dry_run::Answer;
use kit::http::{IfMatch, Json, NoMembers, Path};
use kit::problem::Problem;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::object::{Certificate, requester, rfc3339};
use super::words::{CertificateStatus, FinalReason};
use crate::app::{App, HoldOutcome, Requester, RevokeRequest, Revoked};
use crate::domain::{Damaged, Descendants, Issued, Seen};
use crate::error::Error;
use crate::parse;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(revoke))
        .routes(routes!(hold))
        .routes(routes!(release))
}

/// Why to revoke.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeBody {
    /// RFC 5280 name in kebab case. `certificate-hold` and `remove-from-crl` are refused: `/hold` and `/release` do that.
    /// `ca-compromise` is for certificates of CAs.
    #[schema(value_type = FinalReason)]
    reason: String,
    /// When the key was compromised, if known: RFC 3339, within the certificate's validity and not in the future.
    /// Later than the one that is known, or than the date of the revocation: operators only.
    invalidity_time: Option<String>,
    /// With `key-compromise` or `ca-compromise`: revoke the other certificates of the same public key too, of whatever CA,
    /// as far as the caller may revoke them; at most 200 at once.
    #[serde(default)]
    same_key: bool,
    /// Of the identity of one of GigVault's services: revoke the certificates too that were issued to who showed it, and to who showed
    /// one of those; at most 200 at once. `key-compromise` does so in any case.
    #[serde(default)]
    descendants: bool,
}

/// A certificate that was revoked.
#[derive(Serialize, ToSchema)]
struct RevokedCertificate {
    #[serde(flatten)]
    certificate: Certificate,
    /// Where the key is compromised: the other certificates of that public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_key: Option<SameKey>,
    /// Of identities of services, this one and those in `same_key.revoked`: the certificates that were issued to who showed them, and
    /// to who showed one of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    descendants: Option<IdentityDescendants>,
}

/// A certificate that was put on hold.
#[derive(Serialize, ToSchema)]
struct HeldCertificate {
    #[serde(flatten)]
    certificate: Certificate,
    /// Of the identity of a service: the certificates that were issued to who showed it, and to who showed one of those. The hold leaves
    /// them as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    descendants: Option<IdentityDescendants>,
}

/// Certificates of services that were valid or on hold.
#[derive(Serialize, ToSchema)]
struct IdentityDescendants {
    /// Revoked with it; none with a hold.
    revoked: Vec<OtherCertificate>,
    /// Still valid or on hold: revoke them, or repeat the request with `descendants`; after a hold, put them on hold too, or revoke the
    /// one that is.
    remaining: Vec<OtherCertificate>,
    /// As they were, because what is stored of them cannot be read; `gigvault doctor` names them too.
    damaged: Vec<DamagedCertificate>,
    /// There are more than were looked at: repeat the revocation with `descendants`.
    more: bool,
}

/// The other certificates of a compromised key, of whatever CA, that were valid or on hold.
#[derive(Serialize, ToSchema)]
struct SameKey {
    /// Revoked with it.
    revoked: Vec<OtherCertificate>,
    /// Still valid or on hold: revoke them, or repeat the request with `same_key`.
    remaining: Vec<OtherCertificate>,
    /// Yours that stay as they are, because what is stored of them cannot be read; `gigvault doctor` names them too.
    damaged: Vec<DamagedCertificate>,
    /// How many more remain that are not yours to see.
    of_others: usize,
    /// The key is not recorded as compromised, because others have unexpired certificates over it: an operator confirms by
    /// revoking any of them, or this one again, for compromise.
    unconfirmed: bool,
    /// There are more than were looked at: repeat the request with `same_key`.
    more: bool,
}

/// One of them.
#[derive(Serialize, ToSchema)]
struct OtherCertificate {
    /// Lower-case hex.
    serial: String,
    /// `valid`, `on_hold` or `revoked`.
    #[schema(value_type = CertificateStatus)]
    status: &'static str,
    /// RFC 4514.
    subject: String,
    /// Name of the issuing CA.
    ca: String,
    /// Whose it is.
    requester: String,
    /// RFC 3339, UTC; the last second of validity.
    not_after: String,
}

/// One on which nothing can be decided.
#[derive(Serialize, ToSchema)]
struct DamagedCertificate {
    /// Lower-case hex; its id, a UUID, where the serial number is what cannot be read.
    serial: String,
    /// What cannot be read.
    problem: String,
}

impl From<Damaged> for DamagedCertificate {
    fn from(damaged: Damaged) -> Self {
        Self {
            serial: damaged.object,
            problem: damaged.why,
        }
    }
}

impl IdentityDescendants {
    fn new(descendants: Descendants, now: OffsetDateTime) -> Self {
        let damaged = descendants.damaged.into_iter();
        Self {
            revoked: OtherCertificate::all(descendants.revoked, now),
            remaining: OtherCertificate::all(descendants.remaining, now),
            damaged: damaged.map(DamagedCertificate::from).collect(),
            more: descendants.more,
        }
    }
}

impl OtherCertificate {
    fn all(issued: Vec<Issued>, now: OffsetDateTime) -> Vec<Self> {
        let one = |issued: Issued| Self {
            serial: issued.serial.to_string(),
            status: issued.status(now).as_str(),
            subject: issued.subject,
            ca: issued.ca.to_string(),
            requester: issued.requester,
            not_after: rfc3339(issued.not_after),
        };
        issued.into_iter().map(one).collect()
    }
}

/// Revokes a certificate for good, or changes the reason of a revocation to `key-compromise` or `ca-compromise`. The date of
/// a revocation stays, also that of a hold that becomes final. Where the key is compromised, no certificate of that key is
/// issued or renewed any more, and the answer names the other ones.
#[utoipa::path(
    post, path = "/api/v1/certificates/{serial}/revoke", tag = "certificates", request_body = RevokeBody,
    params(
        ("serial" = String, Path, description = "lower-case hex"),
        ("If-Match" = Option<String>, Header, description = "ETag of the certificate as you saw it: it is changed only while it is so"),
    ),
    responses(
        (status = 200, description = "done and durable", body = RevokedCertificate),
        (status = 400, description = "no such reason, not for this certificate, or an impossible time"),
        (status = 403, description = "a later invalidity time than the one that is known, by an owner"),
        (status = 409, description = "revoked already"),
    ),
    extensions(("x-permission" = json!("certificates:revoke-own")))
)]
async fn revoke(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::CertificatesRevokeOwn>,
    Path(serial): Path<String>,
    if_match: IfMatch,
    Json(body): Json<RevokeBody>,
) -> Result<Answer<Json<RevokedCertificate>>, Problem> {
    let requester = careful(&app, &caller, &serial, &if_match).await?;
    let request = RevokeRequest {
        serial,
        reason: body
            .reason
            .parse()
            .map_err(|error| Error::invalid("reason", error))?,
        invalidity: body
            .invalidity_time
            .as_deref()
            .map(|text| parse::time("invalidity_time", text))
            .transpose()?,
        same_key: body.same_key,
        descendants: body.descendants,
    };
    let revoked = app.revoke(&requester, &request, &intent).await?;
    let now = app.clock.now();
    let show = async |revoked: Revoked| {
        Ok::<_, Error>(Json(RevokedCertificate {
            certificate: Certificate::new(&app, &caller, revoked.certificate).await?,
            same_key: revoked.same_key.map(|others| SameKey {
                revoked: OtherCertificate::all(others.revoked, now),
                remaining: OtherCertificate::all(others.remaining, now),
                damaged: others.damaged.into_iter().map(DamagedCertificate::from).collect(),
                of_others: others.of_others,
                unconfirmed: others.unconfirmed,
                more: others.more,
            }),
            descendants: revoked
                .descendants
                .map(|descendants| IdentityDescendants::new(descendants, now)),
        }))
    };
    Ok(revoked.show(show).await?)
}

/// Puts a certificate on hold: it is not to be trusted until it is released. An operator may take over the hold of the
/// owner. Certificates that were issued to who showed the identity of a service are not held with it, and are named.
#[utoipa::path(
    post, path = "/api/v1/certificates/{serial}/hold", tag = "certificates", request_body = NoMembers,
    params(
        ("serial" = String, Path, description = "lower-case hex"),
        ("If-Match" = Option<String>, Header, description = "ETag of the certificate as you saw it: it is changed only while it is so"),
    ),
    responses(
        (status = 200, description = "done and durable", body = HeldCertificate),
        (status = 409, description = "on hold or revoked already"),
    ),
    extensions(("x-permission" = json!("certificates:revoke-own")))
)]
async fn hold(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::CertificatesRevokeOwn>,
    Path(serial): Path<String>,
    if_match: IfMatch,
    Json(NoMembers {}): Json<NoMembers>,
) -> Result<Answer<Json<HeldCertificate>>, Problem> {
    let requester = careful(&app, &caller, &serial, &if_match).await?;
    let held = app.hold(&requester, &serial, &intent).await?;
    let now = app.clock.now();
    let show = async |held: HoldOutcome| {
        Ok::<_, Error>(Json(HeldCertificate {
            certificate: Certificate::new(&app, &caller, held.certificate).await?,
            descendants: held
                .descendants
                .map(|descendants| IdentityDescendants::new(descendants, now)),
        }))
    };
    Ok(held.show(show).await?)
}

/// Releases a certificate from hold. Who may revoke their own certificates only releases no hold that an operator set.
#[utoipa::path(
    post, path = "/api/v1/certificates/{serial}/release", tag = "certificates", request_body = NoMembers,
    params(
        ("serial" = String, Path, description = "lower-case hex"),
        ("If-Match" = Option<String>, Header, description = "ETag of the certificate as you saw it: it is changed only while it is so"),
    ),
    responses(
        (status = 200, description = "done and durable", body = Certificate),
        (status = 403, description = "an operator put it on hold"),
        (status = 409, description = "not on hold, or the key is known to be compromised"),
    ),
    extensions(("x-permission" = json!("certificates:revoke-own")))
)]
async fn release(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::CertificatesRevokeOwn>,
    Path(serial): Path<String>,
    if_match: IfMatch,
    Json(NoMembers {}): Json<NoMembers>,
) -> Result<Answer<Json<Certificate>>, Problem> {
    let requester = careful(&app, &caller, &serial, &if_match).await?;
    let released = app.release(&requester, &serial, &intent).await?;
    let show = async |issued| Certificate::new(&app, &caller, issued).await.map(Json);
    Ok(released.show(show).await?)
}

/// The caller as one who changes only what they saw, where they say so.
async fn careful(app: &App, caller: &Caller, serial: &str, if_match: &IfMatch) -> Result<Requester, Error> {
    let requester = requester(caller, permission::CERTIFICATES_REVOKE);
    if if_match.is_absent() {
        return Ok(requester);
    }
    let found = app.find(&requester, serial).await?;
    let (serial, revocation) = (found.serial, found.revocation);
    let current = Certificate::new(app, caller, found).await?;
    if !if_match.holds(&current.tag()) {
        return Err(Error::Changed(serial));
    }
    // Looked at again under the lock of its row: another request may be served in between.
    Ok(Requester {
        seen: Seen::Revocation(revocation),
        ..requester
    })
}
