//! What a REST request says of itself: whether it is a dry run, and which preview it holds to.

use std::sync::{Arc, OnceLock};

use http::request::Parts;
use vocabulary::ProblemType;
use x509::digest::sha256;

use super::token::{HEADER, MAX_TOKEN, Refusal};
use super::{Answer, Intent, Preview};
use crate::auth::Caller;
use crate::problem::Problem;

/// Name of the query parameter.
pub const PARAMETER: &str = "dry_run";

/// The intent of a REST request. It is part of [`Allow`](crate::auth::Allow) where the permission acts.
#[derive(Clone, Debug)]
pub struct RestIntent {
    how: How,
    /// Caller, method, path and query.
    request: [u8; 32],
    body: BodyDigest,
}

#[derive(Clone, Debug)]
enum How {
    /// Act.
    Plain,
    /// Say what would happen.
    DryRun,
    /// Act, if this preview still holds.
    HoldingTo(String),
}

/// SHA-256 of the request's body, filled in by whoever reads it; empty for a request without one. Nothing is hashed for
/// requests that neither preview nor hold to a preview.
#[derive(Clone, Debug, Default)]
pub(crate) struct BodyDigest(Arc<OnceLock<[u8; 32]>>);

impl BodyDigest {
    /// Remembers the body.
    pub(crate) fn set(&self, body: &[u8]) {
        self.0.get_or_init(|| sha256(body));
    }
}

/// In a request's extensions: the parameter was read, and is not one of the handler's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TakenParameter(pub(crate) &'static str);

/// What a permission adds to the handler's argument.
pub(crate) trait FromParts: Sized {
    fn from_parts(parts: &mut Parts, caller: &Caller) -> Result<Self, Problem>;
}

/// A permission that changes nothing.
impl FromParts for () {
    fn from_parts(_: &mut Parts, _: &Caller) -> Result<Self, Problem> {
        Ok(())
    }
}

impl FromParts for RestIntent {
    fn from_parts(parts: &mut Parts, caller: &Caller) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = || form_urlencoded::parse(query.as_bytes());
        let dry_run = match pairs()
            .find(|(name, _)| name == PARAMETER)
            .map(|(_, value)| value)
        {
            None => false,
            Some(value) if value == "true" => true,
            Some(value) if value == "false" => false,
            Some(_) => {
                let detail = "query parameter dry_run takes true or false";
                return Err(Problem::new(ProblemType::InvalidRequest, detail).at(PARAMETER));
            }
        };
        let held_to = held_to(parts)?;
        let how = match (dry_run, held_to) {
            (false, None) => How::Plain,
            (true, None) => How::DryRun,
            (false, Some(token)) => How::HoldingTo(token),
            (true, Some(_)) => {
                let detail = "Preview-Token is for the request itself; leave it out of a dry run";
                return Err(Problem::new(ProblemType::InvalidRequest, detail).at("Preview-Token"));
            }
        };
        let body = BodyDigest::default();
        let mut request = [0; 32];
        if !matches!(how, How::Plain) {
            let rest = pairs().filter(|(name, _)| name != PARAMETER);
            let rest = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(rest)
                .finish();
            let said = [
                caller.subject.as_str(),
                parts.method.as_str(),
                parts.uri.path(),
                &rest,
            ];
            request = sha256(said.join("\n").as_bytes());
            parts.extensions.insert(body.clone());
        }
        parts.extensions.insert(TakenParameter(PARAMETER));
        Ok(Self { how, request, body })
    }
}

fn held_to(parts: &Parts) -> Result<Option<String>, Problem> {
    let mut values = parts.headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (value.to_str(), values.next()) {
        (Ok(text), None) if text.len() <= MAX_TOKEN => Ok(Some(text.to_owned())),
        _ => Err(Refusal::Unknown.into()),
    }
}

impl RestIntent {
    /// Whether nothing is to be said of what would happen.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.how, How::Plain)
    }

    pub(super) fn is_dry_run(&self) -> bool {
        matches!(self.how, How::DryRun)
    }

    /// The token that the request carries.
    pub(super) fn token(&self) -> &str {
        match &self.how {
            How::HoldingTo(token) => token,
            How::Plain | How::DryRun => "",
        }
    }

    /// SHA-256 over caller, route and body: a token is good for the same request only.
    pub(super) fn binding(&self) -> [u8; 32] {
        let body = self.body.0.get().copied().unwrap_or_else(|| sha256(b""));
        sha256(&[self.request, body].concat())
    }

    #[cfg(test)]
    pub(super) fn for_tests(token: Option<&str>, request: u8, body: &[u8]) -> Self {
        let asked = Self {
            how: token.map_or(How::DryRun, |token| How::HoldingTo(token.to_owned())),
            request: [request; 32],
            body: BodyDigest::default(),
        };
        asked.body.set(body);
        asked
    }
}

impl Intent for RestIntent {
    type Preview = Preview;
    type Answer<T: Send> = Answer<T>;

    fn asked(&self) -> Option<&RestIntent> {
        Some(self)
    }

    fn preview(preview: Preview) -> Option<Preview> {
        Some(preview)
    }

    fn done<T: Send>(outcome: T) -> Answer<T> {
        Answer::Done(outcome)
    }

    fn planned<T: Send>(preview: Preview) -> Answer<T> {
        Answer::Planned(Box::new(preview))
    }
}
