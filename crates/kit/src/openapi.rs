//! What every operation of the OpenAPI document has in common, so that no handler has to repeat it.
//!
//! An operation states its permission as the extension `x-permission`; an empty one asks for nothing but
//! good credentials, and without the extension the operation is public.

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, RefOr, Response, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{MEDIA_TYPE, Problem};

/// Name of the security scheme.
const BEARER: &str = "bearer";

/// Adds the bearer scheme, the [`Problem`] schema, and to each operation: its security requirement, 401 and
/// 403 where it has a permission, and a default problem response. What an operation says itself stays.
pub fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components
        .schemas
        .entry(Problem::name().into_owned())
        .or_insert_with(Problem::schema);
    for item in document.paths.paths.values_mut() {
        let methods = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.options,
            &mut item.head,
            &mut item.patch,
            &mut item.trace,
        ];
        for operation in methods.into_iter().flatten() {
            complete_operation(operation);
        }
    }
}

fn complete_operation(operation: &mut Operation) {
    let permission = operation
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get("x-permission"));
    if let Some(permission) = permission.map(|value| value.as_str().unwrap_or_default().to_owned()) {
        operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
        add(operation, "401", "no credentials, or bad ones".to_owned());
        if !permission.is_empty() {
            add(operation, "403", format!("without the permission `{permission}`"));
        }
    }
    add(operation, "default", "what else can go wrong".to_owned());
}

fn add(operation: &mut Operation, status: &str, description: String) {
    operation
        .responses
        .responses
        .entry(status.to_owned())
        .or_insert_with(|| RefOr::T(problem(description)));
}

fn problem(description: String) -> Response {
    let schema = utoipa::openapi::Ref::from_schema_name(Problem::name());
    ResponseBuilder::new()
        .description(description)
        .content(MEDIA_TYPE, Content::new(Some(schema)))
        .build()
}
