//! `/api/v1/sample`: decode, authorize, use case, encode.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::response::Response;
use kit::auth::{Authenticated, Authenticator};
use kit::clock::rfc3339;
use kit::http::{List, NoParameters, Page, Paging, Row};
use kit::page::Ask;
use kit::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

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
    OpenApiRouter::new().routes(routes!(list))
}

/// What this service keeps.
#[derive(Serialize, ToSchema)]
#[schema(as = SampleItem)]
struct Item {
    #[schema(example = "first")]
    name: String,
    /// RFC 3339, UTC.
    created_at: String,
}

impl From<&crate::domain::Item> for Item {
    fn from(item: &crate::domain::Item) -> Self {
        Self {
            name: item.name.to_string(),
            created_at: rfc3339(item.created),
        }
    }
}

impl Row for Item {
    const COLUMNS: &'static [&'static str] = &["name", "created_at"];
}

/// The items, by name.
struct Items;

impl List for Items {
    const NAME: &'static str = "sample";
    const SORTS: &'static [&'static str] = &["name", "-name"];
    type Filters = NoParameters;
}

/// Lists items by name. Any credential may ask.
#[utoipa::path(
    get, path = "/api/v1/sample", tag = "sample", params(Paging<Items>),
    responses(
        (status = 200, content((Page<Item> = "application/json"), (String = "text/csv"))),
    ),
    extensions(("x-permission" = json!("")))
)]
async fn list(
    State(app): State<App>,
    _: Authenticated,
    Paging { pages, .. }: Paging<Items>,
) -> Result<Response, Problem> {
    let page = move |ask: Ask| {
        let app = app.clone();
        async move { Ok(app.list(&ask).await?.map(|item| Item::from(&item))) }
    };
    pages.answer(page).await
}
