//! What every operation of the OpenAPI document has in common, so that no handler has to repeat it.
//!
//! What linters of OpenAPI ask of each operation is added here too: an identifier that no other has, a short summary, a
//! description of each answer.
//!
//! An operation states its permission as the extension `x-permission`; an empty one asks for nothing but
//! good credentials, and without the extension the operation is public. Where the permission acts, the operation takes
//! `dry_run` and `Preview-Token`: [`crate::dry_run`].

mod headers;
mod words;

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayItems, OneOfBuilder, Schema, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, Content, ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response,
    ResponseBuilder, Server,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub(crate) use words::{JobItemState, JobState};
pub use words::{PermissionName, RoleName, ServiceName, matching, one_of, one_of_or_empty};

use crate::auth::permission;
use crate::dry_run::{self, Preview};
use crate::idempotency;
use crate::problem::{MEDIA_TYPE, Problem};

/// Media type of objects.
const JSON: &str = "application/json";

/// Name of the security scheme.
const BEARER: &str = "bearer";

/// What the name of a page's schema begins with; the name of its rows' follows.
const PAGE: &str = "Page_";

/// Octets in hexadecimal, not all zero (RFC 5280 section 4.1.2.2).
const SERIAL: &str = "^(?!(00)+$)([0-9a-f]{2}){1,20}$";
/// Names and ids of everything else that a path names.
const NAME: &str = "^[0-9A-Za-z][0-9A-Za-z._-]{0,99}$";
/// Visible ASCII.
const IDEMPOTENCY_KEY: &str = "^[!-~]{1,255}$";

/// The extension of a handler, and in the document of its body, that says that it may have another number of bytes than those of most.
pub(crate) const BODY_LIMIT: &str = "x-body-limit";

/// Routes whose operations have this tag, with what it says to readers of the document.
pub fn tagged<S>(tag: &str, description: &str, mut routes: OpenApiRouter<S>) -> OpenApiRouter<S>
where
    S: Send + Sync + Clone + 'static,
{
    let tag = TagBuilder::new().name(tag).description(Some(description)).build();
    routes.get_openapi_mut().tags.get_or_insert_default().push(tag);
    routes
}

/// Adds the bearer scheme, the [`Problem`] schema, and to each operation: its security requirement, 401 and
/// 403 where it has a permission, 404, 409 and 412 where its parameters bring them, 400, and a default problem response. What
/// an operation says itself stays, but for its identifier, which gets the resource as prefix. A handler describes a refusal
/// only if it has more to say; that the answer is a [`Problem`] is added here.
pub fn complete(document: &mut OpenApi) {
    document.servers = Some(vec![Server::new("/")]);
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
    refer_to_rows(components);
    for (path, item) in &mut document.paths.paths {
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
            identify(path, operation);
            shorten(operation);
            describe(operation);
            complete_operation(operation);
            headers::declare(operation);
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    constrain(parameter);
                }
            }
        }
        if let Some(read) = &mut item.get {
            headers::declare_tag(read);
        }
    }
}

/// A page has the schema of its rows written out; the document has it under its own name too.
fn refer_to_rows(components: &mut Components) {
    let pages = components
        .schemas
        .keys()
        .filter_map(|name| name.strip_prefix(PAGE));
    let rows: Vec<String> = pages
        .filter(|row| components.schemas.contains_key(*row))
        .map(str::to_owned)
        .collect();
    for row in rows {
        if let Some(RefOr::T(Schema::Object(page))) = components.schemas.get_mut(&format!("{PAGE}{row}"))
            && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
        {
            items.items = ArrayItems::RefOrSchema(Box::new(RefOr::Ref(Ref::from_schema_name(row))));
        }
    }
}

/// Handlers of different resources have the same names: `list` of `/api/v1/keys` is `keys_list`.
fn identify(path: &str, operation: &mut Operation) {
    let resource = path
        .trim_start_matches("/api/v1/")
        .split('/')
        .next()
        .unwrap_or_default();
    let resource = resource.replace('-', "_");
    if let Some(id) = operation.operation_id.as_mut().filter(|id| **id != resource) {
        *id = format!("{resource}_{id}");
    }
}

/// The first sentence of the handler's comment is the summary; what follows belongs to the description.
fn shorten(operation: &mut Operation) {
    let Some(whole) = operation.summary.take() else {
        return;
    };
    let whole = whole.replace('\n', " ");
    let (first, rest) = match whole.split_once(". ") {
        Some((first, rest)) => (format!("{first}."), rest),
        None => (whole, ""),
    };
    operation.summary = Some(first);
    if !rest.is_empty() {
        let further = operation.description.take().unwrap_or_default();
        operation.description = Some(format!("{rest}\n\n{further}").trim_end().to_owned());
    }
}

/// Says which texts a parameter can be at all: those of the path, and the Idempotency-Key.
fn constrain(parameter: &mut Parameter) {
    let pattern = match (&parameter.parameter_in, parameter.name.as_str()) {
        (ParameterIn::Path, "serial") => SERIAL,
        (ParameterIn::Path, _) => NAME,
        (ParameterIn::Header, name) if name.eq_ignore_ascii_case(idempotency::HEADER) => IDEMPOTENCY_KEY,
        _ => return,
    };
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern));
    parameter.schema = Some(RefOr::T(text.build().into()));
}

