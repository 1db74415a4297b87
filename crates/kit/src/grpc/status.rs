//! Faults as gRPC statuses, and back.
//!
//! The text is [`Fault::public`]; slug, kind, field, lints and the time to wait travel as metadata. A status
//! without a slug was not made by a service but by a transport or an allow list: it says something about the
//! calling service, not about its user, and turns into [`Kind::Internal`] or [`Kind::Unavailable`].

use std::time::Duration;

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use vocabulary::ProblemType;

use crate::error::{FAILED, Fault, Kind, Shown, report};

const PROBLEM: &str = "gigvault-problem";
const KIND: &str = "gigvault-kind";
const FIELD: &str = "gigvault-field";
const LINTS: &str = "gigvault-lints";
const RETRY_AFTER_MS: &str = "gigvault-retry-after-ms";

/// The status that a gRPC method answers for this fault. Logs what an operator must know, once.
#[must_use]
pub fn to_status(fault: &dyn Fault) -> Status {
    report(fault);
    let shown = fault.shown();
    let mut metadata = MetadataMap::new();
    put(&mut metadata, PROBLEM, shown.problem.slug());
    put(&mut metadata, KIND, shown.kind.name());
    if let Some(field) = shown.field {
        put(&mut metadata, FIELD, field);
    }
    if !shown.lints.is_empty() {
        put(&mut metadata, LINTS, &shown.lints.join(","));
    }
    if let Some(wait) = shown.retry_after {
        put(&mut metadata, RETRY_AFTER_MS, &wait.as_millis().to_string());
    }
    Status::with_metadata(shown.kind.grpc(), fault.public(), metadata)
}

/// [`to_status`] in the form that `map_err` takes.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub fn status<F: Fault>(fault: F) -> Status {
    to_status(&fault)
}

// A value outside ASCII has no place in metadata: the text of the status still says it.
fn put(metadata: &mut MetadataMap, key: &'static str, value: &str) {
    if let Ok(value) = MetadataValue::try_from(value) {
        metadata.insert(key, value);
    }
}

/// What a peer answered instead of doing what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("a peer answered {code:?}: {text}")]
pub struct RemoteFault {
    code: Code,
    text: String,
    kind: Kind,
    problem: Option<ProblemType>,
    field: Option<String>,
    lints: Vec<String>,
    retry_after: Option<Duration>,
}

impl From<Status> for RemoteFault {
    fn from(status: Status) -> Self {
        let get = |key| {
            status
                .metadata()
                .get(key)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let problem = get(PROBLEM);
        let kind = match (&problem, get(KIND).as_deref().and_then(Kind::from_name)) {
            (Some(_), Some(kind)) => kind,
            _ => transport_kind(status.code()),
        };
        // A later version may have types that this one does not know.
        let problem = problem.map(|slug| ProblemType::from_slug(&slug).unwrap_or(kind.into()));
        let text = match std::error::Error::source(&status) {
            Some(source) => format!("{}: {}", status.message(), crate::error::chain(source)),
            None => status.message().to_owned(),
        };
        Self {
            code: status.code(),
            text,
            kind,
            problem,
            field: get(FIELD),
            lints: get(LINTS)
                .map(|lints| lints.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            retry_after: get(RETRY_AFTER_MS)
                .and_then(|ms| ms.parse().ok())
                .map(Duration::from_millis),
        }
    }
}

impl RemoteFault {
    /// The code as it came.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Whether the service did not answer: this is what the transport, or an allow list before the service, said.
    #[must_use]
    pub const fn is_of_transport(&self) -> bool {
        self.problem.is_none()
    }
}

// Connections come and go (restart, rotation, load): those may be tried again. The rest is a mistake in the
// deployment, such as a method that is not there or a caller that is not on the list.
const fn transport_kind(code: Code) -> Kind {
    match code {
        Code::Unavailable
        | Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Unknown
        | Code::Aborted
        | Code::ResourceExhausted => Kind::Unavailable,
        _ => Kind::Internal,
    }
}

impl Fault for RemoteFault {
    fn shown(&self) -> Shown<'_> {
        let text = match (&self.problem, self.kind) {
            (Some(_), _) => &self.text,
            (None, Kind::Unavailable) => "a service that this one needs does not answer; try again",
            (None, _) => FAILED,
        };
        let mut shown = Shown::of(self.kind).lints(self.lints.clone()).saying(text);
        shown.problem = self.problem.unwrap_or(shown.problem);
        shown.retry_after = self.retry_after.or(shown.retry_after);
        shown.field = self.field.as_deref();
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("names müssen stimmen\r\nx: y")]
    struct Refused(Kind);
    impl Fault for Refused {
        fn shown(&self) -> Shown<'_> {
            Shown::of(self.0)
                .lints(vec!["a".to_owned(), "b".to_owned()])
                .typed(ProblemType::DeniedByProfile)
                .at("san[1]")
                .retry_after(Duration::from_millis(1500))
        }
    }

    #[test]
    fn a_fault_survives_the_way_through_grpc() {
        for kind in Kind::ALL {
            let fault = Refused(kind);
            let status = to_status(&fault);
            assert_eq!(status.code(), kind.grpc());
            let back = RemoteFault::from(status);
            assert_eq!(back.kind(), kind);
            assert_eq!(back.public(), fault.public());
            let (back, shown) = (back.shown(), fault.shown());
            assert_eq!(back.problem, shown.problem);
            assert_eq!(back.field, shown.field);
            assert_eq!(back.lints, shown.lints);
            assert_eq!(back.retry_after, shown.retry_after);
        }
    }

    #[test]
    fn a_status_of_the_transport_is_not_the_users_fault() {
        let kind = |code| RemoteFault::from(Status::new(code, "x")).kind();
        assert_eq!(kind(Code::PermissionDenied), Kind::Internal);
        assert_eq!(kind(Code::Unauthenticated), Kind::Internal);
        assert_eq!(kind(Code::Unimplemented), Kind::Internal);
        assert_eq!(kind(Code::Unavailable), Kind::Unavailable);
        assert_eq!(kind(Code::Cancelled), Kind::Unavailable);
    }
}
