//! What can go wrong between here and the server, and what the server says when it refuses.

use std::fmt;

use serde::{Deserialize, Serialize};
use vocabulary::ProblemType;

use crate::trust::NotTheApi;

/// Why a request did not get what it asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused, and says why.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// No connection, or it broke.
    #[error("{url} cannot be reached: {cause}")]
    Unreachable {
        /// The server.
        url: String,
        /// The innermost reason.
        cause: String,
        /// Whether the request was under way, so that the answer may be what was lost.
        sent: bool,
        /// All of it.
        #[source]
        source: reqwest::Error,
    },
    /// The server did not answer in time.
    #[error("{url} did not answer in time")]
    Timeout {
        /// The server.
        url: String,
        /// As for [`Self::Unreachable`].
        sent: bool,
    },
    /// The server's certificate is not one to trust here, so nothing was sent.
    #[error("the certificate of {url} is not trusted: {cause}")]
    Untrusted {
        /// The server.
        url: String,
        /// What is wrong with it.
        cause: String,
        /// All of it.
        #[source]
        source: reqwest::Error,
    },
    /// What the server shows as its own certificate is that of a CA, which no server may, so nothing was sent.
    #[error(
        "the certificate of {url} is not trusted: it is the certificate of a CA, and not that of a server"
    )]
    CaCertificate {
        /// The server.
        url: String,
        /// All of it.
        #[source]
        source: reqwest::Error,
    },
    /// The server's certificate is for its name and from a trusted CA, but it is not that of the API, so nothing was
    /// sent.
    #[error("{url} is not the GigVault API: its certificate is for that name, but {cause}")]
    NotTheApi {
        /// The server.
        url: String,
        /// What is wrong with it.
        cause: String,
        /// All of it.
        #[source]
        source: reqwest::Error,
    },
    /// Something listens there that cannot be the API: it speaks another protocol, or is another port of GigVault. No
    /// request was answered.
    #[error("{url} is not the REST API of GigVault: {what}")]
    OtherPort {
        /// The server.
        url: String,
        /// What listens there.
        what: String,
        /// All of it.
        #[source]
        source: reqwest::Error,
    },
    /// Something answered, but not as this API does: another server, or a proxy in between.
    #[error("{url} answered {status}, but not as the API of GigVault does: {what}")]
    Unexpected {
        /// The server.
        url: String,
        /// HTTP status.
        status: u16,
        /// What is wrong with it.
        what: String,
    },
    /// The client cannot be made from what was given.
    #[error("{0}")]
    Config(String),
}

impl Error {
    /// The problem document, if the server sent one.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    /// The HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            Self::Unexpected { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the server may have done what it was asked for, although this error is all that is known of it: the
    /// answer was lost, or is none of this API, or the server failed on the way.
    #[must_use]
    pub fn leaves_open(&self) -> bool {
        match self {
            Self::Unreachable { sent, .. } | Self::Timeout { sent, .. } => *sent,
            Self::Unexpected { .. } => true,
            // The credential is checked before anything is done.
            Self::Problem(problem) => {
                problem.status >= 500 && problem.known() != Some(ProblemType::CredentialUnchecked)
            }
            Self::Untrusted { .. }
            | Self::CaCertificate { .. }
            | Self::NotTheApi { .. }
            | Self::OtherPort { .. }
            | Self::Config(_) => false,
        }
    }

    /// Whether a server that is older than this client would have answered so: it does not know the route, its method, a query
    /// parameter, a member of the request or the form of the answer, or its answer lacks a member. [`Client::status`](crate::Client::status) tells its
    /// version to those who may know.
    #[must_use]
    pub fn suggests_older_server(&self) -> bool {
        match self {
            Self::Problem(problem) => matches!(
                problem.known(),
                Some(
                    ProblemType::UnknownPath
                        | ProblemType::UnknownParameter
                        | ProblemType::UnknownMember
                        | ProblemType::MethodNotAllowed
                        | ProblemType::NotAcceptable
                )
            ),
            Self::Unexpected { status, what, .. } => {
                (200..300).contains(status) && what.starts_with("missing field ")
            }
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Untrusted { .. }
            | Self::CaCertificate { .. }
            | Self::NotTheApi { .. }
            | Self::OtherPort { .. }
            | Self::Config(_) => false,
        }
    }

    /// The same for a request that only reads: there is nothing that the server may have done.
    pub(crate) fn of_reading(mut self) -> Self {
        if let Self::Unreachable { sent, .. } | Self::Timeout { sent, .. } = &mut self {
            *sent = false;
        }
        self
    }

    /// Whether the request was under way when its connection broke.
    pub(crate) fn lost_the_answer(&self) -> bool {
        matches!(self, Self::Unreachable { sent: true, .. })
    }

    /// Whether a repetition that is refused so says what became of the request before it: that it was refused as well or,
    /// by the 409 to the repeated creation of an API key, that it was done, and which key to revoke, since its text is not
    /// told twice. Who asks, and how often, is judged before what was asked for is looked up: those refusals say nothing.
    pub(crate) fn settles_earlier(&self) -> bool {
        matches!(self, Self::Problem(problem) if matches!(problem.status, 400 | 404 | 409 | 413 | 415 | 422))
    }