/// OpenAPI requires a description of each answer.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status = status.parse::<http::StatusCode>().ok();
            let reason = status.and_then(|status| status.canonical_reason());
            reason
                .unwrap_or("the answer")
                .clone_into(&mut response.description);
        }
    }
}

fn complete_operation(operation: &mut Operation) {
    answer_problems(operation);
    limit_body(operation);
    // An undeclared query parameter is refused by every route.
    let mut usual = vec![("400", "a parameter, a header or the body is not of its form")];
    for parameter in operation.parameters.iter().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        usual.extend(refusal_of(parameter));
    }
    usual.push(("default", "what else can go wrong"));
    for (status, description) in usual {
        add(operation, status, description.to_owned());
    }
    let permission = operation
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get("x-permission"));
    if let Some(permission) = permission.map(|value| value.as_str().unwrap_or_default().to_owned()) {
        operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
        add(operation, "401", "no credentials, or bad ones".to_owned());
        if !permission.is_empty() {
            add_reason(
                operation,
                "403",
                &format!("without the permission `{permission}`"),
            );
        }
        if permission::acts(&permission) {
            add_dry_run(operation);
        }
    } else {
        // Open to anybody, and the document says so.
        operation.security = Some(Vec::new());
    }
}

/// A handler can say it of the operation only. It belongs to the body; and several extensions of one object would be in another order
/// each time that the document is written.
fn limit_body(operation: &mut Operation) {
    let limit = operation
        .extensions
        .as_mut()
        .and_then(|extensions| extensions.remove(BODY_LIMIT));
    if let (Some(limit), Some(RefOr::T(body))) = (limit, operation.request_body.as_mut()) {
        let extensions = body.extensions.get_or_insert_default();
        extensions.insert(BODY_LIMIT.to_owned(), limit);
    }
}

/// What a route with this parameter can answer, whatever it does.
fn refusal_of(parameter: &Parameter) -> Option<(&'static str, &'static str)> {
    let named = |name: &str| parameter.name.eq_ignore_ascii_case(name);
    match parameter.parameter_in {
        ParameterIn::Path => Some(("404", "there is none that you may see")),
        ParameterIn::Header if named(idempotency::HEADER) => {
            Some(("409", "Idempotency-Key used for another request"))
        }
        ParameterIn::Header if named("If-Match") => Some(("412", "it has changed since you read it")),
        ParameterIn::Header | ParameterIn::Query | ParameterIn::QueryString | ParameterIn::Cookie => None,
    }
}

/// Each refusal that a handler describes is a problem document.
fn answer_problems(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let refusal = status.starts_with('4') || status.starts_with('5');
        if let (true, RefOr::T(response)) = (refusal, response)
            && response.content.is_empty()
        {
            response.content = problem(String::new()).content;
        }
    }
}

fn add(operation: &mut Operation, status: &str, description: String) {
    operation
        .responses
        .responses
        .entry(status.to_owned())
        .or_insert_with(|| RefOr::T(problem(description)));
}

/// One more reason for a refusal that the operation may have described.
fn add_reason(operation: &mut Operation, status: &str, reason: &str) {
    match operation.responses.responses.get_mut(status) {
        Some(RefOr::T(described)) => {
            described.description.push_str("; or ");
            described.description.push_str(reason);
        }
        _ => add(operation, status, reason.to_owned()),
    }
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
    let responses = &mut operation.responses.responses;
    let done = done_schema(responses);
    let either = match done {
        Some(done) => RefOr::T(OneOfBuilder::new().item(done).item(preview).build().into()),
        None => RefOr::Ref(preview),
    };
    let content = ContentBuilder::new().schema(Some(either)).build();
    match responses.get_mut("200") {
        Some(RefOr::T(own)) => {
            own.content.insert(JSON.to_owned(), RefOr::T(content));
            own.description.push_str("; with `dry_run=true` a preview");
        }
        _ => {
            let answer = ResponseBuilder::new()
                .description("with `dry_run=true`: what would be done")
                .content(JSON, content)
                .build();
            responses.insert("200".to_owned(), RefOr::T(answer));
        }
    }
    add_reason(
        operation,
        "409",
        "what the preview of `Preview-Token` rested on has changed",
    );
}

/// What the operation answers where it does what it is asked for: of its successes, the first that says something.
///
/// Clients that are generated read every success by the schema of the lowest status, which is that of the preview: it has to
/// take this too.
fn done_schema(responses: &BTreeMap<String, RefOr<Response>>) -> Option<RefOr<Schema>> {
    let mut successes = responses.iter().filter(|(status, _)| status.starts_with('2'));
    successes.find_map(|(_, response)| match response {
        RefOr::T(response) => match response.content.get(JSON)? {
            RefOr::T(content) => content.schema.clone(),
            RefOr::Ref(_) => None,
        },
        RefOr::Ref(_) => None,
    })
}

fn problem(description: String) -> Response {
    let schema = Ref::from_schema_name(Problem::name());
    ResponseBuilder::new()
        .description(description)
        .content(MEDIA_TYPE, Content::new(Some(schema)))
        .build()
}
