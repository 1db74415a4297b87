//! `/api/v1/api-keys`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use kit::auth::{Allow, Caller, permission};
use kit::clock::rfc3339;
use kit::dry_run::Answer;
use kit::http::{Json, List, NoParameters, Page, Paging, Path, Query, Row, located};
use kit::idempotency::IdempotencyKey;
use kit::openapi::{RoleName, one_of};
use kit::page::Ask;
use kit::problem::Problem;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use crate::app::{App, CreateRequest, Created, Descendants, Revoked, is_revocable};
use crate::domain::{self, Prefix, Status};
use crate::error::Error;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, revoke))
}

kit::words! {
    /// Whether an API key opens anything.
    ApiKeyStatus = one_of(Status::ALL.map(Status::as_str));
}

/// A verb of an API key.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ApiKeyAction {
    Revoke,
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
    #[schema(value_type = ApiKeyStatus)]
    status: &'static str,
    /// RFC 3339, UTC.
    created_at: String,
    /// Who made it.
    #[schema(example = "apikey:0c5e9d12")]
    created_by: String,
    /// RFC 3339, UTC; null for never.
    expires_at: Option<String>,
    /// Patterns of the names that it may have certified; all if empty.
    #[schema(example = json!(["dns:*.dev.example.test"]))]
    allowed_names: Vec<String>,
    /// RFC 3339, UTC, to the minute; null for never.
    last_used_at: Option<String>,
    /// RFC 3339, UTC; null while it is not revoked.
    revoked_at: Option<String>,
    /// Who revoked it.
    revoked_by: Option<String>,
    /// What you may do with it now: `revoke`.
    #[schema(example = json!(["revoke"]))]
    allowed_actions: Vec<ApiKeyAction>,
}

/// Who gets to see keys, and when.
struct Reader<'a> {
    caller: &'a Caller,
    now: OffsetDateTime,
    /// The key that no caller may revoke.
    indispensable: Option<Prefix>,
}

impl<'a> Reader<'a> {
    async fn of(app: &App, caller: &'a Caller) -> Result<Self, Error> {
        let indispensable = match caller.may(permission::API_KEYS_WRITE) {
            true => app.indispensable().await?,
            false => None,
        };
        Ok(Self {
            caller,
            now: app.clock().now(),
            indispensable,
        })
    }
}

impl ApiKey {
    fn new(key: &domain::ApiKey, reader: &Reader<'_>) -> Self {
        let Reader {
            caller,
            now,
            indispensable,
        } = reader;
        let revocable =
            caller.may(permission::API_KEYS_WRITE) && is_revocable(key, caller, indispensable.as_ref());
        Self {
            prefix: key.prefix.to_string(),
            name: key.name.as_str().to_owned(),
            roles: key.roles.clone(),
            status: key.status(*now).as_str(),
            created_at: rfc3339(key.created),
            created_by: key.created_by.clone(),
            expires_at: key.expires.map(rfc3339),
            allowed_names: key.allowed_names.clone(),
            last_used_at: key.last_used.map(rfc3339),
            revoked_at: key.revoked.as_ref().map(|revocation| rfc3339(revocation.time)),
            revoked_by: key.revoked.as_ref().map(|revocation| revocation.by.clone()),
            allowed_actions: revocable.then_some(ApiKeyAction::Revoke).into_iter().collect(),
        }
    }
}

/// A new API key with its text.
#[derive(Serialize, ToSchema)]
struct CreatedApiKey {
    #[serde(flatten)]
    key: ApiKey,
    /// The key itself, for `Authorization: Bearer`. It cannot be shown again.
    #[schema(example = "gv_7f3a2b1c_…")]
    token: String,
}

/// The API keys, newest first.
struct ApiKeys;

impl List for ApiKeys {
    const NAME: &'static str = "api-keys";
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
    type Filters = NoParameters;
}

impl Row for ApiKey {
    const COLUMNS: &'static [&'static str] = &[
        "prefix",
        "name",
        "roles",
        "status",
        "created_at",
        "created_by",
        "expires_at",
        "allowed_names",
        "last_used_at",
        "revoked_at",
        "revoked_by",
        "allowed_actions",
    ];
}

