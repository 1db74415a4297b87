//! `/api/v1/trust`: what a relying party needs to trust this PKI. Anybody may read it: all of it is in certificates, or beside them.

use std::collections::BTreeMap;

use axum::extract::State;
use data_encoding::HEXLOWER;
use kit::http::{Json, NoParameters, Query};
use kit::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use x509::Certificate;

use super::Rest;
use super::object::rfc3339;
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    let routes = OpenApiRouter::new().routes(routes!(trust));
    kit::openapi::tagged("trust", "What relying parties need; open to anybody.", routes)
}

/// The certificates of this PKI, and where their status is.
#[derive(Serialize, ToSchema)]
struct Trust {
    /// What clients have to trust.
    roots: Vec<TrustedIssuer>,
    /// The CAs below, by name.
    cas: Vec<TrustedIssuer>,
}

/// The certificate of an issuer.
#[derive(Serialize, ToSchema)]
struct TrustedIssuer {
    /// Issuer generation, as URLs have it; null for a root that none names.
    #[schema(example = "issuing")]
    name: Option<String>,
    /// RFC 4514.
    subject: String,
    /// RFC 3339, UTC.
    not_before: String,
    /// RFC 3339, UTC.
    not_after: String,
    /// SHA-256 of its DER, in hex.
    fingerprint_sha256: String,
    /// Where the certificate is: what AIA of the certificates below says.
    certificate_url: Option<String>,
    /// Where its complete CRL is: what cRLDistributionPoints of the certificates below says.
    crl_url: Option<String>,
    /// Where OCSP answers for the certificates below.
    ocsp_url: Option<String>,
    /// PEM.
    certificate: String,
}

impl TrustedIssuer {
    fn new(certificate: &Certificate, name: Option<String>) -> Self {
        Self {
            name,
            subject: certificate.subject().to_string(),
            not_before: rfc3339(certificate.not_before()),
            not_after: rfc3339(certificate.not_after()),
            fingerprint_sha256: HEXLOWER.encode(&certificate.fingerprint()),
            certificate_url: None,
            crl_url: None,
            ocsp_url: None,
            certificate: certificate.pem(),
        }
    }

    fn at(self, urls: rules::PublicationUrls) -> Self {
        Self {
            certificate_url: urls.ca_issuers.into_iter().next(),
            crl_url: urls.crl.into_iter().next(),
            ocsp_url: urls.ocsp.into_iter().next(),
            ..self
        }
    }
}

/// The certificates of the roots and CAs, their fingerprints, and where CRLs, OCSP, and certificates are. No credential is asked for.
#[utoipa::path(
    get, path = "/api/v1/trust", tag = "trust",
    responses(
        (status = 200, body = Trust),
    ),
)]
async fn trust(State(app): State<App>, _: Query<NoParameters>) -> Result<Json<Trust>, Problem> {
    let authorities = app.authorities();
    let base = authorities.base();
    let mut above: BTreeMap<[u8; 32], TrustedIssuer> = BTreeMap::new();
    let mut roots = Vec::new();
    for known in app.above() {
        let (certificate, name) = (&known.certificate, known.name);
        let urls = rules::PublicationUrls {
            crl: vec![format!("{base}/crl/{name}.crl")],
            ca_issuers: vec![format!("{base}/ca/{name}.crt")],
            ocsp: Vec::new(),
        };
        let shown = TrustedIssuer::new(certificate, Some(name)).at(urls);
        above.entry(certificate.fingerprint()).or_insert(shown);
    }
    for root in super::authorities::roots_of(&app) {
        let shown = above.remove(&root.fingerprint());
        roots.push(shown.unwrap_or_else(|| TrustedIssuer::new(&root, None)));
    }
    let mut cas: Vec<TrustedIssuer> = above.into_values().collect();
    for authority in authorities.all() {
        let name = authority.issuer_name();
        let shown = TrustedIssuer::new(&authority.certificate, Some(name.to_string()));
        cas.push(shown.at(name.publication_urls(base)));
    }
    cas.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Json(Trust { roots, cas }))
}
