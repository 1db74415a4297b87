//! `/api/v1/api-keys`.

use ::store::page::Limit;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use kit::auth::{Allow, permission};
use kit::clock::rfc3339;
use kit::http::{Json, Path, Query};
use kit::idempotency::IdempotencyKey;
use kit::problem::Problem;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use crate::app::{App, CreateRequest};
use crate::domain;
use crate::error::Error;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
}

/// An API key; its text is shown once, when it is made.
#[derive(Serialize, ToSchema)]
struct ApiKey {
    /// The 8 hexadecimal digits between `gv_` and `_`.
    #[schema(example = "7f3a2b1c")]
    prefix: String,
    #[schema(example = "ci")]
    name: String,
    #[schema(example = json!(["developer"]))]
    roles: Vec<String>,
    /// `active`, `expired` or `revoked`.
    #[schema(example = "active")]
    status: &'static str,
    /// RFC 3339, UTC.
    created_at: String,
    /// Who made it.
    #[schema(example = "apikey:0c5e9d12")]
    created_by: String,
    /// RFC 3339, UTC; null for never.
    expires_at: Option<String>,
    /// RFC 3339, UTC, to the minute; null for never.
    last_used_at: Option<String>,
    /// RFC 3339, UTC; null while it is not revoked.
    revoked_at: Option<String>,
    /// Who revoked it.
    revoked_by: Option<String>,
}

impl ApiKey {
    fn new(key: &domain::ApiKey, now: OffsetDateTime) -> Self {
        Self {
            prefix: key.prefix.to_string(),
            name: key.name.as_str().to_owned(),
            roles: key.roles.clone(),
            status: key.status(now).as_str(),
            created_at: rfc3339(key.created),
            created_by: key.created_by.clone(),
            expires_at: key.expires.map(rfc3339),
            last_used_at: key.last_used.map(rfc3339),
            revoked_at: key.revoked.as_ref().map(|revocation| rfc3339(revocation.time)),
            revoked_by: key.revoked.as_ref().map(|revocation| revocation.by.clone()),
        }
    }
}

/// A new API key with its text.
#[derive(Serialize, ToSchema)]
struct CreatedApiKey {
    #[serde(flatten)]
    key: ApiKey,
    /// The key itself, for `Authorization: Bearer`. It can't be shown again.
    #[schema(example = "gv_7f3a2b1c_…")]
    token: String,
}

/// A page of API keys.
#[derive(Serialize, ToSchema)]
struct ApiKeyList {
    items: Vec<ApiKey>,
    /// Send it as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
}

/// The API key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApiKey {
    /// For people: 1 to 100 characters.
    #[schema(example = "ci")]
    name: String,
    /// At least one role; see `GET /api/v1/roles`. None may do what you may not.
    #[schema(example = json!(["developer"]))]
    roles: Vec<String>,
    /// A span such as `90d`; absent, it is good until it is revoked.
    #[schema(example = "90d")]
    validity: Option<String>,
}

/// Which page.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// Items a page, 1 to 500; 50 by default.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

impl Paging {
    pub(super) fn limit(&self) -> Result<Limit, Error> {
        let limit = self.limit.map_or(Ok(Limit::DEFAULT), Limit::try_from);
        limit.map_err(|error| Error::invalid("limit", error))
    }
}

/// Lists API keys, newest first, revoked and expired ones too.
#[utoipa::path(
    get, path = "/api/v1/api-keys", tag = "identity", params(Paging),
    responses(
        (status = 200, body = ApiKeyList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("api-keys:read")))
)]
async fn list(
    State(app): State<App>,
    _: Allow<permission::ApiKeysRead>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<ApiKeyList>, Problem> {
    let page = app.list(paging.limit()?, paging.cursor.as_deref()).await?;
    let now = app.clock().now();
    let items = page.items.iter().map(|key| ApiKey::new(key, now)).collect();
    Ok(axum::Json(ApiKeyList {
        items,
        next_cursor: page.next_cursor,
    }))
}

/// Makes an API key. Its text is in the answer and nowhere else.
///
/// Honours `Idempotency-Key`: the same request with the same value makes one key. Because the text is not kept, the
/// second answer is a problem that names the key.
#[utoipa::path(
    post, path = "/api/v1/api-keys", tag = "identity", request_body = NewApiKey,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = CreatedApiKey),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "a role may do what you may not", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Idempotency-Key used before", body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("api-keys:write")))
)]
async fn create(
    State(app): State<App>,
    caller: Allow<permission::ApiKeysWrite>,
    headers: HeaderMap,
    Json(new): Json<NewApiKey>,
) -> Result<impl IntoResponse, Problem> {
    let request = CreateRequest {
        name: new.name.parse()?,
        roles: new.roles,
        validity: new.validity.as_deref().map(validity).transpose()?,
        requester: caller.0,
        idempotency_key: IdempotencyKey::from_headers(&headers)?,
    };
    let created = app.create(request).await?;
    let location = HeaderValue::try_from(format!("/api/v1/api-keys/{}", created.key.prefix))
        .map_err(|_| Error::Internal("a prefix that does not fit a header"))?;
    let body = CreatedApiKey {
        key: ApiKey::new(&created.key, app.clock().now()),
        token: created.token.text().expose_secret().to_owned(),
    };
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        axum::Json(body),
    ))
}

/// Revokes an API key, for good. Revoking it again changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{prefix}", tag = "identity", params(("prefix" = String, Path)),
    responses(
        (status = 204, description = "revoked and durable"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "the last key that may make keys", body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("api-keys:write")))
)]
async fn revoke(
    State(app): State<App>,
    caller: Allow<permission::ApiKeysWrite>,
    Path(prefix): Path<String>,
) -> Result<StatusCode, Problem> {
    // A prefix that no key can have is a key that is not there.
    let prefix = prefix.parse().map_err(|_| Error::NotFound(prefix))?;
    app.revoke(&prefix, &caller.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn validity(text: &str) -> Result<std::time::Duration, Error> {
    kit::config::span::parse(text).map_err(|error| Error::invalid("validity", error))
}
