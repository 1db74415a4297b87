//! `/api/v1/certificates/revocations`: many certificates at once, as a job.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kit::auth::{Allow, permission};
use kit::dry_run::Answer;
use kit::http::Json;
use kit::idempotency::IdempotencyKey;
use kit::jobs::{JobObject, rest::accepted};
use kit::problem::Problem;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::filters::Filters;
use super::object::requester;
use crate::app::{App, MOST_SERIALS, REVOCABLE, RevokeMany, Selection};
use crate::error::Error;
use crate::parse;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(revoke_many))
}

/// Which certificates to revoke, and why: `serials` or `filter`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevocationsBody {
    /// RFC 5280 name in kebab case. `certificate-hold`, `remove-from-crl` and `ca-compromise` are refused.
    #[schema(example = "cessation-of-operation")]
    reason: String,
    /// When the keys were compromised, if known: RFC 3339. A certificate whose life does not include it fails.
    invalidity_time: Option<String>,
    /// Serial numbers in lower-case hex, at most 5,000.
    serials: Option<Vec<String>>,
    /// The filters of `GET /api/v1/certificates`, all of which must hold, of those that are valid or on hold. What is issued
    /// after the job has looked is not among them.
    filter: Option<Filters>,
}

impl RevocationsBody {
    fn selection(serials: Option<Vec<String>>, filter: Option<Filters>) -> Result<Selection, Error> {
        match (serials, filter) {
            (Some(serials), None) => {
                if serials.is_empty() || serials.len() > MOST_SERIALS {
                    let text =
                        format!("takes 1 to {MOST_SERIALS} serial numbers; more are found by a filter");
                    return Err(Error::invalid("serials", text));
                }
                for serial in &serials {
                    parse::serial("serials", serial)?;
                }
                Ok(Selection::Serials(serials))
            }
            (None, Some(filter)) => {
                if filter.fields.is_some() {
                    let text = "is for lists: nothing is listed here";
                    return Err(Error::invalid("filter.fields", text));
                }
                let stored =
                    serde_json::to_value(&filter).map_err(|error| Error::Internal(error.to_string()))?;
                let query = filter.query()?;
                if query.status.iter().any(|status| !REVOCABLE.contains(status)) {
                    return Err(Error::invalid(
                        "filter.status",
                        "takes valid and on_hold; both if absent",
                    ));
                }
                Ok(Selection::Matching(Box::new(query), stored))
            }
            (Some(_), Some(_)) | (None, None) => {
                Err(Error::invalid("serials", "is given, or filter is, and not both"))
            }
        }
    }
}

/// Revokes many certificates for good, one after the other: accepted as a job, which says what became of each.
#[utoipa::path(
    post, path = "/api/v1/certificates/revocations", tag = "certificates", request_body = RevocationsBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "same key and same request: the same job")),
    responses(
        (status = 202, description = "accepted and durable; `Location` is the job", body = JobObject),
        (status = 400, description = "no such reason, serial number or filter", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Idempotency-Key used for another request", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "you have 10 jobs that have not ended, or more than 20,000 items waiting; `Retry-After`", body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("certificates:revoke-own")))
)]
async fn revoke_many(
    State(app): State<App>,
    Allow(caller, intent): Allow<permission::CertificatesRevokeOwn>,
    headers: HeaderMap,
    Json(body): Json<RevocationsBody>,
) -> Result<Answer<Response>, Problem> {
    let time = body.invalidity_time.as_deref();
    let request = RevokeMany {
        reason: body
            .reason
            .parse()
            .map_err(|error| Error::invalid("reason", error))?,
        invalidity: time
            .map(|text| parse::time("invalidity_time", text))
            .transpose()?,
        selection: RevocationsBody::selection(body.serials, body.filter)?,
        idempotency_key: IdempotencyKey::from_headers(&headers)?,
    };
    let job = app
        .revoke_many(
            &requester(&caller, permission::CERTIFICATES_REVOKE),
            request,
            &intent,
        )
        .await?;
    Ok(job
        .show(async |job| accepted(&app.jobs, job, &caller).await)
        .await?)
}
