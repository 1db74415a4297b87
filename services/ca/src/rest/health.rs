//! `/api/v1/cas/{name}/health`: what `crl` and `ocsp` say of a CA, and what the self-check found.

use axum::extract::State;
use kit::auth::{Allow, permission};
use kit::http::{Json, NoParameters, Part, Path, Query};
use kit::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vocabulary::service;

use super::Rest;
use super::crls::CrlKind;
use super::object::rfc3339;
use crate::app::App;
use crate::domain::{Crl, Health, IssuerHealth, OcspHealth, OcspResponder};
use crate::error::Error;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(health))
}

/// Whether relying parties are told what is true.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HealthStatus {
    Healthy,
    Unhealthy,
    Unknown,
}

/// The health of a CA.
#[derive(Serialize, ToSchema)]
struct CaHealth {
    #[schema(example = "issuing")]
    ca: String,
    /// `unhealthy` if the self-check found something, a CRL has run out, an issuer has no OCSP responder, or OCSP does not know all
    /// revocations; `unknown` if nothing of that is known to be wrong, and something is not known.
    status: HealthStatus,
    /// The CRLs that are out, or why they are not known.
    crls: Part<Vec<CaCrl>>,
    /// OCSP, as one process of it says, or why it is not known.
    ocsp: Part<CaOcsp>,
    /// By issuer generation, what was found at the URLs in certificates; empty before the first look.
    self_check: Vec<CaSelfCheck>,
}

/// A CRL that is out.
#[derive(Serialize, ToSchema)]
struct CaCrl {
    /// Issuer generation.
    #[schema(example = "issuing")]
    issuer: String,
    /// 0: all certificates that are in no shard.
    shard: u32,
    kind: CrlKind,
    number: u64,
    /// Of a delta, the number of the complete list that it changes; else null.
    base: Option<u64>,
    /// RFC 3339, UTC.
    this_update: String,
    /// RFC 3339, UTC.
    next_update: String,
    entries: u64,
    octets: u64,
    /// As certificates name it.
    url: String,
    /// Whether it has not run out.
    in_force: bool,
}

/// OCSP for a CA.
#[derive(Serialize, ToSchema)]
struct CaOcsp {
    responders: Vec<CaResponder>,
    /// Revocations and holds that are known, of all CAs.
    revocations: u64,
    /// How old that can be, in seconds; null before it was loaded.
    feed_age_seconds: Option<f64>,
    /// Whether answers rest on it; if not, the CA service is asked for each.
    current: bool,
    /// Responses of the last minutes, of all CAs.
    responses: u64,
    /// The time within which 95 of 100 of them were made, in seconds, to within a factor of two; null without any.
    p95_seconds: Option<f64>,
    /// Since when they are counted: RFC 3339, UTC.
    since: String,
}

/// Who signs OCSP responses.
#[derive(Serialize, ToSchema)]
struct CaResponder {
    /// Issuer generation.
    #[schema(example = "issuing")]
    issuer: String,
    /// The end of its certificate: RFC 3339, UTC; null where nothing can be signed.
    not_after: Option<String>,
    /// It should have been replaced.
    due: bool,
}

/// What was found at the URLs in certificates.
#[derive(Serialize, ToSchema)]
struct CaSelfCheck {
    /// Issuer generation.
    #[schema(example = "issuing")]
    issuer: String,
    /// `unknown` also where the last look is 15 minutes ago; what it found is in `unknown` then.
    status: HealthStatus,
    /// What is wrong, for people.
    problems: Vec<String>,
    /// What could not be looked at, for people.
    unknown: Vec<String>,
    /// Since when that is found: RFC 3339, UTC.
    since: String,
    /// When it was looked at last: RFC 3339, UTC.
    checked_at: String,
}

