//! `/api/v1/certificates`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kit::auth::{Allow, Caller, permission};
use kit::http::{EntityTag, Json, List, NoParameters, Page, Paging, Path, Query, located};
use kit::idempotency::IdempotencyKey;
use kit::page::Ask;
use kit::problem::Problem;
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::filters::{Fields, Filters};
use super::object::{Certificate, CertificateRow, requester};
use crate::app::{App, IssueRequest, RenewRequest};
use crate::domain::{Issued, Protocol};
use crate::parse;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    let routes = OpenApiRouter::new()
        .routes(routes!(issue, list))
        .routes(routes!(get))
        .routes(routes!(chain))
        .routes(routes!(renew));
    kit::openapi::tagged(
        "certificates",
        "Issue, find, renew, and revoke certificates.",
        routes,
    )
}

/// What to issue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IssueBody {
    /// PKCS#10 in PEM, or the base64 of its DER alone. A private key beside it is refused.
    csr: String,
    /// Profile name; see `GET /api/v1/profiles`.
    #[schema(example = "tls-server")]
    profile: String,
    /// CA name; the default CA if absent.
    ca: Option<String>,
    /// A span such as `90d` or `12h`; the profile's default if absent.
    validity: Option<String>,
    /// Takes the place of the CSR's subject, in RFC 4514 form. The profile judges it as it would the CSR's.
    #[schema(example = "CN=web.example.test,O=Example")]
    subject: Option<String>,
    /// Takes the place of the CSR's names, which are then not looked at.
    san: Option<Vec<String>>,
}

/// Issues a certificate from a CSR.
#[utoipa::path(
    post, path = "/api/v1/certificates", tag = "certificates", request_body = IssueBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "same key and same request: the same certificate")),
    responses(
        (status = 201, description = "issued and durable", body = Certificate),
        (status = 400, description = "malformed request or CSR"),
        (status = 409, description = "Idempotency-Key used for another request, or the CA is suspended"),
        (status = 422, description = "refused by profile or lint, or the key is known to be compromised"),
        (status = 503, description = "try again after Retry-After"),
    ),
    extensions(("x-permission" = json!("certificates:issue-development")))
)]
async fn issue(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::CertificatesIssueDevelopment>,
    headers: HeaderMap,
    Json(body): Json<IssueBody>,
) -> Result<impl IntoResponse, Problem> {
    let asked = app.clock.now();
    let request = IssueRequest {
        csr: body.csr.into_bytes(),
        profile: body.profile,
        ca: body.ca,
        validity: body.validity.as_deref().map(parse::validity).transpose()?,
        subject: body.subject.as_deref().map(parse::subject).transpose()?,
        sans: body.san.as_deref().map(parse::sans).transpose()?,
        protocol: Protocol::Rest,
        idempotency_key: IdempotencyKey::from_headers(&headers)?,
    };
    let issued = app
        .issue(
            &requester(&caller, permission::CERTIFICATES_ISSUE),
            request,
            &intent,
        )
        .await?;
    issued
        .show(async |issued| created(&app, &caller, issued, asked).await)
        .await
}

/// The inventory.
struct Certificates;

impl List for Certificates {
    const NAME: &'static str = "certificates";
    const SORTS: &'static [&'static str] = &[
        "-issued_at",
        "issued_at",
        "not_after",
        "-not_after",
        "subject",
        "-subject",
        "-revoked_at",
        "revoked_at",
    ];
    type Filters = Filters;
}

/// Lists and searches certificates. Without `sort` they come newest first, or by expiry, revocation or name where the filters
/// say so. `sort=revoked_at` lists only what is revoked or on hold.
#[utoipa::path(
    get, path = "/api/v1/certificates", tag = "certificates", params(Paging<Certificates>),
    responses(
        (status = 200, content((Page<CertificateRow> = "application/json"), (String = "text/csv"))),
    ),
    extensions(("x-permission" = json!("certificates:read-own")))
)]
async fn list(
    State(app): State<App>,
    Allow(caller, _): Allow<permission::CertificatesReadOwn>,
    Paging { filters, pages }: Paging<Certificates>,
) -> Result<Response, Problem> {
    let requester = requester(&caller, permission::CERTIFICATES_READ);
    let query = filters.query()?;
    let pem = filters.fields.is_some();
    let page = move |ask: Ask| {
        let (app, requester, query) = (app.clone(), requester.clone(), query.clone());
        async move {
            let page = app.search(&requester, query, &ask).await?;
            let app = &app;
            let row = |issued: Issued| async move {
                let chain = match pem {
                    true => Some(app.chain_pem(&issued.ca).await?),
                    false => None,
                };
                CertificateRow::new(issued, chain, app.clock.now())
            };
            Ok(page.try_map(row).await?)
        }
    };
    let pages = match filters.fields {
        Some(Fields::Certificate) => pages.with_columns(CertificateRow::PEM),
        None => pages,
    };
    pages.answer(page).await
}

