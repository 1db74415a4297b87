//! `/api/v1/keys`: decode, authorize, use case, encode. Keys are made and shown here; nothing is signed.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use kit::auth::{Allow, Authenticator, permission};
use kit::clock::rfc3339;
use kit::http::{Json, List, NoParameters, Page, Paging, Path, Query, Row, located};
use kit::idempotency::IdempotencyKey;
use kit::openapi::one_of;
use kit::page::Ask;
use kit::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, GenerateRequest};
use crate::domain::{Caller, Purpose};
use crate::error::Error;

/// What the handlers ask for.
#[derive(Clone, FromRef)]
struct Rest {
    app: App,
    authenticator: Arc<dyn Authenticator>,
}

/// All routes below `/api/v1`.
pub(crate) fn router(app: App, authenticator: Arc<dyn Authenticator>) -> OpenApiRouter {
    routes().with_state(Rest { app, authenticator })
}

/// What the routes below `/api/v1` take and answer; the service need not run.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Rest> {
    let routes = OpenApiRouter::new()
        .routes(routes!(list, generate))
        .routes(routes!(get));
    kit::openapi::tagged("keys", "Keys that the key manager holds and signs with.", routes)
}

/// A key held by the key manager; its private half is never shown.
#[derive(Serialize, ToSchema)]
struct Key {
    #[schema(example = "issuing-2027")]
    name: String,
    /// `p256`, `p384`, `p521`, `rsa2048`, `rsa3072`, `rsa4096` or `ed25519`.
    #[schema(value_type = KeyAlgorithm)]
    algorithm: String,
    /// What it signs: `certificate-authority` or `ocsp-signer`.
    #[schema(value_type = KeyPurpose)]
    purpose: &'static str,
    /// Where the private half lives: `software`.
    #[schema(example = "software")]
    backend: String,
    /// PEM SubjectPublicKeyInfo.
    public_key: String,
    /// SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex.
    spki_sha256: String,
    /// RFC 3339, UTC.
    created_at: String,
}

impl From<&crate::domain::Key> for Key {
    fn from(key: &crate::domain::Key) -> Self {
        Self {
            name: key.name.to_string(),
            algorithm: key.public_key.algorithm().to_string(),
            purpose: key.purpose.as_str(),
            backend: key.backend.clone(),
            public_key: x509::pem::encode("PUBLIC KEY", key.public_key.spki()),
            spki_sha256: HEXLOWER.encode(&key.public_key.fingerprint()),
            created_at: rfc3339(key.created),
        }
    }
}

/// A key, and what it signed so far.
#[derive(Serialize, ToSchema)]
struct KeyWithSignatures {
    #[serde(flatten)]
    key: Key,
    /// By what was signed; complete up to the last few seconds, absent while it signed nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signatures: Vec<Signatures>,
}

/// How often a key signed one kind of structure.
#[derive(Serialize, ToSchema)]
struct Signatures {
    /// `certificate`, `crl`, `certificate-request` or `ocsp-response`.
    #[schema(example = "certificate")]
    structure: String,
    #[schema(example = 1024)]
    count: i64,
    /// RFC 3339, UTC.
    last_at: String,
}

/// The keys, by name.
struct Keys;

impl List for Keys {
    const NAME: &'static str = "keys";
    const SORTS: &'static [&'static str] = &["name", "-name"];
    type Filters = NoParameters;
}

impl Row for Key {
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "algorithm",
        "purpose",
        "backend",
        "public_key",
        "spki_sha256",
        "created_at",
    ];
}

/// The key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyBody {
    /// 1 to 64 letters, digits, `.`, `_`, `-`; no other key has it. Names that begin with `ocsp.` are those of OCSP responders.
    #[schema(example = "issuing-2027")]
    name: String,
    /// `p256`, `p384`, `p521`, `rsa2048`, `rsa3072`, `rsa4096` or `ed25519`.
    #[serde(default = "default_algorithm")]
    #[schema(value_type = KeyAlgorithm, default = "p256")]
    algorithm: String,
    /// What it will sign, for good: `certificate-authority` or `ocsp-signer`.
    #[schema(value_type = KeyPurpose)]
    purpose: String,
}

kit::words! {
    /// Kind and size of a key.
    KeyAlgorithm = one_of(keys::SoftwareKey::ALGORITHMS);
    /// What a key was made for, and so the only structures that it signs.
    KeyPurpose = one_of(Purpose::ALL.map(Purpose::as_str));
}

fn default_algorithm() -> String {
    "p256".to_owned()
}

/// Lists keys by name.
#[utoipa::path(
    get, path = "/api/v1/keys", tag = "keys", params(Paging<Keys>),
    responses(
        (status = 200, content((Page<Key> = "application/json"), (String = "text/csv"))),
    ),
    extensions(("x-permission" = json!("keys:read")))
)]
async fn list(
    State(app): State<App>,
    _: Allow<permission::KeysRead>,
    Paging { pages, .. }: Paging<Keys>,
) -> Result<Response, Problem> {
    let page = move |ask: Ask| {
        let app = app.clone();
        async move { Ok(app.list(&ask).await?.map(|key| Key::from(&key))) }
    };
    pages.answer(page).await
}

/// Shows a key and how many signatures it made.
#[utoipa::path(
    get, path = "/api/v1/keys/{name}", tag = "keys", params(("name" = String, Path)),
    responses(
        (status = 200, body = KeyWithSignatures),
    ),
    extensions(("x-permission" = json!("keys:read")))
)]
async fn get(
    State(app): State<App>,
    _: Allow<permission::KeysRead>,
    Path(name): Path<String>,
    _: Query<NoParameters>,
) -> Result<Json<KeyWithSignatures>, Problem> {
    // A name that no key can have is a key that is not there.
    let name = name.parse().map_err(|_| Error::NotFound(name))?;
    let (key, signatures) = app.describe(Caller::Operator, &name).await?;
    let show = |made: crate::domain::Signatures| Signatures {
        structure: made.structure,
        count: made.count,
        last_at: rfc3339(made.last),
    };
    Ok(Json(KeyWithSignatures {
        key: Key::from(&key),
        signatures: signatures.into_iter().map(show).collect(),
    }))
}

/// Makes a key. It never leaves the key manager.
///
/// Honors `Idempotency-Key`: the same request with the same value makes one key.
#[utoipa::path(
    post, path = "/api/v1/keys", tag = "keys", request_body = KeyBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = Key),
        (status = 409, description = "the name is taken, or Idempotency-Key used for another request"),
        (status = 503, description = "too many keys are being made; try again after Retry-After"),
    ),
    extensions(("x-permission" = json!("keys:generate")))
)]
async fn generate(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::KeysGenerate>,
    headers: HeaderMap,
    Json(new): Json<KeyBody>,
) -> Result<impl IntoResponse, Problem> {
    let request = GenerateRequest {
        name: new.name.parse()?,
        algorithm: new
            .algorithm
            .parse()
            .map_err(|error| Error::invalid("algorithm", error))?,
        purpose: new.purpose.parse()?,
        caller: Caller::Operator,
        requester: caller.subject,
        idempotency_key: IdempotencyKey::from_headers(&headers)?,
    };
    let made = app.generate(request, &intent).await?;
    let show = async |key: crate::domain::Key| {
        let path = format!("/api/v1/keys/{}", key.name);
        located(StatusCode::CREATED, &path, Json(Key::from(&key)))
    };
    made.show(show).await
}
