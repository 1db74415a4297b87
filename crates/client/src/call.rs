//! One request: build, send, repeat where that is safe, decode.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connect::{ATTEMPTS, Client};
use crate::error::{Error, Problem};
use crate::resources::dry_run::Preview;

/// Longest wait that a server may ask for between two of them.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Most bytes of an answer: 500 certificates with long chains fit.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// The wait after the first sending, if its answer was lost; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// What became of one sending.
enum Attempt {
    Done(StatusCode, Vec<u8>),
    /// The server asks to be asked again after this time. It may have done what it was asked for all the same, where it
    /// failed (5xx): then its answer is here too.
    Again(Duration, Option<Error>),
}

/// Before a request is sent again whose answer to this attempt was lost; attempts are counted from 1.
fn wait_after_loss(attempt: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << attempt.saturating_sub(1).min(ATTEMPTS))
}

/// Clients that were refused together should not come back together.
fn spread(wait: Duration) -> Duration {
    wait + Duration::from_millis(u64::from(uuid::Uuid::new_v4().as_fields().1 % 250))
}

/// The first part that would not arrive as it is. URLs know no empty part, `.` or `..`, and no tabs and line breaks in any:
/// left out, what remains names something else.
fn changed<'p>(base: &Url, url: &Url, path: &[&'p str]) -> Option<&'p str> {
    let above = base.path_segments().into_iter().flatten();
    let above = above.filter(|segment| !segment.is_empty()).count();
    let sent = url.path_segments().into_iter().flatten();
    let mut sent = sent
        .filter(|segment| !segment.is_empty())
        .skip(above)
        .map(|segment| percent_encoding::percent_decode_str(segment).collect::<Vec<u8>>());
    path.iter()
        .copied()
        .find(|part| sent.next().as_deref() != Some(part.as_bytes()))
}

/// Query parameters.
pub(crate) type Pairs = Vec<(&'static str, String)>;

/// A request that is not sent yet.
pub(crate) struct Call<'a> {
    client: &'a Client,
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    idempotency_key: Option<String>,
    preview_token: Option<String>,
    repeatable: bool,
    /// Asks only what the request would do.
    dry_run: bool,
    /// A part of the path that cannot be sent.
    no_name: Option<String>,
}

impl<'a> Call<'a> {
    fn new(client: &'a Client, method: Method, path: &[&str]) -> Self {
        let mut url = Url::clone(&client.base);
        // Segments are escaped one by one, so that no name can change the path. A base URL cannot lack a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let no_name = changed(&client.base, &url, path);
        Self {
            client,
            method,
            url,
            body: None,
            idempotency_key: None,
            preview_token: None,
            repeatable: true,
            dry_run: false,
            no_name: no_name.map(ToOwned::to_owned),
        }
    }

    /// Reads.
    pub(crate) fn get(client: &'a Client, path: &[&str]) -> Self {
        Self::new(client, Method::GET, path)
    }

    /// Ends something, for good: repeating it changes nothing.
    pub(crate) fn delete(client: &'a Client, path: &[&str]) -> Self {
        Self::new(client, Method::DELETE, path)
    }

    /// Has something looked at: repeating it changes nothing.
    pub(crate) fn look(client: &'a Client, path: &[&str]) -> Self {
        Self {
            body: Some(b"{}".to_vec()),
            ..Self::new(client, Method::POST, path)
        }
    }

    /// Creates something, once however often it is sent.
    pub(crate) fn create<B: Serialize>(client: &'a Client, path: &[&str], body: &B) -> Result<Self, Error> {
        let key = uuid::Uuid::new_v4().to_string();
        Ok(Self {
            idempotency_key: Some(key),
            repeatable: true,
            ..Self::act(client, path, body)?
        })
    }

    /// Does something that is not to be repeated.
    pub(crate) fn act<B: Serialize>(client: &'a Client, path: &[&str], body: &B) -> Result<Self, Error> {
        let body = serde_json::to_vec(body).map_err(|error| Error::Config(error.to_string()))?;
        Ok(Self {
            body: Some(body),
            repeatable: false,
            ..Self::new(client, Method::POST, path)
        })
    }