/// One certificate by serial number.
#[utoipa::path(
    get, path = "/api/v1/certificates/{serial}", tag = "certificates",
    params(("serial" = String, Path, description = "lower-case hex")),
    responses(
        (status = 200, body = Certificate),
    ),
    extensions(("x-permission" = json!("certificates:read-own")))
)]
async fn get(
    State(app): State<App>,
    Allow(caller, _): Allow<permission::CertificatesReadOwn>,
    Path(serial): Path<String>,
    _: Query<NoParameters>,
) -> Result<(EntityTag, Json<Certificate>), Problem> {
    let found = app
        .find(&requester(&caller, permission::CERTIFICATES_READ), &serial)
        .await?;
    let certificate = Certificate::new(&app, &caller, found).await?;
    Ok((certificate.tag(), Json(certificate)))
}

/// A certificate and those above it, PEM, leaf first, without the root: what a server is configured with.
#[utoipa::path(
    get, path = "/api/v1/certificates/{serial}/chain", tag = "certificates",
    params(("serial" = String, Path, description = "lower-case hex")),
    responses(
        (status = 200, body = String, content_type = "application/pem-certificate-chain"),
    ),
    extensions(("x-permission" = json!("certificates:read-own")))
)]
async fn chain(
    State(app): State<App>,
    Allow(caller, _): Allow<permission::CertificatesReadOwn>,
    Path(serial): Path<String>,
    _: Query<NoParameters>,
) -> Result<impl IntoResponse, Problem> {
    let found = app
        .find(&requester(&caller, permission::CERTIFICATES_READ), &serial)
        .await?;
    found.parse()?;
    let pem = x509::pem::encode("CERTIFICATE", &found.der) + &app.chain_pem(&found.ca).await?;
    Ok(([(header::CONTENT_TYPE, "application/pem-certificate-chain")], pem))
}

/// How to renew.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct RenewBody {
    /// PKCS#10 in PEM with the new key; absent keeps the key.
    csr: Option<String>,
    /// A span such as `90d`; the profile's default if absent.
    validity: Option<String>,
}

/// Issues the successor of a valid certificate: same subject, names, profile and requester, whoever renews it.
#[utoipa::path(
    post, path = "/api/v1/certificates/{serial}/renew", tag = "certificates", request_body = RenewBody,
    params(
        ("serial" = String, Path, description = "lower-case hex"),
        ("Idempotency-Key" = Option<String>, Header, description = "same key and same request: the same certificate"),
    ),
    responses(
        (status = 201, description = "issued and durable", body = Certificate),
        (status = 409, description = "revoked, on hold or expired, or the CA is suspended"),
        (status = 422, description = "refused by profile or lint, or the key is known to be compromised"),
    ),
    extensions(("x-permission" = json!("certificates:renew-own")))
)]
async fn renew(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::CertificatesRenewOwn>,
    Path(serial): Path<String>,
    headers: HeaderMap,
    Json(body): Json<RenewBody>,
) -> Result<impl IntoResponse, Problem> {
    let asked = app.clock.now();
    let request = RenewRequest {
        serial,
        csr: body.csr.map(String::into_bytes),
        validity: body.validity.as_deref().map(parse::validity).transpose()?,
        protocol: Protocol::Rest,
        idempotency_key: IdempotencyKey::from_headers(&headers)?,
    };
    let issued = app
        .renew(
            &requester(&caller, permission::CERTIFICATES_RENEW),
            request,
            &intent,
        )
        .await?;
    issued
        .show(async |issued| created(&app, &caller, issued, asked).await)
        .await
}

async fn created(
    app: &App,
    caller: &Caller,
    issued: Issued,
    asked: OffsetDateTime,
) -> Result<Response, Problem> {
    let path = format!("/api/v1/certificates/{}", issued.serial);
    let body = Certificate::answering(app, caller, issued, asked).await?;
    located(StatusCode::CREATED, &path, Json(body))
}
