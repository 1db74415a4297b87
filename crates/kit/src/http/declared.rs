//! What each operation takes, from its OpenAPI declaration, or as it was added to [`PublicRoutes`](super::PublicRoutes): query
//! parameters, headers, a body.
//!
//! The layer refuses the rest on every route and method, so that no handler has to. A route without a declaration is
//! a GET without query parameters and without a body.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::{IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use http::request::Parts;
use http::{HeaderMap, Method};
use utoipa::openapi::path::{Operation as Documented, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, RefOr};
use vocabulary::ProblemType;

use super::etag::IfMatch;
use super::extract::media_type;
use super::public::Takes;
use crate::idempotency::{self, IdempotencyKey};
use crate::openapi::BODY_LIMIT;
use crate::problem::Problem;

/// Most query parameters of one request.
const MAX_PARAMETERS: usize = 64;

/// What one operation takes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operation {
    query: Vec<Parameter>,
    /// Media types of the body; empty without a body.
    body: Vec<String>,
    /// Most bytes of the body, where that is not what the listener takes.
    body_limit: Option<usize>,
    idempotency_key: bool,
    /// Whether it is done only to what the client saw.
    if_match: bool,
    /// Whether its answer is of more than one media type, of which the client says which it wants.
    negotiated: bool,
}

/// A query parameter.
#[derive(Clone, Debug)]
struct Parameter {
    name: String,
    /// Whether it may come more than once: its declaration is an array.
    repeatable: bool,
}

impl Parameter {
    fn once(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            repeatable: false,
        }
    }
}

/// The operations of a listener, by path template and method.
#[derive(Clone, Debug, Default)]
pub struct Declared(Arc<HashMap<String, HashMap<Method, Operation>>>);

/// What the declarations say about a request.
pub(super) enum Declaration<'a> {
    /// This operation.
    Operation(&'a Operation),
    /// A route that no document mentions, called with GET or HEAD.
    Undeclared,
    /// The path does not take that method.
    OtherMethod,
}

impl Declared {
    /// Those of an OpenAPI document.
    #[must_use]
    pub fn of(document: &OpenApi) -> Self {
        let mut paths: HashMap<String, HashMap<Method, Operation>> = HashMap::new();
        for (path, item) in &document.paths.paths {
            let methods = [
                (Method::GET, &item.get),
                (Method::PUT, &item.put),
                (Method::POST, &item.post),
                (Method::DELETE, &item.delete),
                (Method::OPTIONS, &item.options),
                (Method::HEAD, &item.head),
                (Method::PATCH, &item.patch),
                (Method::TRACE, &item.trace),
            ];
            let known = methods
                .into_iter()
                .filter_map(|(method, operation)| Some((method, Operation::of(operation.as_ref()?))));
            paths.entry(path.clone()).or_default().extend(known);
        }
        Self(Arc::new(paths))
    }

    /// Adds an operation that no document describes.
    pub(super) fn and(self, method: Method, template: &str, operation: Operation) -> Self {
        let mut paths = Arc::unwrap_or_clone(self.0);
        paths
            .entry(template.to_owned())
            .or_default()
            .insert(method, operation);
        Self(Arc::new(paths))
    }

    /// Those of both.
    pub(super) fn merge(self, other: Self) -> Self {
        let mut paths = Arc::unwrap_or_clone(self.0);
        for (template, methods) in Arc::unwrap_or_clone(other.0) {
            paths.entry(template).or_default().extend(methods);
        }
        Self(Arc::new(paths))
    }

    /// Path templates and methods, in no order.
    pub(super) fn operations(&self) -> impl Iterator<Item = (&str, &Method)> {
        let paths = self.0.iter();
        paths.flat_map(|(template, methods)| methods.keys().map(move |method| (template.as_str(), method)))
    }

    pub(super) fn find(&self, template: &str, method: &Method) -> Declaration<'_> {
        let as_get = *method == Method::HEAD;
        match self.0.get(template) {
            None if as_get || *method == Method::GET => Declaration::Undeclared,
            None => Declaration::OtherMethod,
            Some(methods) => {
                let get = || methods.get(&Method::GET).filter(|_| as_get);
                methods
                    .get(method)
                    .or_else(get)
                    .map_or(Declaration::OtherMethod, Declaration::Operation)
            }
        }
    }
}

