//! How a request goes out and an answer comes in.

use std::time::Duration;

use aws_lc_rs::rand;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Client, ClientError, MAX_ANSWER, Problem};

/// How often a request is sent at most.
const TRIES: u32 = 4;
/// The longest that a `Retry-After` is waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl Client {
    pub(crate) async fn get<A: DeserializeOwned>(&self, path: &[&str], query: &impl Serialize) -> Result<A, ClientError> {
        self.decode(self.send(Method::GET, path, |request| request.query(query), true).await?).await
    }

    pub(crate) async fn text(&self, path: &[&str]) -> Result<String, ClientError> {
        let answer = self.send(Method::GET, path, |request| request, true).await?;
        let bytes = self.body(answer).await?;
        String::from_utf8(bytes).map_err(|error| ClientError::Answer(error.to_string()))
    }

    pub(crate) async fn post<A: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<A, ClientError> {
        self.decode(self.send(Method::POST, path, |request| request.json(body), false).await?).await
    }

    pub(crate) async fn create<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A, ClientError> {
        let segments: Vec<&str> = path.split('/').collect();
        self.create_at(&segments, body).await
    }

    /// A POST with an idempotency key: it may be sent again.
    pub(crate) async fn create_at<A: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<A, ClientError> {
        let key = idempotency_key()?;
        let send = |request: RequestBuilder| request.json(body).header("idempotency-key", &key);
        self.decode(self.send(Method::POST, path, send, true).await?).await
    }

    /// The URL of a path; every segment is encoded.
    pub(crate) fn at(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &[&str],
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
        repeatable: bool,
    ) -> Result<Response, ClientError> {
        let mut tried = 0;
        loop {
            tried += 1;
            let mut request = self.http.request(method.clone(), self.at(path));
            if let Some(token) = &self.token {
                request = request.bearer_auth(token.expose_secret());
            }
            let answer = fill(request).send().await.map_err(|error| self.unreachable(error))?;
            if answer.status().is_success() {
                return Ok(answer);
            }
            let wait = wait(answer.status(), answer.headers());
            match wait {
                Some(wait) if repeatable && tried < TRIES => tokio::time::sleep(wait).await,
                _ => return Err(self.refusal(answer).await),
            }
        }
    }

    async fn decode<A: DeserializeOwned>(&self, answer: Response) -> Result<A, ClientError> {
        let bytes = self.body(answer).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Answer(error.to_string()))
    }

    async fn body(&self, mut answer: Response) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unreachable(error))? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(ClientError::Answer(format!("it is larger than {MAX_ANSWER} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    async fn refusal(&self, answer: Response) -> ClientError {
        let status = answer.status().as_u16();
        let Ok(bytes) = self.body(answer).await else { return ClientError::Status(status) };
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => ClientError::Refused(Box::new(problem)),
            Err(_) => ClientError::Status(status),
        }
    }

    pub(crate) fn unreachable(&self, source: reqwest::Error) -> ClientError {
        // The URL of a request may hold search terms; the base says enough.
        ClientError::Unreachable { url: self.base.to_string(), source: source.without_url() }
    }
}

/// How long to wait before the request is sent again, if that can help.
fn wait(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if status != StatusCode::SERVICE_UNAVAILABLE && status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    let wait = Duration::from_secs(seconds);
    (wait <= LONGEST_WAIT).then_some(wait)
}

fn idempotency_key() -> Result<String, ClientError> {
    let mut random = [0_u8; 16];
    rand::fill(&mut random).map_err(|_| ClientError::Random)?;
    Ok(data_encoding::HEXLOWER.encode(&random))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str) -> Client {
        let _first = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Client::new(url, None, None).unwrap()
    }

    #[test]
    fn a_segment_can_not_leave_its_place() {
        let url = client("https://pki.example.test:8443").at(&["api", "v1", "keys", "../../x?y#z/ä"]);
        assert_eq!(url.as_str(), "https://pki.example.test:8443/api/v1/keys/..%2F..%2Fx%3Fy%23z%2F%C3%A4");
    }

    #[test]
    fn a_base_with_a_path_keeps_it() {
        assert_eq!(client("https://a.test/pki/").at(&["api"]).as_str(), "https://a.test/pki/api");
    }

    #[test]
    fn only_short_waits_are_waited() {
        let headers = |value: &str| [(RETRY_AFTER, value.parse().unwrap())].into_iter().collect::<HeaderMap>();
        assert_eq!(wait(StatusCode::SERVICE_UNAVAILABLE, &headers("2")), Some(Duration::from_secs(2)));
        assert_eq!(wait(StatusCode::SERVICE_UNAVAILABLE, &headers("3600")), None);
        assert_eq!(wait(StatusCode::CONFLICT, &headers("2")), None);
    }
}
