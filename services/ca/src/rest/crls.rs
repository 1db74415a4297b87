//! `/api/v1/cas/{name}/crl`: the CRLs of a CA, which `crl` makes and serves.

use axum::extract::State;
use data_encoding::{BASE64, HEXLOWER};
use kit::auth::{Allow, permission};
use kit::dry_run::Answer;
use kit::http::{Json, NoMembers, NoParameters, Path, Query};
use kit::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::object::{requester, rfc3339};
use crate::app::{App, ImportedCrl};
use crate::domain::Crl;
use crate::error::Error;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new()
        .routes(routes!(crl))
        .routes(routes!(publish_crl))
        .routes(routes!(import_crl))
}

/// The CRLs of a CA that are out.
#[derive(Serialize, ToSchema)]
struct CrlsOfCa {
    /// By issuer generation and shard, complete lists before deltas.
    crls: Vec<CrlObject>,
}

/// A CRL that is out.
#[derive(Serialize, ToSchema)]
struct CrlObject {
    /// Issuer generation: the CA's name, then `<ca>.2`, ….
    #[schema(example = "issuing")]
    issuer: String,
    /// `complete`, or `delta`: what changed since a complete list.
    kind: CrlKind,
    /// Number of the shard; 0: all certificates that are in no shard.
    shard: u32,
    /// CRL number.
    #[schema(example = 17)]
    number: u64,
    /// Of a delta, the number of the complete list that it changes.
    base: Option<u64>,
    /// RFC 3339, UTC.
    this_update: String,
    /// RFC 3339, UTC.
    next_update: String,
    entries: u64,
    /// Size in DER.
    octets: u64,
    /// SHA-256 of its DER, in hex.
    #[serde(skip_serializing_if = "String::is_empty")]
    sha256: String,
    /// Where it is served.
    #[schema(example = "http://pki.example.test/crl/issuing.crl")]
    url: String,
    /// The key of its issuer is elsewhere; the list was imported.
    imported: bool,
}

/// What a CRL lists.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CrlKind {
    Complete,
    Delta,
}

impl From<Crl> for CrlObject {
    fn from(crl: Crl) -> Self {
        Self {
            kind: if crl.base.is_some() {
                CrlKind::Delta
            } else {
                CrlKind::Complete
            },
            issuer: crl.issuer,
            shard: crl.shard,
            number: crl.number,
            base: crl.base,
            this_update: rfc3339(crl.this_update),
            next_update: rfc3339(crl.next_update),
            entries: crl.entries,
            octets: crl.octets,
            sha256: HEXLOWER.encode(&crl.sha256),
            url: crl.url,
            imported: crl.imported,
        }
    }
}

impl From<Vec<Crl>> for CrlsOfCa {
    fn from(crls: Vec<Crl>) -> Self {
        Self {
            crls: crls.into_iter().map(CrlObject::from).collect(),
        }
    }
}

/// A CRL of an issuer whose key is elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CrlImport {
    /// The CRL in PEM, or its DER in base64.
    crl: String,
}

impl CrlImport {
    /// The octets, DER or PEM.
    fn octets(self) -> Result<Vec<u8>, Error> {
        if self.crl.contains("-----BEGIN") {
            return Ok(self.crl.into_bytes());
        }
        let mut text = self.crl.into_bytes();
        text.retain(|octet| !octet.is_ascii_whitespace());
        let decoded = BASE64.decode(&text);
        decoded.map_err(|error| Error::invalid("crl", format!("takes PEM, or DER in base64: {error}")))
    }
}

/// What became of a CRL that was imported.
#[derive(Serialize, ToSchema)]
struct CrlImported {
    /// The CRL that is served now.
    crl: CrlObject,
    /// The one in whose place it is; null if there was none.
    replaced: Option<CrlObject>,
    /// This very CRL was served already; nothing was done.
    unchanged: bool,
}

impl From<ImportedCrl> for CrlImported {
    fn from(imported: ImportedCrl) -> Self {
        Self {
            crl: imported.crl.into(),
            replaced: imported.replaced.map(CrlObject::from),
            unchanged: imported.unchanged,
        }
    }
}

/// The CRLs of a CA that are out, or of an issuer above the CAs, such as `root`.
#[utoipa::path(
    get, path = "/api/v1/cas/{name}/crl", tag = "cas", params(("name" = String, Path)),
    responses(
        (status = 200, body = CrlsOfCa),
    ),
    extensions(("x-permission" = json!("cas:read")))
)]
async fn crl(
    State(app): State<App>,
    _: Allow<permission::CasRead>,
    Path(name): Path<String>,
    _: Query<NoParameters>,
) -> Result<Json<CrlsOfCa>, Problem> {
    Ok(Json(app.crls_of(&name).await?.into()))
}

/// Makes the complete CRLs of a CA and their deltas now, and answers when they are out. While they are being made, further requests
/// wait for those that follow them.
#[utoipa::path(
    post, path = "/api/v1/cas/{name}/crl/publish", tag = "cas", request_body = NoMembers, params(("name" = String, Path)),
    responses(
        (status = 200, description = "published", body = CrlsOfCa),
        (status = 409, description = "the key of this issuer is elsewhere"),
    ),
    extensions(("x-permission" = json!("crls:publish")))
)]
async fn publish_crl(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::CrlsPublish>,
    Path(name): Path<String>,
    Json(NoMembers {}): Json<NoMembers>,
) -> Result<Answer<Json<CrlsOfCa>>, Problem> {
    let requester = requester(&caller, permission::CRLS_PUBLISH);
    let published = app.publish_crls(&requester, &name, &intent).await?;
    published.show(async |crls: Vec<Crl>| Ok(Json(crls.into()))).await
}

/// Verifies a CRL of an issuer whose key is elsewhere, such as an offline root, and serves it where certificates point to. The name is
/// that of the URL: `root` is served at `/crl/root.crl`. One that is served already stays as it is.
#[utoipa::path(
    post, path = "/api/v1/cas/{name}/crl/import", tag = "cas", request_body = CrlImport, params(("name" = String, Path)),
    responses(
        (status = 200, description = "served from now on", body = CrlImported),
        (status = 409, description = "a later CRL is out, or one with this number; or the CRLs of this CA are made here"),
        (status = 422, description = "relying parties would not take the CRL"),
    ),
    extensions(("x-permission" = json!("crls:publish")), ("x-body-limit" = json!(x509::pem::MAX_LEN)))
)]
async fn import_crl(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::CrlsPublish>,
    Path(name): Path<String>,
    Json(body): Json<CrlImport>,
) -> Result<Answer<Json<CrlImported>>, Problem> {
    let requester = requester(&caller, permission::CRLS_PUBLISH);
    let octets = body.octets()?;
    let imported = app.import_crl(&requester, (&name, &octets), &intent).await?;
    imported
        .show(async |imported: ImportedCrl| Ok(Json(imported.into())))
        .await
}
