//! `/api/v1/cas`, and what certificates point to: `/ca/<name>.crt`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kit::auth::{Allow, Caller, permission};
use kit::dry_run::Answer;
use kit::http::{
    Json, List, NoMembers, NoParameters, Page, Paging, Part, Path, PublicRoutes, Query, Row, Takes,
};
use kit::page::{Ask, Sort};
use kit::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vocabulary::service;
use x509::Certificate;

use super::Rest;
use super::object::{requester, rfc3339};
use super::words::{CaKeyPurpose, SignatureAlgorithmName, StoredKeyType};
use crate::app::App;
use crate::domain::publication::IssuerName;
use crate::domain::{Authority, AuthorityKey, KeySignatures};
use crate::error::Error;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    let routes = OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(suspend))
        .routes(routes!(resume));
    kit::openapi::tagged(
        "cas",
        "Certificate authorities: who issues, and whether they may.",
        routes,
    )
}

pub(super) fn public_routes() -> PublicRoutes<App> {
    PublicRoutes::new()
        .get("/ca/{file}", Takes::NOTHING, certificate)
        .get("/roots.pem", Takes::NOTHING, roots)
}

/// A CA of this service.
#[derive(Serialize, ToSchema)]
struct Ca {
    #[schema(example = "issuing")]
    name: String,
    /// RFC 4514.
    subject: String,
    /// RFC 3339, UTC.
    not_before: String,
    /// RFC 3339, UTC.
    not_after: String,
    /// `p256`, `p384`, `rsa3072`, ….
    #[schema(value_type = StoredKeyType)]
    key_algorithm: String,
    /// What it signs with.
    #[schema(value_type = SignatureAlgorithmName)]
    signature_algorithm: String,
    /// Profiles that it issues.
    profiles: Vec<String>,
    /// Since when it issues nothing: RFC 3339, UTC; null while it issues.
    suspended_since: Option<String>,
    /// Who suspended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended_by: Option<String>,
    /// PEM.
    certificate: String,
    /// PEM of the certificates above, issuer first, root last.
    chain: String,
    /// What you may do with it now: `suspend` or `resume`.
    #[schema(example = json!(["suspend"]))]
    allowed_actions: Vec<CaAction>,
}

/// A verb of a CA.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum CaAction {
    Suspend,
    Resume,
}

impl Ca {
    fn new(authority: &Authority, caller: &Caller) -> Self {
        let key = authority.certificate.public_key();
        let action = match authority.suspension {
            None => CaAction::Suspend,
            Some(_) => CaAction::Resume,
        };
        let may = caller.may(permission::CAS_SUSPEND);
        Self {
            name: authority.name.clone(),
            subject: authority.certificate.subject().to_string(),
            not_before: rfc3339(authority.certificate.not_before()),
            not_after: rfc3339(authority.certificate.not_after()),
            key_algorithm: key.map(|key| key.algorithm().to_string()).unwrap_or_default(),
            signature_algorithm: authority.algorithm.to_string(),
            profiles: authority.profiles.clone(),
            suspended_since: authority.suspension.as_ref().map(|there| rfc3339(there.since)),
            suspended_by: authority.suspension.as_ref().map(|there| there.by.clone()),
            certificate: authority.certificate.pem(),
            chain: authority.chain.iter().map(Certificate::pem).collect(),
            allowed_actions: may.then_some(action).into_iter().collect(),
        }
    }
}

impl Row for Ca {
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "subject",
        "not_before",
        "not_after",
        "key_algorithm",
        "signature_algorithm",
        "profiles",
        "suspended_since",
        "suspended_by",
        "certificate",
        "chain",
        "allowed_actions",
    ];
}

/// A CA, and what the key manager says of its key.
#[derive(Serialize, ToSchema)]
struct CaWithKey {
    #[serde(flatten)]
    ca: Ca,
    /// As the key manager describes it now, or why it cannot; absent for callers who may not read keys (`keys:read`).
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Part<CaKey>>,
}

/// The key of a CA.
#[derive(Serialize, ToSchema)]
struct CaKey {
    #[schema(example = "ca-issuing")]
    name: String,
    /// `p256`, `p384`, `rsa3072`, ….
    #[schema(example = "p256")]
    algorithm: String,
    /// What it signs: `certificate-authority`.
    #[schema(value_type = CaKeyPurpose)]
    purpose: &'static str,
    /// What holds the private half: `software` is the key manager's database, sealed.
    #[schema(example = "software")]
    backend: String,
    /// RFC 3339, UTC.
    created_at: String,
    /// By what was signed; complete up to the last few seconds, empty while it signed nothing.
    signatures: Vec<CaKeySignatures>,
}

/// How often the key of a CA signed one kind of structure.
#[derive(Serialize, ToSchema)]
struct CaKeySignatures {
    /// `certificate`, `crl`, `certificate-request` or `ocsp-response`.
    #[schema(example = "certificate")]
    structure: String,
    #[schema(example = 1024)]
    count: i64,
    /// RFC 3339, UTC.
    last_at: String,
}

impl From<AuthorityKey> for CaKey {
    fn from(key: AuthorityKey) -> Self {
        let show = |made: KeySignatures| CaKeySignatures {
            structure: made.structure,
            count: made.count,
            last_at: rfc3339(made.last),
        };
        Self {
            name: key.name,
            algorithm: key.algorithm,
            purpose: key.purpose,
            backend: key.backend,
            created_at: rfc3339(key.created),
            signatures: key.signatures.into_iter().map(show).collect(),
        }
    }
}

/// The CAs, by name.
struct Cas;

impl List for Cas {
    const NAME: &'static str = "cas";
    const SORTS: &'static [&'static str] = &["name", "-name"];
    type Filters = NoParameters;
}

