//! The client and what it is made of: a base URL, trust, a credential.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use x509::bundle::Bundle;
use x509::uri::shown;

use crate::error::Error;
use crate::host::is_loopback_host;
use crate::resources::api_keys::ApiKeys;
use crate::resources::cas::Cas;
use crate::resources::certificates::Certificates;
use crate::resources::dry_run::DryRun;
use crate::resources::jobs::Jobs;
use crate::resources::keys::Keys;
use crate::resources::profiles::Profiles;
use crate::trust::{self, ServerIdentity};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a request is sent at most.
pub(crate) const ATTEMPTS: u32 = 5;

/// A connection to the REST API of one server. Clones share it.
#[derive(Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Arc<Url>,
    pub(crate) attempts: u32,
    token: Option<Arc<SecretString>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

/// Makes a [`Client`].
#[derive(Clone)]
pub struct Builder {
    url: String,
    token: Option<SecretString>,
    roots: Option<Vec<u8>>,
    identity: Option<ServerIdentity>,
    timeout: Duration,
    attempts: u32,
}

impl Client {
    /// For the server at this URL, such as `https://127.0.0.1:8443`.
    #[must_use]
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder {
            url: url.into(),
            token: None,
            roots: None,
            identity: None,
            timeout: TIMEOUT,
            attempts: ATTEMPTS,
        }
    }

    /// The server's URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Certificates.
    #[must_use]
    pub fn certificates(&self) -> Certificates<'_> {
        Certificates(self)
    }

    /// Certificate authorities.
    #[must_use]
    pub fn cas(&self) -> Cas<'_> {
        Cas(self)
    }

    /// Certificate profiles.
    #[must_use]
    pub fn profiles(&self) -> Profiles<'_> {
        Profiles(self)
    }

    /// Keys held by the key manager.
    #[must_use]
    pub fn keys(&self) -> Keys<'_> {
        Keys(self)
    }

    /// Long work that was accepted.
    #[must_use]
    pub fn jobs(&self) -> Jobs<'_> {
        Jobs(self)
    }

    /// What requests would do, without doing it.
    #[must_use]
    pub fn dry_run(&self) -> DryRun<'_> {
        DryRun(self)
    }

    /// API keys.
    #[must_use]
    pub fn api_keys(&self) -> ApiKeys<'_> {
        ApiKeys(self)
    }

    /// The header that carries the credential; `None` without one.
    pub(crate) fn authorization(&self) -> Result<Option<HeaderMap>, Error> {
        let Some(token) = &self.token else { return Ok(None) };
        let value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
        let mut value =
            value.map_err(|_| Error::Config("the token holds characters that no token has".to_owned()))?;
        value.set_sensitive(true);
        Ok(Some(HeaderMap::from_iter([(AUTHORIZATION, value)])))
    }
}

impl Builder {
    /// The credential to send: an API key.
    #[must_use]
    pub fn token(self, token: SecretString) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }

    /// Trusts these root certificates (PEM, one or more) and no others. Without it the machine's own are trusted.
    #[must_use]
    pub fn roots(self, pem: Vec<u8>) -> Self {
        Self {
            roots: Some(pem),
            ..self
        }
    }

    /// What the server has to show. Unless said otherwise: the certificate of the API from the services CA of GigVault
    /// where roots are given, and a certificate for its name where the machine's own are trusted.
    #[must_use]
    pub fn server_identity(self, identity: ServerIdentity) -> Self {
        Self {
            identity: Some(identity),
            ..self
        }
    }

    /// Longest time for one request and its answer; 60 seconds unless said otherwise.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends each request once, for a caller who wants to know how it is now. Unless said so, what is safe to repeat is sent up
    /// to five times, where the server asks for that or its answer is lost.
    #[must_use]
    pub const fn once(mut self) -> Self {
        self.attempts = 1;
        self
    }

    /// Checks the parts. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Config`] for a URL or root certificates that cannot be used.
    pub fn build(self) -> Result<Client, Error> {
        // reqwest takes the process's provider, and panics where there is none.
        let _set_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let base = base_url(&self.url)?;
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("gigvault/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(self.timeout)
            .tcp_nodelay(true)
            .tls_info(true);
        if is_loopback(&base) {
            http = http.no_proxy();
        }
        http = trusting(http, &base, self.roots.as_deref(), self.identity)?;
        let unusable = |error| Error::Config(format!("the connection cannot be set up: {error}"));
        Ok(Client {
            http: http.build().map_err(unusable)?,
            base: Arc::new(base),
            attempts: self.attempts,
            token: self.token.map(Arc::new),
        })
    }
}

