//! What every operation of the OpenAPI document has in common, so that no handler has to repeat it.
//!
//! An operation states its permission as the extension `x-permission`; an empty one asks for nothing but
//! good credentials, and without the extension the operation is public. Where the permission acts, the operation takes
//! `dry_run` and `Preview-Token`: [`crate::dry_run`].

use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{OneOfBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content, ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::auth::permission;
use crate::dry_run::{self, Preview};
use crate::problem::{MEDIA_TYPE, Problem};

/// Name of the security scheme.
const BEARER: &str = "bearer";

/// Adds the bearer scheme, the [`Problem`] schema, and to each operation: its security requirement, 401 and
/// 403 where it has a permission, and a default problem response. What an operation says itself stays.
pub fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let mut schemas = vec![
        (Problem::name().into_owned(), Problem::schema()),
        (Preview::name().into_owned(), Preview::schema()),
    ];
    Problem::schemas(&mut schemas);
    Preview::schemas(&mut schemas);
    for (name, schema) in schemas {
        components.schemas.entry(name).or_insert(schema);
    }
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
        if permission::acts(&permission) {
            add_dry_run(operation);
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

/// What an operation that acts takes and answers beside its own.
fn add_dry_run(operation: &mut Operation) {
    let optional = |name: &str, place: ParameterIn, kind: Type, description: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(ObjectBuilder::new().schema_type(kind)))
            .build()
    };
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::T(optional(
        dry_run::PARAMETER,
        ParameterIn::Query,
        Type::Boolean,
        "`true`: do nothing, and answer 200 with what the same request would do",
    )));
    parameters.push(RefOr::T(optional(
        "Preview-Token",
        ParameterIn::Header,
        Type::String,
        "`preview_token` of a dry run of this request: what it rested on must be unchanged, else 409",
    )));
    let preview = Ref::from_schema_name(Preview::name());
    let json = "application/json";
    match operation.responses.responses.get_mut("200") {
        Some(RefOr::T(done)) => {
            let own = match done.content.get(json) {
                Some(RefOr::T(content)) => content.schema.clone(),
                Some(RefOr::Ref(_)) | None => None,
            };
            let either = match own {
                Some(own) => RefOr::T(OneOfBuilder::new().item(own).item(preview).build().into()),
                None => RefOr::Ref(preview),
            };
            let content = ContentBuilder::new().schema(Some(either)).build();
            done.content.insert(json.to_owned(), RefOr::T(content));
            done.description.push_str("; with `dry_run=true` a preview");
        }
        _ => {
            let answer = ResponseBuilder::new()
                .description("with `dry_run=true`: what would be done")
                .content(json, Content::new(Some(preview)))
                .build();
            operation
                .responses
                .responses
                .insert("200".to_owned(), RefOr::T(answer));
        }
    }
    add(
        operation,
        "409",
        "what the preview of `Preview-Token` rested on has changed".to_owned(),
    );
}

fn problem(description: String) -> Response {
    let schema = Ref::from_schema_name(Problem::name());
    ResponseBuilder::new()
        .description(description)
        .content(MEDIA_TYPE, Content::new(Some(schema)))
        .build()
}