impl Operation {
    /// Takes nothing.
    pub(super) const PLAIN: Self = Self {
        query: Vec::new(),
        body: Vec::new(),
        body_limit: None,
        idempotency_key: false,
        if_match: false,
        negotiated: false,
    };

    /// One that no document describes.
    pub(super) fn taking(takes: Takes) -> Self {
        let (media_types, limit) = takes.body.unzip();
        Self {
            query: takes.query.iter().map(|name| Parameter::once(name)).collect(),
            body: media_types
                .unwrap_or_default()
                .iter()
                .map(ToString::to_string)
                .collect(),
            body_limit: limit,
            ..Self::PLAIN
        }
    }

    fn of(documented: &Documented) -> Self {
        let mut operation = Self::default();
        for parameter in documented.parameters.iter().flatten() {
            let RefOr::T(parameter) = parameter else { continue };
            match parameter.parameter_in {
                ParameterIn::Query => operation.query.push(Parameter {
                    name: parameter.name.clone(),
                    repeatable: matches!(&parameter.schema, Some(RefOr::T(Schema::Array(_)))),
                }),
                ParameterIn::Header if parameter.name.eq_ignore_ascii_case(idempotency::HEADER) => {
                    operation.idempotency_key = true;
                }
                ParameterIn::Header if parameter.name.eq_ignore_ascii_case(IF_MATCH.as_str()) => {
                    operation.if_match = true;
                }
                _ => {}
            }
        }
        if let Some(RefOr::T(body)) = &documented.request_body {
            operation.body = body.content.keys().cloned().collect();
            let extensions = body.extensions.as_ref();
            let limit = extensions.and_then(|extensions| extensions.get(BODY_LIMIT)?.as_u64());
            operation.body_limit = limit.and_then(|limit| usize::try_from(limit).ok());
        }
        let responses = documented.responses.responses.iter();
        operation.negotiated = responses
            .filter(|(status, _)| status.starts_with('2'))
            .any(|(_, response)| matches!(response, RefOr::T(response) if response.content.len() > 1));
        operation
    }

    /// Most bytes of the body, if the operation says so.
    pub(super) fn body_limit(&self) -> Option<usize> {
        self.body_limit
    }

    pub(super) fn takes_body(&self) -> bool {
        !self.body.is_empty()
    }

    /// Whether the answer is a page of a list.
    pub(super) fn lists(&self) -> bool {
        let has = |name: &str| self.query.iter().any(|known| known.name == name);
        has("limit") && has("cursor")
    }

    pub(super) const fn is_negotiated(&self) -> bool {
        self.negotiated
    }

    /// Refuses what the operation does not declare. `has_body` says whether the request brings a body.
    pub(super) fn check(&self, parts: &Parts, has_body: bool) -> Result<(), Problem> {
        query(&self.query, parts.uri.query().unwrap_or_default())?;
        if self.idempotency_key {
            IdempotencyKey::from_headers(&parts.headers)?;
        }
        self.check_conditions(parts)?;
        if has_body && self.takes_body() && !self.takes(&parts.headers) {
            let detail = format!(
                "the body has to be sent as Content-Type: {}",
                self.body.join(" or ")
            );
            return Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
        }
        Ok(())
    }

    /// RFC 9110 section 13.1: a condition of a write that nothing looks at must not be passed over. Those of a read are looked
    /// at by the edge.
    fn check_conditions(&self, parts: &Parts) -> Result<(), Problem> {
        if parts.method.is_safe() {
            return IfMatch::from_headers(&parts.headers).map(|_| ());
        }
        let conditions = [
            (IF_MATCH, self.if_match),
            (IF_NONE_MATCH, false),
            (IF_UNMODIFIED_SINCE, false),
        ];
        for (name, taken) in conditions {
            if !taken && parts.headers.contains_key(&name) {
                let detail = format!("this path and method take no header {name}; leave it out");
                return Err(Problem::new(ProblemType::InvalidRequest, detail).at(name.as_str()));
            }
        }
        Ok(())
    }

    fn takes(&self, headers: &HeaderMap) -> bool {
        let sent = media_type(headers);
        self.body.iter().any(|taken| taken.eq_ignore_ascii_case(sent))
    }
}