/// Sets what is trusted.
fn trusting(
    http: reqwest::ClientBuilder,
    base: &Url,
    pem: Option<&[u8]>,
    identity: Option<ServerIdentity>,
) -> Result<reqwest::ClientBuilder, Error> {
    let Some(pem) = pem else {
        return match identity {
            Some(ServerIdentity::Name) => Ok(http),
            Some(_) => Err(Error::Config(
                "the identity of the API is checked under a root of GigVault: give its certificate"
                    .to_owned(),
            )),
            // No public CA certifies loopback, so the root of a private one is among the machine's own, and
            // everybody who gets certificates there can have one for localhost.
            None if base.scheme() == "https" && is_loopback(base) => Err(Error::Config(format!(
                "{base} needs the root of GigVault (--ca-file): the roots of the machine do not tell this server from \
                 another holder of a certificate for localhost"
            ))),
            None => Ok(http),
        };
    };
    let anchors = roots(pem)?;
    Ok(match identity.unwrap_or(ServerIdentity::Gigvault) {
        ServerIdentity::Name => http.tls_certs_only(anchors),
        ServerIdentity::Gigvault => http.tls_backend_preconfigured(trust::config(pem, None)?),
        ServerIdentity::TrustDomain(domain) => {
            http.tls_backend_preconfigured(trust::config(pem, Some(domain))?)
        }
    })
}

fn roots(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, Error> {
    let unreadable =
        |error: &dyn fmt::Display| Error::Config(format!("the CA certificates cannot be read: {error}"));
    // The same reader as for everything else, so that one file means the same everywhere.
    let roots = Bundle::read(pem).map_err(|error| unreadable(&error))?;
    let mut refused = None;
    let mut usable = Vec::new();
    for root in &roots.certificates {
        match reqwest::Certificate::from_der(root.der()) {
            Ok(root) => usable.push(root),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match (usable.is_empty(), refused) {
        (true, Some(error)) => Err(unreadable(&error)),
        _ => Ok(usable),
    }
}

fn base_url(text: &str) -> Result<Url, Error> {
    let refuse = |why: &str| Error::Config(format!("{:?} is not a server URL: {why}", shown(text)));
    let mut url = Url::parse(text).map_err(|error| match Url::parse(&format!("https://{text}")) {
        Ok(url) if url.port().is_some() => {
            refuse(&format!("it has no scheme; write https://{}", shown(text)))
        }
        _ => refuse(&format!("{error}; write https://host:port")),
    })?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(refuse(
                "it would send the credential in the clear; write https://",
            ));
        }
        _ => return Err(refuse("write https://host:port")),
    }
    if url.host().is_none() || !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("write https://host:port, without a user"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it ends in a query; write https://host:port"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    is_loopback_host(url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_keep_the_credential_safe_are_taken() {
        for good in [
            "https://pki.example.test",
            "https://[::1]:8443/",
            "http://127.0.0.1:1",
            "http://localhost:8080",
        ] {
            assert!(base_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "pki.example.test",
            "http://pki.example.test",
            "http://127.0.0.1.example.test",
            "ftp://a",
            "https://user@a",
            "https://a?x",
            "https://a#x",
        ] {
            let refused = base_url(bad).unwrap_err().to_string();
            assert!(refused.contains("https://"), "{bad}: {refused}");
        }
    }

    #[test]
    fn a_url_below_a_path_stays_there() {
        assert_eq!(
            base_url("https://a.test/pki").unwrap().as_str(),
            "https://a.test/pki/"
        );
        let client = Client::builder("https://a.test/pki/").build().unwrap();
        assert_eq!(client.url(), "https://a.test/pki");
    }

    #[test]
    fn a_root_that_cannot_be_read_says_nothing_about_those_beside_it() {
        let root = include_str!("../tests/data/serial0.pem");
        let broken = "-----BEGIN CERTIFICATE-----\nMAMCAQ==\n-----END CERTIFICATE-----\n";
        for identity in [ServerIdentity::Name, ServerIdentity::Gigvault] {
            let build = |roots: String| {
                let client = Client::builder("https://a.test").roots(roots.into());
                client.server_identity(identity.clone()).build()
            };
            build(root.to_owned()).unwrap();
            build([broken, root, broken].concat()).unwrap();
            assert!(matches!(build(broken.to_owned()), Err(Error::Config(_))));
        }
    }

    #[test]
    fn roots_that_are_none_are_refused() {
        for bad in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            let built = Client::builder("https://a.test").roots(bad.into()).build();
            assert!(matches!(built, Err(Error::Config(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_token_that_would_break_the_header_is_refused_and_never_shown() {
        let client = Client::builder("https://a.test")
            .token("gv_a\r\nx: y".into())
            .build()
            .unwrap();
        let error = client.authorization().unwrap_err();
        assert!(!error.to_string().contains("gv_a"), "{error}");
        assert!(!format!("{client:?}").contains("gv_a"));
    }
}
