//! A server on loopback that records what it is asked and answers from a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use client::Client;

/// What the server received.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `GET /path?query`
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Marks an answer that is not given.
#[derive(Clone)]
struct Broken;

type Script = Arc<Mutex<VecDeque<Response<Body>>>>;
type Record = Arc<Mutex<Vec<Asked>>>;

/// Ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Record,
}

impl Server {
    /// Answers with these, one a request; then with 418.
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Response<Body>>) -> Self {
        let script: Script = Arc::new(Mutex::new(answers.into_iter().collect()));
        let asked = Record::default();
        let router = Router::new()
            .fallback(answer)
            .with_state((script, Arc::clone(&asked)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    /// As [`Self::answering`], after this many requests that it takes and does not answer: their connections break.
    pub(crate) async fn losing(lost: usize, answers: impl IntoIterator<Item = Response<Body>>) -> Self {
        let broken = (0..lost).map(|_| {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(Broken);
            response
        });
        Self::answering(broken.chain(answers).collect::<Vec<_>>()).await
    }

    pub(crate) fn client(&self) -> Client {
        Client::builder(&self.url)
            .token("gv_secret".into())
            .build()
            .unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State((script, asked)): State<(Script, Record)>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let line = format!("{} {}", parts.method, parts.uri);
    asked.lock().unwrap().push(Asked {
        line,
        headers: parts.headers,
        body,
    });
    let next = script.lock().unwrap().pop_front();
    if next
        .as_ref()
        .is_some_and(|next| next.extensions().get::<Broken>().is_some())
    {
        // Ends the task of the connection, and the connection with it.
        std::panic::resume_unwind(Box::new(Broken));
    }
    next.unwrap_or_else(|| Response::builder().status(418).body(Body::empty()).unwrap())
}

/// An answer with a JSON body.
pub(crate) fn json(status: u16, body: &str) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

/// 503 with a problem document.
pub(crate) fn unavailable(retry_after: Option<&str>) -> Response<Body> {
    let mut response = json(
        503,
        r#"{"type": "https://gigvault.io/problems/unavailable", "status": 503, "detail": "try again"}"#,
    );
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert("retry-after", seconds.parse().unwrap());
    }
    response
}