/// Lists the CAs by name.
#[utoipa::path(
    get, path = "/api/v1/cas", tag = "cas", params(Paging<Cas>),
    responses(
        (status = 200, content((Page<Ca> = "application/json"), (String = "text/csv"))),
    ),
    extensions(("x-permission" = json!("cas:read")))
)]
async fn list(
    State(app): State<App>,
    Allow(caller, _): Allow<permission::CasRead>,
    Paging { pages, .. }: Paging<Cas>,
) -> Result<Response, Problem> {
    let caller = Arc::new(caller);
    let page = move |ask: Ask| {
        let (app, caller) = (app.clone(), Arc::clone(&caller));
        async move {
            let all = app.authorities().current().await?;
            let page = ask.of_all(all, Sort::of("name"), |authority| authority.name.clone())?;
            Ok(page.map(|authority| Ca::new(&authority, &caller)))
        }
    };
    pages.answer(page).await
}

/// One CA by name. Its key is described by the key manager; while that does not answer, `key` says so, and the rest is answered.
#[utoipa::path(
    get, path = "/api/v1/cas/{name}", tag = "cas", params(("name" = String, Path)),
    responses(
        (status = 200, body = CaWithKey),
    ),
    extensions(("x-permission" = json!("cas:read")))
)]
async fn get(
    State(app): State<App>,
    Allow(caller, _): Allow<permission::CasRead>,
    Path(name): Path<String>,
    _: Query<NoParameters>,
) -> Result<Json<CaWithKey>, Problem> {
    app.authorities().current().await?;
    let authority = app.authorities().by_name(&name).await?;
    let described = async { app.key_of(&authority).await.map(CaKey::from) };
    // What keymgr would refuse this caller is not asked for on their behalf.
    let key = match caller.may(permission::KEYS_READ) {
        true => Some(Part::of(service::KEYMGR, described).await),
        false => None,
    };
    Ok(Json(CaWithKey {
        ca: Ca::new(&authority, &caller),
        key,
    }))
}

/// Stops a CA from issuing and renewing, until it is resumed. Once this is answered, no certificate of that CA is stored or
/// handed out any more. One that is suspended already stays as it is.
#[utoipa::path(
    post, path = "/api/v1/cas/{name}/suspend", tag = "cas", request_body = NoMembers, params(("name" = String, Path)),
    responses(
        (status = 200, description = "suspended and durable", body = Ca),
    ),
    extensions(("x-permission" = json!("cas:suspend")))
)]
async fn suspend(
    State(app): State<App>,
    allowed: Allow<permission::CasSuspend>,
    Path(name): Path<String>,
    Json(NoMembers {}): Json<NoMembers>,
) -> Result<Answer<Json<Ca>>, Problem> {
    set_suspended(&app, allowed, &name, true).await
}

/// Lets a CA issue again. One that is not suspended stays as it is.
#[utoipa::path(
    post, path = "/api/v1/cas/{name}/resume", tag = "cas", request_body = NoMembers, params(("name" = String, Path)),
    responses(
        (status = 200, description = "issuing again", body = Ca),
    ),
    extensions(("x-permission" = json!("cas:suspend")))
)]
async fn resume(
    State(app): State<App>,
    allowed: Allow<permission::CasSuspend>,
    Path(name): Path<String>,
    Json(NoMembers {}): Json<NoMembers>,
) -> Result<Answer<Json<Ca>>, Problem> {
    set_suspended(&app, allowed, &name, false).await
}

async fn set_suspended(
    app: &App,
    Allow(caller, intent): Allow<permission::CasSuspend>,
    name: &str,
    suspended: bool,
) -> Result<Answer<Json<Ca>>, Problem> {
    let requester = requester(&caller, permission::CAS_SUSPEND);
    let authority = match suspended {
        true => app.suspend(&requester, name, &intent).await?,
        false => app.resume(&requester, name, &intent).await?,
    };
    let show = async |authority: Arc<Authority>| Ok(Json(Ca::new(&authority, &caller)));
    authority.show(show).await
}

/// `GET /ca/<issuer generation>.crt`: DER, as RFC 5280 section 4.2.2.1 wants behind id-ad-caIssuers; and the certificates of the issuers
/// above, by the names that CAs point to.
async fn certificate(State(app): State<App>, Path(file): Path<String>) -> Result<impl IntoResponse, Problem> {
    let missing = || Error::not_found("CA certificate", file.as_str());
    let name = file.strip_suffix(".crt").ok_or_else(missing)?;
    let certificate = match app.above().into_iter().find(|above| above.name == name) {
        Some(above) => above.certificate,
        None => {
            let issuer = IssuerName::parse(name).ok_or_else(missing)?;
            let authority = app.authorities().by_name(&issuer.ca).await?;
            if authority.issuer_name() != issuer {
                return Err(missing().into());
            }
            authority.certificate.clone()
        }
    };
    let headers = [
        (header::CONTENT_TYPE, "application/pkix-cert"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    Ok((headers, certificate.der().to_vec()))
}

/// The roots of all CAs, each once.
pub(super) fn roots_of(app: &App) -> Vec<Certificate> {
    let mut roots: Vec<Certificate> = Vec::new();
    for authority in app.authorities().all() {
        let root = authority.chain.last().unwrap_or(&authority.certificate);
        if !roots.contains(root) {
            roots.push(root.clone());
        }
    }
    roots
}

/// `GET /roots.pem`: the roots of all CAs, PEM, each once.
async fn roots(State(app): State<App>) -> impl IntoResponse {
    let roots: String = roots_of(&app).iter().map(Certificate::pem).collect();
    ([(header::CONTENT_TYPE, "application/x-pem-file")], roots)
}
