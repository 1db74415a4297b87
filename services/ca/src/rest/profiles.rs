//! `/api/v1/profiles`.

use axum::extract::State;
use kit::auth::{Allow, permission};
use kit::extract::Path;
use kit::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// What certificates of a profile look like, and what may be asked for.
#[derive(Serialize, ToSchema)]
struct Profile {
    #[schema(example = "tls-server")]
    name: String,
    description: String,
    /// Used where a request names no validity.
    #[schema(example = "90d")]
    default_validity: String,
    /// The longest that may be asked for.
    #[schema(example = "397d")]
    max_validity: String,
    /// Names of RFC 5280 section 4.2.1.3.
    key_usage: Vec<String>,
    /// Names of RFC 5280 section 4.2.1.12, or OIDs.
    extended_key_usage: Vec<String>,
    /// Key algorithms that a request may bring.
    keys: Vec<String>,
    /// Kinds of subject alternative names that may be asked for.
    san_kinds: Vec<String>,
    /// Whether role `developer` may use it.
    development: bool,
}

impl From<&rules::Profile> for Profile {
    fn from(profile: &rules::Profile) -> Self {
        Self {
            name: profile.name.clone(),
            description: profile.description.clone(),
            default_validity: humantime::format_duration(profile.default_validity).to_string(),
            max_validity: humantime::format_duration(profile.max_validity).to_string(),
            key_usage: profile.key_usage_names(),
            extended_key_usage: profile.extended_key_usage_names(),
            keys: profile.key_names(),
            san_kinds: profile.san_kinds(),
            development: profile.development,
        }
    }
}

/// All profiles; there are few, so that one page holds them.
#[derive(Serialize, ToSchema)]
struct ProfileList {
    items: Vec<Profile>,
    /// Always null.
    next_cursor: Option<String>,
}

/// Lists the profiles.
#[utoipa::path(
    get, path = "/api/v1/profiles", tag = "profiles", responses((status = 200, body = ProfileList)),
    security(("bearer" = [])), extensions(("x-permission" = json!("profiles:read")))
)]
async fn list(State(app): State<App>, _: Allow<permission::ReadProfiles>) -> axum::Json<ProfileList> {
    axum::Json(ProfileList { items: app.profiles.values().map(Profile::from).collect(), next_cursor: None })
}

/// One profile by name.
#[utoipa::path(
    get, path = "/api/v1/profiles/{name}", tag = "profiles", params(("name" = String, Path)),
    responses(
        (status = 200, body = Profile),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])), extensions(("x-permission" = json!("profiles:read")))
)]
async fn get(
    State(app): State<App>,
    _: Allow<permission::ReadProfiles>,
    Path(name): Path<String>,
) -> Result<axum::Json<Profile>, Problem> {
    let profile = app.profiles.get(&name).ok_or_else(|| crate::error::Error::not_found("profile", name))?;
    Ok(axum::Json(Profile::from(profile)))
}