/// Refuses parameters that are not declared, those that come more often than declared, and control characters in names and
/// values.
fn query(declared: &[Parameter], text: &str) -> Result<(), Problem> {
    let refuse = |detail: String| Problem::new(ProblemType::InvalidRequest, detail);
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let shown: String = name.chars().take(100).collect();
        let Some(known) = declared.iter().find(|known| known.name == name) else {
            let taken = match declared {
                [] => "this path takes no query parameters".to_owned(),
                known => {
                    let names: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
                    format!("this path takes: {}", names.join(", "))
                }
            };
            let detail = format!("there is no query parameter {shown:?} here; {taken}");
            return Err(Problem::new(ProblemType::UnknownParameter, detail).at(shown));
        };
        if seen.len() >= MAX_PARAMETERS {
            let detail = format!("there are more than {MAX_PARAMETERS} query parameters");
            return Err(refuse(detail).at(shown));
        }
        if !known.repeatable && seen.iter().any(|known| *known == name) {
            return Err(refuse(format!("query parameter {shown} appears more than once")).at(shown));
        }
        if value.chars().any(char::is_control) {
            return Err(refuse(format!("query parameter {shown} contains a control character")).at(shown));
        }
        seen.push(name.into_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_may_take_larger_bodies_than_others() {
        use utoipa::openapi::extensions::ExtensionsBuilder;
        use utoipa::openapi::path::OperationBuilder;
        use utoipa::openapi::request_body::RequestBodyBuilder;
        let limit = |extensions| {
            let body = RequestBodyBuilder::new().extensions(Some(extensions)).build();
            let documented = OperationBuilder::new().request_body(Some(body)).build();
            Operation::of(&documented).body_limit()
        };
        let said = ExtensionsBuilder::new().add(BODY_LIMIT, 1 << 24).build();
        assert_eq!(limit(said), Some(1 << 24));
        assert_eq!(limit(ExtensionsBuilder::new().build()), None);
    }

    #[test]
    fn undeclared_doubled_and_unprintable_parameters_are_refused() {
        let status = Parameter {
            repeatable: true,
            ..Parameter::once("status")
        };
        let declared = [Parameter::once("limit"), Parameter::once("cursor"), status];
        for good in [
            "",
            "limit=1",
            "limit=1&cursor=a%20b",
            "cursor=%C3%BC",
            "status=valid&limit=1&status=expired",
        ] {
            assert!(query(&declared, good).is_ok(), "{good}");
        }
        for (bad, field) in [
            ("dry_run=true", "dry_run"),
            ("limit=1&limit=1", "limit"),
            ("limit=1&%6Cimit=2", "limit"),
            ("cursor=a%00b", "cursor"),
            ("cursor=a%C2%85b", "cursor"),
            ("Limit=1", "Limit"),
        ] {
            let problem = query(&declared, bad).unwrap_err();
            assert_eq!(
                (problem.status, problem.field.as_deref()),
                (400, Some(field)),
                "{bad}"
            );
        }
        assert!(
            query(&[], "x")
                .unwrap_err()
                .detail
                .contains("takes no query parameters")
        );
    }

    #[test]
    fn a_condition_that_nothing_looks_at_is_refused() {
        let check = |operation: &Operation, method: Method, header: &str| {
            let request = http::Request::builder().method(method).header(header, "*");
            let (parts, ()) = request.body(()).unwrap().into_parts();
            operation.check_conditions(&parts).is_ok()
        };
        let careful = Operation {
            if_match: true,
            ..Operation::PLAIN
        };
        assert!(check(&Operation::PLAIN, Method::GET, "if-none-match"));
        assert!(check(&Operation::PLAIN, Method::GET, "if-match"));
        assert!(!check(&Operation::PLAIN, Method::POST, "if-match"));
        assert!(check(&careful, Method::POST, "if-match"));
        assert!(!check(&careful, Method::POST, "if-none-match"));
    }

    #[test]
    fn a_condition_of_a_read_that_is_none_is_refused() {
        let check = |value: &str| {
            let request = http::Request::get("/").header("if-match", value);
            let (parts, ()) = request.body(()).unwrap().into_parts();
            Operation::PLAIN.check_conditions(&parts)
        };
        assert!(check("\"a,b\"").is_ok());
        assert_eq!(check("a").unwrap_err().field.as_deref(), Some("If-Match"));
    }

    #[test]
    fn a_route_without_a_declaration_is_a_plain_get() {
        let declared = Declared::default();
        assert!(matches!(
            declared.find("/healthz", &Method::HEAD),
            Declaration::Undeclared
        ));
        assert!(matches!(
            declared.find("/healthz", &Method::POST),
            Declaration::OtherMethod
        ));
    }
}
