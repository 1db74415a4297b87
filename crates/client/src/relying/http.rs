//! Plain HTTP, bounded in size and time.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{RequestBuilder, Url, redirect};

use super::error::RelyingError;
use super::reach::{Reach, Resolver};

/// What is fetched, and how much of it for how long.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) url: &'a str,
    pub(super) max: u64,
    pub(super) seconds: u64,
}

/// Two clients: one that looks at each address before it connects, and one for the URLs of the operator.
#[derive(Clone, Debug)]
pub(super) struct Http {
    guarded: reqwest::Client,
    own: reqwest::Client,
    reach: Reach,
}

impl Http {
    pub(super) fn new(reach: Reach) -> Result<Self, RelyingError> {
        // reqwest takes the process's provider, and panics where there is none.
        let _set_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("gigvault/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                // A proxy would resolve names, and connect to what is not to be asked.
                .no_proxy()
                .http1_only()
                // Minutes may pass between two requests: a connection is not kept for them.
                .pool_max_idle_per_host(0)
        };
        let failed = |error: reqwest::Error| RelyingError::Setup(error.to_string());
        let resolver = Arc::new(Resolver(reach.clone()));
        Ok(Self {
            guarded: builder().dns_resolver(resolver).build().map_err(failed)?,
            own: builder().build().map_err(failed)?,
            reach,
        })
    }

    pub(super) async fn get(
        &self,
        ask: Ask<'_>,
        accept: &str,
        take: impl FnMut(&[u8]) -> Result<(), RelyingError>,
    ) -> Result<(), RelyingError> {
        let (client, url) = self.way(ask.url)?;
        read(ask, client.get(url).header(ACCEPT, accept), take).await
    }

    pub(super) async fn post(
        &self,
        ask: Ask<'_>,
        (sent, accept): (&str, &str),
        body: &[u8],
        take: impl FnMut(&[u8]) -> Result<(), RelyingError>,
    ) -> Result<(), RelyingError> {
        let (client, url) = self.way(ask.url)?;
        let request = client.post(url).header(CONTENT_TYPE, sent).header(ACCEPT, accept);
        read(ask, request.body(body.to_vec()), take).await
    }

    /// The client that may ask that URL.
    fn way(&self, text: &str) -> Result<(&reqwest::Client, Url), RelyingError> {
        let refused = |why: &str| RelyingError::not_asked(text, why);
        let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
        if url.scheme() != "http" {
            // What is served there is signed, and TLS would need a status that is asked for in turn (RFC 5280 section 8).
            return Err(refused("only http URLs are"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it names a user, and no credential is sent"));
        }
        if self.reach.is_own(&url) {
            return Ok((&self.own, url));
        }
        match self.reach.refusal_of_host(&url) {
            Some(refusal) => Err(refusal.of(text)),
            None => Ok((&self.guarded, url)),
        }
    }
}

async fn read(
    ask: Ask<'_>,
    request: RequestBuilder,
    mut take: impl FnMut(&[u8]) -> Result<(), RelyingError>,
) -> Result<(), RelyingError> {
    let failed = |error: reqwest::Error| of_transport(ask, &error);
    let request = request.timeout(Duration::from_secs(ask.seconds));
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(RelyingError::Status {
            url: ask.url.to_owned(),
            status,
        });
    }
    let mut length = 0_u64;
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        length = length.saturating_add(piece.len() as u64);
        if length > ask.max {
            return Err(RelyingError::TooLong {
                url: ask.url.to_owned(),
                max: ask.max,
            });
        }
        take(&piece)?;
    }
    Ok(())
}

fn of_transport(ask: Ask<'_>, error: &reqwest::Error) -> RelyingError {
    let url = ask.url.to_owned();
    if error.is_timeout() {
        return RelyingError::Timeout {
            url,
            seconds: ask.seconds,
        };
    }
    // Each layer repeats itself in its own words; the last one knows.
    let first: &(dyn std::error::Error + 'static) = error;
    let last = std::iter::successors(Some(first), |error| error.source()).last();
    if let Some(refusal) = last.and_then(|last| last.downcast_ref::<super::reach::Refusal>()) {
        return refusal.of(ask.url);
    }
    RelyingError::Unreachable {
        url,
        cause: last.map(ToString::to_string).unwrap_or_default(),
    }
}