/// The API key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApiKeyBody {
    /// For people: 1 to 100 characters.
    #[schema(example = "ci")]
    name: String,
    /// At least one role; see `GET /api/v1/roles`. None may do what you may not.
    #[schema(value_type = Vec<RoleName>, example = json!(["developer"]))]
    roles: Vec<String>,
    /// A span such as `90d`, at most as long as the key that makes it; absent, it ends with that key, or never.
    #[schema(example = "90d")]
    validity: Option<String>,
    /// Patterns of the names that it may have certified, none wider than those of the key that makes it: `dns:` (exact,
    /// or `*.` and a suffix), `ip:` (CIDR), `email:`, `upn:` (`*@` and a domain), `uri:` and `subject:` (a `*` at the end).
    /// Absent or empty: those of the key that makes it, or all.
    #[serde(default)]
    #[schema(example = json!(["dns:*.dev.example.test"]))]
    allowed_names: Vec<String>,
}

/// What happens to the keys that the key made.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RevokeQuery {
    /// Revoke those that the key made too, those that these made, and so on. They stay unless said so.
    #[serde(default)]
    descendants: bool,
}

/// What a revocation did to the keys that the key made.
#[derive(Serialize, ToSchema)]
struct RevokedKeys {
    /// Revoked with it.
    revoked: Vec<ApiKey>,
    /// Still good; `?descendants=true` revokes them.
    remaining: Vec<ApiKey>,
    /// Keys, that one or some that it made, of which the database holds something that cannot be read: revoked too, or left.
    damaged: Vec<DamagedApiKey>,
}

/// An API key of which the database holds something that cannot be read. It opens nothing before that is restored.
#[derive(Serialize, ToSchema)]
struct DamagedApiKey {
    /// Null if it cannot be read: then the keys that it made cannot be found.
    #[schema(example = "7f3a2b1c")]
    prefix: Option<String>,
    /// `active` or `revoked`: what it is once it is restored.
    #[schema(value_type = ApiKeyStatus)]
    status: &'static str,
    /// The columns that cannot be read.
    #[schema(example = json!(["last_used_us"]))]
    damage: Vec<&'static str>,
}

impl DamagedApiKey {
    fn new(key: &domain::DamagedKey, now: OffsetDateTime) -> Self {
        Self {
            prefix: key.prefix.as_ref().map(ToString::to_string),
            status: key.status(now).as_str(),
            damage: key.damage.columns().to_vec(),
        }
    }
}

/// Lists API keys, newest first, revoked and expired ones too.
#[utoipa::path(
    get, path = "/api/v1/api-keys", tag = "identity", params(Paging<ApiKeys>),
    responses(
        (status = 200, content((Page<ApiKey> = "application/json"), (String = "text/csv"))),
    ),
    extensions(("x-permission" = json!("api-keys:read")))
)]
async fn list(
    State(app): State<App>,
    Allow(caller, _): Allow<permission::ApiKeysRead>,
    Paging { pages, .. }: Paging<ApiKeys>,
) -> Result<Response, Problem> {
    let caller = Arc::new(caller);
    let page = move |ask: Ask| {
        let (app, caller) = (app.clone(), Arc::clone(&caller));
        async move {
            let page = app.list(&ask).await?;
            let reader = Reader::of(&app, &caller).await?;
            Ok(page.map(|key| ApiKey::new(&key, &reader)))
        }
    };
    pages.answer(page).await
}

