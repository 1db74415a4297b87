//! `/api/v1/certificates/{serial}/revoke`, `/hold`, `/release`.

use axum::extract::State;
use kit::auth::{Allow, permission};
use kit::http::{Json, Path};
use kit::problem::Problem;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::object::{self, Certificate, requester};
use crate::app::{App, RevokeRequest};
use crate::error::Error;

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
    #[schema(example = "key-compromise")]
    reason: String,
    /// When the key was compromised, if known: RFC 3339, within the certificate's validity and not in the future.
    invalidity_time: Option<String>,
}

/// Revokes a certificate for good, or changes the reason of a revocation to `key-compromise` or `ca-compromise`. The date of
/// a revocation stays, also that of a hold that becomes final.
#[utoipa::path(
    post, path = "/api/v1/certificates/{serial}/revoke", tag = "certificates", request_body = RevokeBody,
    params(("serial" = String, Path, description = "lower-case hex")),
    responses(
        (status = 200, description = "done and durable", body = Certificate),
        (status = 400, description = "no such reason, not for this certificate, or an impossible time", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "none, or not yours", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "revoked already", body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("certificates:revoke-own")))
)]
async fn revoke(
    State(app): State<App>,
    allowed: Allow<permission::CertificatesRevokeOwn>,
    Path(serial): Path<String>,
    Json(body): Json<RevokeBody>,
) -> Result<axum::Json<Certificate>, Problem> {
    let request = RevokeRequest {
        serial,
        reason: body
            .reason
            .parse()
            .map_err(|error| Error::invalid("reason", error))?,
        invalidity: body
            .invalidity_time
            .as_deref()
            .map(|text| object::time("invalidity_time", text))
            .transpose()?,
    };
    let revoked = app
        .revoke(&requester(&allowed.0, permission::CERTIFICATES_REVOKE), &request)
        .await?;
    Ok(axum::Json(Certificate::new(&app, revoked).await?))
}

/// No members: an empty object.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HoldBody {}

/// Puts a certificate on hold: it is not to be trusted until it is released.
#[utoipa::path(
    post, path = "/api/v1/certificates/{serial}/hold", tag = "certificates", request_body = HoldBody,
    params(("serial" = String, Path, description = "lower-case hex")),
    responses(
        (status = 200, description = "done and durable", body = Certificate),
        (status = 404, description = "none, or not yours", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "on hold or revoked already", body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("certificates:revoke-own")))
)]
async fn hold(
    State(app): State<App>,
    allowed: Allow<permission::CertificatesRevokeOwn>,
    Path(serial): Path<String>,
    Json(HoldBody {}): Json<HoldBody>,
) -> Result<axum::Json<Certificate>, Problem> {
    let held = app
        .hold(&requester(&allowed.0, permission::CERTIFICATES_REVOKE), &serial)
        .await?;
    Ok(axum::Json(Certificate::new(&app, held).await?))
}

/// Releases a certificate from hold.
#[utoipa::path(
    post, path = "/api/v1/certificates/{serial}/release", tag = "certificates", request_body = HoldBody,
    params(("serial" = String, Path, description = "lower-case hex")),
    responses(
        (status = 200, description = "done and durable", body = Certificate),
        (status = 404, description = "none, or not yours", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "not on hold", body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("certificates:revoke-own")))
)]
async fn release(
    State(app): State<App>,
    allowed: Allow<permission::CertificatesRevokeOwn>,
    Path(serial): Path<String>,
    Json(HoldBody {}): Json<HoldBody>,
) -> Result<axum::Json<Certificate>, Problem> {
    let released = app
        .release(&requester(&allowed.0, permission::CERTIFICATES_REVOKE), &serial)
        .await?;
    Ok(axum::Json(Certificate::new(&app, released).await?))
}
