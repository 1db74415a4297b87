//! `/api/v1/sample`: decode, authorize, use case, encode.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use kit::auth::{Authenticated, Authenticator};
use kit::clock::rfc3339;
use kit::http::{Json, Query};
use kit::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::parse;

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

/// What they take and answer.
pub(crate) fn openapi() -> OpenApi {
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

/// A page of items.
#[derive(Serialize, ToSchema)]
#[schema(as = SampleItemList)]
struct ItemList {
    items: Vec<Item>,
    /// Send it as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
}

/// Which page.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Paging {
    /// Items per page, 1 to 500; 50 by default.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists items by name. Any credential may ask.
#[utoipa::path(
    get, path = "/api/v1/sample", tag = "sample", params(Paging),
    responses(
        (status = 200, body = ItemList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    ),
    extensions(("x-permission" = json!("")))
)]
async fn list(
    State(app): State<App>,
    _: Authenticated,
    Query(paging): Query<Paging>,
) -> Result<Json<ItemList>, Problem> {
    let page = app.list(parse::limit(paging.limit)?, paging.cursor.as_deref()).await?;
    Ok(Json(ItemList {
        items: page.items.iter().map(Item::from).collect(),
        next_cursor: page.next_cursor,
    }))
}
