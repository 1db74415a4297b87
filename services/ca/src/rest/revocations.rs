//! `/api/v1/certificates/revocations`: many certificates at once, as a job.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use kit::auth::{Allow, permission};
use kit::dry_run::Answer;
use kit::http::Json;
use kit::idempotency::IdempotencyKey;
use kit::jobs::JobObject;
use kit::jobs::rest::accepted;
use kit::problem::Problem;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vocabulary::ProblemType;

use super::Rest;
use super::filters::{FilterBody, Filters};
use super::object::requester;
use super::words::BulkReason;
use crate::app::{App, MOST_SERIALS, REVOCABLE, RevokeMany, Selection};
use crate::error::Error;
use crate::parse;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(revoke_many))
}

/// Which certificates to revoke, and why: `serials`, `filter` or `all`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevocationsBody {
    /// RFC 5280 name in kebab case. `certificate-hold`, `remove-from-crl` and `ca-compromise` are refused.
    #[schema(value_type = BulkReason)]
    reason: String,
    /// When the keys were compromised, if known: RFC 3339. A certificate whose life does not include it fails.
    invalidity_time: Option<String>,
    /// Serial numbers in hex, at most 5,000. One that is repeated, however it is written, counts once.
    serials: Option<Vec<String>>,
    /// The filters of `GET /api/v1/certificates`, at least one of them, all of which must hold, of those that are valid or on
    /// hold; at most 64 values of one. `internal`, and `status` with both of these, do not count as one. Null counts as
    /// absent; an empty list is refused. What is issued after the job has looked is not among them.
    #[schema(value_type = Option<FilterBody>)]
    filter: Option<Map<String, Value>>,
    /// `true`: every certificate that the caller may revoke and that is valid or on hold, but for those that GigVault issued
    /// to itself.
    all: Option<bool>,
}

impl RevocationsBody {
    fn selection(
        serials: Option<Vec<String>>,
        filter: Option<Map<String, Value>>,
        all: Option<bool>,
    ) -> Result<Selection, Problem> {
        match (serials, filter, all) {
            (Some(serials), None, None) => Ok(Self::named(&serials)?),
            (None, Some(filter), None) => Self::matching(filter),
            (None, None, Some(true)) => Ok(Selection::Matching(Box::default(), Value::Object(Map::new()))),
            (None, None, Some(false)) => {
                Err(Error::invalid("all", "takes true; without it give serials or filter").into())
            }
            (_, _, Some(_)) => {
                let text = "means every certificate, and goes with neither serials nor filter";
                Err(Error::invalid("all", text).into())
            }
            (_, _, None) => {
                let text = "is given, or filter is, and not both; every certificate is all: true";
                Err(Error::invalid("serials", text).into())
            }
        }
    }

    fn named(serials: &[String]) -> Result<Selection, Error> {
        if serials.is_empty() || serials.len() > MOST_SERIALS {
            let text = format!("takes 1 to {MOST_SERIALS} serial numbers; more are found by a filter");
            return Err(Error::invalid("serials", text));
        }
        let parsed = serials.iter().map(|text| parse::serial("serials", text));
        Ok(Selection::Serials(parsed.collect::<Result<_, Error>>()?))
    }

    /// Many clients send null for a member that is left out. An empty list is refused: a caller that computed one means no
    /// certificate, and would revoke those of every CA, profile or requester.
    fn matching(mut members: Map<String, Value>) -> Result<Selection, Problem> {
        members.retain(|_, value| !value.is_null());
        for (name, value) in &members {
            if value.as_array().is_some_and(Vec::is_empty) {
                let text = format!("filter.{name} is an empty list; give it a value, or leave it out");
                let problem = Problem::new(ProblemType::InvalidRequest, text);
                return Err(problem.at(format!("filter.{name}")));
            }
        }
        let body = json!({ "filter": members });
        let Json(InBody { filter }) = Json::read(body.to_string().as_bytes())?;
        if filter.fields.is_some() {
            let text = "is for lists: nothing is listed here";
            return Err(Error::invalid("filter.fields", text).into());
        }
        let query = filter.query().map_err(in_filter)?;
        if query.status.iter().any(|status| !REVOCABLE.contains(status)) {
            let text = "takes valid and on_hold; both if absent";
            return Err(Error::invalid("filter.status", text).into());
        }
        // As it was read, without repetitions.
        let mut read = serde_json::to_value(&filter).map_err(Error::internal)?;
        if let Some(read) = read.as_object_mut() {
            read.retain(|name, _| members.contains_key(name));
        }
        let cuts = |name: &String| match name.as_str() {
            "internal" => false,
            "status" => REVOCABLE.iter().any(|status| !query.status.contains(status)),
            _ => true,
        };
        if !members.keys().any(cuts) {
            let text = "matches every certificate; say which, or all: true in place of filter";
            return Err(Error::invalid("filter", text).into());
        }
        Ok(Selection::Matching(Box::new(query), read))
    }
}

/// The filters where the body has them, so that what is wrong with one is named by its whole path.
#[derive(Deserialize)]
struct InBody {
    filter: Filters,
}

/// A fault of a list's parameter as that of the member, by its whole path.
fn in_filter(fault: Error) -> Problem {
    let mut problem = Problem::from(fault);
    if let Some(parameter) = problem.field.take() {
        // Its text begins with its name.
        problem.detail = format!("filter.{}", problem.detail).into();
        problem.field = Some(format!("filter.{parameter}").into());
    }
    problem
}

/// Revokes many certificates for good, one after the other: accepted as a job, which says what became of each.
#[utoipa::path(
    post, path = "/api/v1/certificates/revocations", tag = "certificates", request_body = RevocationsBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "same key and same request: the same job")),
    responses(
        (status = 202, description = "accepted and durable; `Location` is the job", body = JobObject),
        (status = 400, description = "no such reason, serial number or filter"),
        (status = 429, description = "you have 10 jobs that have not ended, or more than 20,000 items waiting, or another preview of yours is under way; `Retry-After`"),
    ),
    extensions(("x-permission" = json!("certificates:revoke-own")))
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
        selection: RevocationsBody::selection(body.serials, body.filter, body.all)?,
        idempotency_key: IdempotencyKey::from_headers(&headers)?,
    };
    let job = app
        .revoke_many(
            &requester(&caller, permission::CERTIFICATES_REVOKE),
            request,
            &intent,
        )
        .await?;
    job.show(async |job| accepted(&app.jobs, job, &caller).await)
        .await
}