/// Makes an API key. Its text is in the answer and nowhere else.
///
/// Honors `Idempotency-Key`: the same request with the same value makes one key. Because the text is not kept, the
/// second answer is a problem that names the key.
#[utoipa::path(
    post, path = "/api/v1/api-keys", tag = "identity", request_body = ApiKeyBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = CreatedApiKey),
        (status = 403, description = "it would be able to do more, name more, or live longer than the key that makes it"),
        (status = 409, description = "Idempotency-Key used before"),
    ),
    extensions(("x-permission" = json!("api-keys:write")))
)]
async fn create(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::ApiKeysWrite>,
    headers: HeaderMap,
    Json(new): Json<ApiKeyBody>,
) -> Result<impl IntoResponse, Problem> {
    let request = CreateRequest {
        name: new.name.parse()?,
        roles: new.roles,
        validity: new.validity.as_deref().map(validity).transpose()?,
        allowed_names: new.allowed_names,
        requester: caller.clone(),
        idempotency_key: IdempotencyKey::from_headers(&headers)?,
    };
    let before = Reader::of(&app, &caller).await?;
    let created = app.create(request, &intent).await?;
    // The key is durable: nothing may keep its text from being shown.
    let reader = Reader::of(&app, &caller).await.unwrap_or(before);
    created.show(async |created| show_once(&reader, &created)).await
}

fn show_once(reader: &Reader<'_>, created: &Created) -> Result<Response, Problem> {
    let path = format!("/api/v1/api-keys/{}", created.key.prefix);
    let body = CreatedApiKey {
        key: ApiKey::new(&created.key, reader),
        token: created.token.text().expose_secret().to_owned(),
    };
    located(StatusCode::CREATED, &path, Json(body))
}

/// Shows one API key, revoked or expired or not.
#[utoipa::path(
    get, path = "/api/v1/api-keys/{prefix}", tag = "identity", params(("prefix" = String, Path)),
    responses((status = 200, body = ApiKey)),
    extensions(("x-permission" = json!("api-keys:read")))
)]
async fn get(
    State(app): State<App>,
    Allow(caller, _): Allow<permission::ApiKeysRead>,
    Path(prefix): Path<String>,
    _: Query<NoParameters>,
) -> Result<Json<ApiKey>, Problem> {
    let key = app.find(&named(prefix)?).await?;
    Ok(Json(ApiKey::new(&key, &Reader::of(&app, &caller).await?)))
}

/// Revokes an API key, for good. Revoking it again changes nothing.
///
/// Where keys that it made are still good, the answer shows them. A key of which the database holds something that cannot
/// be read is revoked like the others, and named.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{prefix}", tag = "identity", params(("prefix" = String, Path), RevokeQuery),
    responses(
        (status = 200, description = "revoked and durable; there are keys that it made, or a damaged key", body = RevokedKeys),
        (status = 204, description = "revoked and durable; no usable key was made by it"),
        (status = 409, description = "no other key that may make keys lives as long"),
    ),
    extensions(("x-permission" = json!("api-keys:write")))
)]
async fn revoke(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::ApiKeysWrite>,
    Path(prefix): Path<String>,
    Query(reach): Query<RevokeQuery>,
) -> Result<Answer<Response>, Problem> {
    let prefix = named(prefix)?;
    let descendants = match reach.descendants {
        true => Descendants::Revoke,
        false => Descendants::Keep,
    };
    let done = app.revoke(&prefix, descendants, &caller, &intent).await?;
    done.show(async |done| Ok(show_revoked(&done, &Reader::of(&app, &caller).await?)))
        .await
}

fn show_revoked(done: &Revoked, reader: &Reader<'_>) -> Response {
    if *done == Revoked::default() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let show = |keys: &[domain::ApiKey]| keys.iter().map(|key| ApiKey::new(key, reader)).collect();
    let body = RevokedKeys {
        revoked: show(&done.taken),
        remaining: show(&done.remaining),
        damaged: {
            let damaged = done.damaged.iter();
            damaged.map(|key| DamagedApiKey::new(key, reader.now)).collect()
        },
    };
    Json(body).into_response()
}

/// A prefix that no key can have is a key that is not there.
fn named(prefix: String) -> Result<Prefix, Error> {
    prefix.parse().map_err(|_| Error::NotFound(prefix))
}

fn validity(text: &str) -> Result<std::time::Duration, Error> {
    kit::config::span::parse(text).map_err(|error| Error::invalid("validity", error))
}