    pub(crate) fn query(mut self, pairs: &[(&'static str, String)]) -> Self {
        if !pairs.is_empty() {
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    /// Has the server refuse it where what a preview showed has changed.
    pub(crate) fn previewed(self, token: Option<&str>) -> Self {
        Self {
            preview_token: token.map(ToOwned::to_owned),
            ..self
        }
    }

    /// What the request would do. However often it is asked, nothing is done.
    pub(crate) async fn preview(self) -> Result<Preview, Error> {
        let call = Self {
            repeatable: true,
            dry_run: true,
            ..self.query(&[("dry_run", "true".to_owned())])
        };
        call.json().await
    }

    /// The answer's JSON.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let (status, body) = self.bytes().await?;
        serde_json::from_slice(&body).map_err(|error| self.unexpected(status, error.to_string()))
    }

    /// The answer's text.
    pub(crate) async fn text(self) -> Result<String, Error> {
        let (status, body) = self.bytes().await?;
        String::from_utf8(body).map_err(|error| self.unexpected(status, error.to_string()))
    }

    /// The answer as CSV, piece by piece; any other form of an answer is an error. It is sent once: what came already was
    /// taken.
    pub(crate) async fn csv<E: From<Error>>(
        self,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut response = self.send_for("text/csv, application/problem+json").await?;
        let status = response.status();
        if !status.is_success() {
            self.read(response).await?;
            return Ok(());
        }
        let form = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|form| form.to_str().ok());
        let form = form.unwrap_or_default().to_owned();
        // An older server, or a cache before it, may have nothing but JSON: that is one page, and not the list.
        if form.split(';').next().map(str::trim) != Some("text/csv") {
            return Err(self
                .unexpected(status, format!("it is {form:?} and not text/csv"))
                .into());
        }
        let broken = |error| E::from(Error::of_transport(self.client.url(), error));
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            take(&piece)?;
        }
        Ok(())
    }

    /// The answer's JSON; `None` where there is none to tell.
    pub(crate) async fn json_if_any<T: DeserializeOwned>(self) -> Result<Option<T>, Error> {
        let (status, body) = self.bytes().await?;
        if body.is_empty() {
            return Ok(None);
        }
        let answer = serde_json::from_slice(&body);
        answer
            .map(Some)
            .map_err(|error| self.unexpected(status, error.to_string()))
    }

    /// A request whose answer is lost is sent again where that is safe: with its Idempotency-Key it gets the answer that
    /// was lost. A server that cannot be reached at all is not waited for, unless an answer of it was lost before. What
    /// one sending left open, a later one settles only by an answer to what was asked.
    async fn bytes(&self) -> Result<(StatusCode, Vec<u8>), Error> {
        self.settled().await.map_err(|error| match self.changes() {
            true => error,
            false => error.of_reading(),
        })
    }

    async fn settled(&self) -> Result<(StatusCode, Vec<u8>), Error> {
        let mut lost: Option<Error> = None;
        let mut attempt = 1;
        loop {
            let wait = match self.attempt(attempt).await {
                Ok(Attempt::Again(wait, open)) => {
                    lost = lost.or(open);
                    wait
                }
                Ok(Attempt::Done(status, body)) => return Ok((status, body)),
                Err(error) if error.lost_the_answer() || lost.is_some() => {
                    if error.settles_earlier() {
                        return Err(error);
                    }
                    let last = attempt >= self.client.attempts || matches!(error, Error::Timeout { .. });
                    // The first one says what happened; those after it, that it could not be fixed.
                    let first = lost.take().unwrap_or(error);
                    if last || !self.repeatable {
                        return Err(first);
                    }
                    lost = Some(first);
                    spread(wait_after_loss(attempt))
                }
                Err(error) => return Err(error),
            };
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, attempt: u32) -> Result<Attempt, Error> {
        let response = self.send().await?;
        if let Some(wait) = self.pause(&response, attempt) {
            let open = match self.changes() && response.status().is_server_error() {
                true => self.read(response).await.err().filter(Error::leaves_open),
                false => None,
            };
            return Ok(Attempt::Again(wait, open));
        }
        let (status, body) = self.read(response).await?;
        Ok(Attempt::Done(status, body))
    }

    /// Whether there may be an effect, and not only an answer.
    fn changes(&self) -> bool {
        self.method != Method::GET && !self.dry_run
    }

    /// Sends once.
    pub(crate) async fn send(&self) -> Result<Response, Error> {
        self.send_for("application/json, application/problem+json, */*")
            .await
    }

    async fn send_for(&self, accept: &'static str) -> Result<Response, Error> {
        if let Some(no_name) = &self.no_name {
            return Err(Error::Config(format!(
                "{no_name:?} is not a name or a number of anything"
            )));
        }
        let mut request = self.client.http.request(self.method.clone(), self.url.clone());
        request = request.header(ACCEPT, HeaderValue::from_static(accept));
        if let Some(headers) = self.client.authorization()? {
            request = request.headers(headers);
        }
        if let Some(key) = &self.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(token) = &self.preview_token {
            request = request.header("preview-token", token);
        }
        if let Some(body) = &self.body {
            request = request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body.clone());
        }
        request
            .send()
            .await
            .map_err(|error| Error::of_transport(self.client.url(), error))
    }

    /// How long to wait before the request is sent again; `None` if it is not.
    fn pause(&self, response: &Response, attempt: u32) -> Option<Duration> {
        let busy = matches!(
            response.status(),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        );
        if !busy || !self.repeatable || attempt >= self.client.attempts {
            return None;
        }
        let wait = response
            .headers()
            .get(RETRY_AFTER)?
            .to_str()
            .ok()?
            .parse()
            .map(Duration::from_secs)
            .ok()?;
        (wait <= LONGEST_WAIT).then(|| spread(wait))
    }

    async fn read(&self, mut response: Response) -> Result<(StatusCode, Vec<u8>), Error> {
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| Error::of_transport(self.client.url(), error))?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.unexpected(status, format!("it is longer than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok((status, body));
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if !problem.kind.is_empty() => Err(Error::Problem(Box::new(Problem {
                status: status.as_u16(),
                ..problem
            }))),
            _ => Err(self.unexpected(status, "it is not a problem document".to_owned())),
        }
    }

    pub(crate) fn unexpected(&self, status: StatusCode, what: String) -> Error {
        Error::Unexpected {
            url: self.url.to_string(),
            status: status.as_u16(),
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_after_a_lost_answer_begins_with_the_first_and_doubles() {
        let waits: Vec<_> = (1..ATTEMPTS).map(wait_after_loss).collect();
        assert_eq!(waits, [100, 200, 400, 800].map(Duration::from_millis));
    }
}
