//! Routes that no OpenAPI document describes: OCSP, CRLs, CA certificates, enrollment protocols.
//!
//! The edge refuses every body and query parameter that is not declared. [`PublicRoutes`] are a router and its declarations in one
//! value, and what an operation takes is an argument of the only way to add one: a route whose declaration was forgotten does not
//! compile.

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use http::Method;
use tower::ServiceExt;

use super::declared::{Declared, Operation};
use super::edge::Edge;

/// What an operation takes besides its path: [`Takes::NOTHING`], with a body or query parameters added.
#[derive(Clone, Copy, Debug)]
pub struct Takes {
    pub(super) query: &'static [&'static str],
    /// Media types and most bytes.
    pub(super) body: Option<(&'static [&'static str], usize)>,
}

impl Takes {
    /// Neither query parameters nor a body.
    pub const NOTHING: Self = Self {
        query: &[],
        body: None,
    };

    /// These query parameters, each at most once.
    #[must_use]
    pub const fn query(self, names: &'static [&'static str]) -> Self {
        Self { query: names, ..self }
    }

    /// A body of one of these media types, at least one, with at most `limit` bytes: a larger one is answered 413, another media
    /// type 415.
    #[must_use]
    pub const fn body(self, media_types: &'static [&'static str], limit: usize) -> Self {
        Self {
            body: Some((media_types, limit)),
            ..self
        }
    }
}

/// A method of a path, whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicOperation {
    /// A template, such as `/crl/{path}`.
    pub path: String,
    /// HEAD is not told beside GET.
    pub method: Method,
}

/// What a service without public routes tells of them.
#[must_use]
pub fn no_public_operations() -> Vec<PublicOperation> {
    Vec::new()
}

/// Routes, each with what it takes. `S` is the state that the handlers still wait for.
#[derive(Clone, Debug)]
pub struct PublicRoutes<S = ()> {
    router: Router<S>,
    declared: Declared,
}

impl<S: Clone + Send + Sync + 'static> Default for PublicRoutes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> PublicRoutes<S> {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            declared: Declared::default(),
        }
    }

    /// Adds GET, and with it HEAD, of a path such as `/crl/{*path}`.
    ///
    /// # Panics
    /// If the path has this method already, or is not one that axum takes.
    #[must_use]
    pub fn get<H, T>(self, path: &str, takes: Takes, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.on((Method::GET, MethodFilter::GET), path, takes, handler)
    }

    /// Adds POST of a path.
    ///
    /// # Panics
    /// As [`Self::get`].
    #[must_use]
    pub fn post<H, T>(self, path: &str, takes: Takes, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.on((Method::POST, MethodFilter::POST), path, takes, handler)
    }

    fn on<H, T>(self, (method, filter): (Method, MethodFilter), path: &str, takes: Takes, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        Self {
            router: self.router.route(path, on(filter, handler)),
            declared: self.declared.and(method, path, Operation::taking(takes)),
        }
    }

    /// Methods and paths, in their order.
    #[must_use]
    pub fn operations(&self) -> Vec<PublicOperation> {
        let mut operations: Vec<PublicOperation> = self
            .declared
            .operations()
            .map(|(template, method)| PublicOperation {
                path: template.replace("{*", "{"),
                method: method.clone(),
            })
            .collect();
        operations.sort_by(|one, other| {
            (&one.path, one.method.as_str()).cmp(&(&other.path, other.method.as_str()))
        });
        operations
    }

    /// Gives the handlers what they wait for.
    #[must_use]
    pub fn with_state(self, state: S) -> PublicRoutes {
        PublicRoutes {
            router: self.router.with_state(state),
            declared: self.declared,
        }
    }

    /// Both.
    ///
    /// # Panics
    /// If they have a method of a path in common.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            router: self.router.merge(other.router),
            declared: self.declared.merge(other.declared),
        }
    }
}

impl PublicRoutes {
    /// The routes of a listener and what they take, with these.
    ///
    /// # Panics
    /// If the listener has a method of a path already.
    pub fn add_to(self, router: Router, declared: Declared) -> (Router, Declared) {
        (router.merge(self.router), declared.merge(self.declared))
    }

    /// The answer to one request behind an edge with the usual limits: what tests of a service call, which has no listener.
    pub async fn answer(self, request: Request) -> Response {
        let site = Edge::new("public").around_public(self);
        let answered = site.router.oneshot(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::State;

    use super::*;
    use crate::http::{Raw, Unauthenticated};

    const REQUEST: &str = "application/ocsp-request";

    async fn length(
        State(name): State<&'static str>,
        Unauthenticated(Raw(body)): Unauthenticated<Raw>,
    ) -> String {
        format!("{name} {}", body.len())
    }

    fn routes() -> PublicRoutes {
        let asked = PublicRoutes::new()
            .post(
                "/ask",
                Takes::NOTHING.query(&["operation"]).body(&[REQUEST], 4),
                length,
            )
            .get("/ask", Takes::NOTHING.query(&["operation"]), async || "got")
            .with_state("one");
        let other = PublicRoutes::new()
            .post("/other", Takes::NOTHING, length)
            .with_state("other");
        asked.merge(other)
    }

    async fn status(routes: PublicRoutes, method: Method, path: &str, body: &'static str) -> u16 {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", REQUEST);
        let request = request.body(Body::from(body)).unwrap();
        routes.answer(request).await.status().as_u16()
    }

    #[test]
    fn operations_are_told_in_their_order() {
        let routes = routes().merge(PublicRoutes::new().get("/all/{*path}", Takes::NOTHING, async || ""));
        let operations = routes.operations();
        let told = operations
            .iter()
            .map(|operation| format!("{} {}", operation.method, operation.path));
        assert_eq!(
            told.collect::<Vec<_>>(),
            ["GET /all/{path}", "GET /ask", "POST /ask", "POST /other"]
        );
    }

    #[tokio::test]
    async fn an_operation_takes_what_was_said_when_it_was_added() {
        for (method, path, body, expected) in [
            (Method::POST, "/ask", "four", 200),
            (Method::POST, "/ask?operation=x", "", 200),
            (Method::POST, "/ask?other=x", "four", 400),
            (Method::POST, "/ask", "fives", 413),
            (Method::GET, "/ask?operation=x", "", 200),
            (Method::HEAD, "/ask?operation=x", "", 200),
            (Method::GET, "/ask", "four", 413),
            (Method::PUT, "/ask", "", 405),
            (Method::POST, "/other", "", 200),
            (Method::POST, "/other", "x", 413),
        ] {
            let found = status(routes(), method.clone(), path, body).await;
            assert_eq!(found, expected, "{method} {path} {body}");
        }
        let request = Request::post("/ask").header("host", "localhost");
        let request = request
            .header("content-type", "text/plain")
            .body(Body::from("four"));
        assert_eq!(routes().answer(request.unwrap()).await.status(), 415);
    }

    #[tokio::test]
    async fn a_listener_takes_what_its_own_routes_take_as_well() {
        let own = PublicRoutes::new().post("/own", Takes::NOTHING.body(&[REQUEST], 4), async || "own");
        let (router, declared) = own.add_to(Router::new(), Declared::default());
        let (router, declared) = routes().add_to(router, declared);
        let both = PublicRoutes { router, declared };
        for path in ["/own", "/ask"] {
            assert_eq!(
                status(both.clone(), Method::POST, path, "four").await,
                200,
                "{path}"
            );
        }
    }
}