/// The health of a CA: its CRLs, deltas, and shards, who signs its OCSP responses and how fast, and what a look from outside found.
///
/// What a service does not tell now is said to be unavailable, and the rest is answered.
#[utoipa::path(
    get, path = "/api/v1/cas/{name}/health", tag = "cas", params(("name" = String, Path)),
    responses(
        (status = 200, body = CaHealth),
    ),
    extensions(("x-permission" = json!("cas:read")))
)]
async fn health(
    State(app): State<App>,
    _: Allow<permission::CasRead>,
    Path(name): Path<String>,
    _: Query<NoParameters>,
) -> Result<Json<CaHealth>, Problem> {
    app.authorities().current().await?;
    let authority = app.authorities().by_name(&name).await?;
    let now = app.clock.now();
    let crls = async {
        let lists = app.crls_of(&authority.name).await?;
        Ok::<_, Error>(lists.into_iter().map(|list| CaCrl::new(list, now)).collect())
    };
    let ocsp = async { app.ocsp_of(&authority.name).await.map(CaOcsp::from) };
    let (crls, ocsp) = tokio::join!(Part::of(service::CRL, crls), Part::of(service::OCSP, ocsp));
    let self_checks = app.self_checks(&authority).await?;
    let parts = [of_lists(&crls), of_ocsp(&ocsp), self_checks.health];
    let found = self_checks.found.into_iter();
    Ok(Json(CaHealth {
        ca: authority.name.clone(),
        status: Health::of_all(parts).into(),
        crls,
        ocsp,
        self_check: found.map(|found| CaSelfCheck::new(found, now)).collect(),
    }))
}

fn of_lists(lists: &Part<Vec<CaCrl>>) -> Health {
    match lists {
        Part::Known(lists) => Health::of(lists.is_empty() || lists.iter().any(|list| !list.in_force), false),
        Part::Unavailable { .. } => Health::Unknown,
    }
}

fn of_ocsp(ocsp: &Part<CaOcsp>) -> Health {
    match ocsp {
        Part::Known(ocsp) => {
            let signs = |responder: &CaResponder| responder.not_after.is_some();
            let signed = !ocsp.responders.is_empty() && ocsp.responders.iter().all(signs);
            Health::of(!ocsp.current || !signed, false)
        }
        Part::Unavailable { .. } => Health::Unknown,
    }
}

impl From<Health> for HealthStatus {
    fn from(health: Health) -> Self {
        match health {
            Health::Healthy => Self::Healthy,
            Health::Unhealthy => Self::Unhealthy,
            Health::Unknown => Self::Unknown,
        }
    }
}

impl CaCrl {
    fn new(list: Crl, now: time::OffsetDateTime) -> Self {
        Self {
            issuer: list.issuer,
            shard: list.shard,
            kind: match list.base {
                Some(_) => CrlKind::Delta,
                None => CrlKind::Complete,
            },
            number: list.number,
            base: list.base,
            this_update: rfc3339(list.this_update),
            next_update: rfc3339(list.next_update),
            entries: list.entries,
            octets: list.octets,
            url: list.url,
            in_force: now <= list.next_update,
        }
    }
}

impl From<OcspHealth> for CaOcsp {
    fn from(health: OcspHealth) -> Self {
        let show = |responder: OcspResponder| CaResponder {
            issuer: responder.issuer,
            not_after: responder.not_after.map(rfc3339),
            due: responder.is_due,
        };
        Self {
            responders: health.responders.into_iter().map(show).collect(),
            revocations: health.revocations,
            feed_age_seconds: health.feed_age.map(|age| age.as_secs_f64()),
            current: health.is_current,
            responses: health.responses,
            p95_seconds: health.p95.map(|time| time.as_secs_f64()),
            since: rfc3339(health.since),
        }
    }
}

impl CaSelfCheck {
    fn new(found: IssuerHealth, now: time::OffsetDateTime) -> Self {
        Self {
            status: found.health(now).into(),
            issuer: found.issuer,
            problems: found.problems,
            unknown: found.unknown,
            since: rfc3339(found.since),
            checked_at: rfc3339(found.checked),
        }
    }
}