    pub(crate) fn of_transport(url: &str, source: reqwest::Error) -> Self {
        let url = url.to_owned();
        let sent = !source.is_connect() && !source.is_builder();
        if source.is_timeout() {
            return Self::Timeout { url, sent };
        }
        let cause = innermost(&source);
        if let Some(what) = other_port(&url, &source) {
            return Self::OtherPort { url, what, source };
        }
        if let Some(cause) = not_the_api(&source) {
            return Self::NotTheApi { url, cause, source };
        }
        if is_that_of_a_ca(&source) {
            return Self::CaCertificate { url, source };
        }
        if is_about_certificate(&source) {
            return Self::Untrusted { url, cause, source };
        }
        Self::Unreachable {
            url,
            cause,
            sent,
            source,
        }
    }
}

/// A problem document (RFC 9457) as the server sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable URI of the kind of problem.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The same for every problem of this type.
    #[serde(default)]
    pub title: String,
    /// HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What failed, and what to do.
    #[serde(default)]
    pub detail: String,
    /// Path of the input at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Ids of the lints that refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lints: Vec<String>,
    /// Finds the request in the server's logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl Problem {
    /// The last part of the type: `not-found` of `https://gigvault.io/problems/not-found`.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }

    /// The type, if this version knows it. Programs decide by it; `detail` is for people, and its text may change.
    #[must_use]
    pub fn known(&self) -> Option<ProblemType> {
        ProblemType::from_slug(self.slug())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.detail.is_empty() {
            &self.title
        } else {
            &self.detail
        };
        f.write_str(text)?;
        if let Some(field) = self.field.as_deref().filter(|field| !text.starts_with(*field)) {
            write!(f, " ({field})")?;
        }
        if !self.lints.is_empty() {
            write!(f, " [{}]", self.lints.join(", "))?;
        }
        Ok(())
    }
}

fn sources<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source())
}

/// Each layer repeats itself in its own words; the last one knows.
fn innermost(error: &reqwest::Error) -> String {
    sources(error).last().map(ToString::to_string).unwrap_or_default()
}

/// What listens there, where that is not the API by its first answer.
fn other_port(url: &str, error: &reqwest::Error) -> Option<String> {
    if url.starts_with("http:") {
        // hyper names these no other way.
        let first = innermost(error);
        let not_http = first.starts_with("invalid HTTP") || first.starts_with("received unexpected message");
        let what =
            "what listens there does not answer in plain HTTP; if it is the HTTPS port, write https://";
        return not_http.then(|| what.to_owned());
    }
    match tls_error(error)? {
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            Some("what listens there does not speak TLS".to_owned())
        }
        rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForNameContext {
            presented,
            ..
        }) => presented
            .iter()
            .any(|name| name.contains("spiffe://"))
            .then(|| "it shows the certificate of a service, as the gRPC port does".to_owned()),
        _ => None,
    }
}

fn is_about_certificate(error: &reqwest::Error) -> bool {
    certificate_error(error).is_some()
}

/// Whether the server shows the certificate of a CA as its own.
fn is_that_of_a_ca(error: &reqwest::Error) -> bool {
    // rustls has no variant for it, and passes on what webpki says.
    matches!(
        certificate_error(error),
        Some(rustls::CertificateError::Other(other)) if other.0.to_string() == "CaUsedAsEndEntity"
    )
}

/// Why the certificate is not that of the API, if our own check said so.
fn not_the_api(error: &reqwest::Error) -> Option<String> {
    match certificate_error(error)? {
        rustls::CertificateError::Other(other) => {
            other.0.downcast_ref::<NotTheApi>().map(ToString::to_string)
        }
        _ => None,
    }
}

fn certificate_error(error: &reqwest::Error) -> Option<&rustls::CertificateError> {
    match tls_error(error)? {
        rustls::Error::InvalidCertificate(error) => Some(error),
        _ => None,
    }
}

fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    sources(error).find_map(|layer| {
        let mut layer = Some(layer);
        // rustls's error travels inside an io::Error, and that at times in another, whose `source` skips them.
        while let Some(io) = layer.and_then(|layer| layer.downcast_ref::<std::io::Error>()) {
            layer = io
                .get_ref()
                .map(|inner| -> &(dyn std::error::Error + 'static) { inner });
        }
        layer.and_then(|layer| layer.downcast_ref::<rustls::Error>())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_a_sentence() {
        let problem = Problem {
            kind: "https://gigvault.io/problems/lint".to_owned(),
            detail: "two lints refused the certificate".to_owned(),
            field: Some("csr.san".to_owned()),
            lints: vec!["san_empty".to_owned(), "cn_not_in_san".to_owned()],
            ..Problem::default()
        };
        assert_eq!(problem.slug(), "lint");
        assert_eq!(
            problem.to_string(),
            "two lints refused the certificate (csr.san) [san_empty, cn_not_in_san]"
        );
        let named = Problem {
            detail: "validity: too long".to_owned(),
            field: Some("validity".to_owned()),
            ..problem
        };
        assert!(named.to_string().starts_with("validity: too long ["));
    }

    #[test]
    fn a_server_that_could_not_check_the_credential_has_done_nothing() {
        let failed = |slug: &str| {
            Error::Problem(Box::new(Problem {
                kind: format!("https://gigvault.io/problems/{slug}"),
                status: 503,
                ..Problem::default()
            }))
        };
        for slug in ["unavailable", "timeout", "internal", "of-a-later-version"] {
            assert!(failed(slug).leaves_open(), "{slug}");
        }
        assert!(!failed("credential-unchecked").leaves_open());
    }

    #[test]
    fn a_problem_of_a_later_version_is_understood() {
        let text = r#"{"type": "about:blank", "title": "No", "status": 418, "teapot": true}"#;
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!((problem.status, problem.to_string().as_str()), (418, "No"));
    }
}
