//! What a request is answered with.

use std::time::Duration;

use tokio::time::timeout;

use crate::answer::{Answer, Outcome, ResultCode};
use crate::directory::{Directory, Unavailable};
use crate::dn::{Dn, InvalidDn};
use crate::entry::{Entry, Selection, entries_of};
use crate::filter::FilterError;
use crate::message::{Malformed, Message, Request, Scope, Search};
use crate::root::{root_dse, subschema};

/// Who am I? (RFC 4532). The answer is empty: clients are anonymous.
pub(crate) const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// Most entries of an answer.
const MAX_ENTRIES: usize = 1000;
/// Longest search, the sending of the answer aside.
const MAX_TIME: Duration = Duration::from_secs(30);

/// What is to be sent for a message; none if there is no answer to it.
pub(crate) async fn answer(message: &Message<'_>, directory: &dyn Directory) -> Option<Answer> {
    let tag = message.operation.answer()?;
    let outcome = |outcome| Some(Answer::new(message.id, tag, outcome));
    let request = match &message.request {
        Ok(request) => request,
        Err(malformed) => return outcome(Outcome::new(code_of(malformed), malformed.to_string())),
    };
    match request {
        Request::Bind {
            version,
            name,
            password,
        } => outcome(bind(*version, name, *password)),
        Request::Search(search) => Some(self::search(message.id, search, directory).await),
        Request::Write => outcome(Outcome::new(
            ResultCode::UnwillingToPerform,
            "this directory is read-only",
        )),
        Request::Compare => outcome(Outcome::new(
            ResultCode::UnwillingToPerform,
            "this directory answers searches only",
        )),
        Request::Extended { name } if *name == WHO_AM_I => {
            Some(Answer::new(message.id, tag, Outcome::SUCCESS).with_value(b""))
        }
        Request::Extended { .. } => outcome(Outcome::new(
            ResultCode::ProtocolError,
            "this extended operation is not supported",
        )),
        Request::Unbind | Request::Abandon => None,
    }
}

fn code_of(malformed: &Malformed) -> ResultCode {
    match malformed {
        Malformed::Filter(FilterError::Depth | FilterError::Parts)
        | Malformed::Attributes
        | Malformed::Controls => ResultCode::AdminLimitExceeded,
        Malformed::CriticalControl => ResultCode::UnavailableCriticalExtension,
        Malformed::Ber(_) | Malformed::Filter(FilterError::Ber(_)) => ResultCode::ProtocolError,
    }
}

/// Every client may read, and none has a name here: only anonymous binds succeed (RFC 4513 section 5.1).
fn bind(version: u32, name: &str, password: Option<&[u8]>) -> Outcome {
    match (version, name, password) {
        (3, "", Some([])) => Outcome::SUCCESS,
        (3, _, Some([])) => Outcome::new(
            ResultCode::UnwillingToPerform,
            "a bind with a name and without a password is refused (RFC 4513 section 5.1.2)",
        ),
        (3, _, Some(_)) => Outcome::new(
            ResultCode::InvalidCredentials,
            "this directory knows anonymous binds only",
        ),
        (3, _, None) => Outcome::new(
            ResultCode::AuthMethodNotSupported,
            "this directory knows simple anonymous binds only",
        ),
        _ => Outcome::new(ResultCode::ProtocolError, "the version must be 3"),
    }
}

async fn search(id: u32, search: &Search<'_>, directory: &dyn Directory) -> Answer {
    let done = |outcome| Answer::new(id, 0x65, outcome);
    let time = match search.time_limit {
        0 => MAX_TIME,
        seconds => MAX_TIME.min(Duration::from_secs(seconds.into())),
    };
    let base = match Dn::parse(search.base) {
        Ok(base) => base,
        Err(invalid @ InvalidDn) => {
            return done(Outcome::new(ResultCode::InvalidDnSyntax, invalid.to_string()));
        }
    };
    let published = match timeout(time, directory.published()).await {
        Ok(Ok(published)) => published,
        Ok(Err(unavailable @ Unavailable)) => {
            return done(Outcome::new(ResultCode::Unavailable, unavailable.to_string()));
        }
        Err(_elapsed) => return done(Outcome::new(ResultCode::TimeLimitExceeded, "")),
    };
    let entries = entries_of(&published);
    let found = match within(&base, search.scope, entries) {
        Ok(found) => found,
        Err(matched) => return done(Outcome::no_such_object(matched)),
    };
    let most = match search.size_limit {
        0 => MAX_ENTRIES,
        limit => MAX_ENTRIES.min(usize::try_from(limit).unwrap_or(MAX_ENTRIES)),
    };
    let mut matching = found
        .into_iter()
        .filter(|entry| search.filter.matches(entry) == Some(true));
    let selection = Selection::read(&search.attributes);
    let mut answer = done(Outcome::SUCCESS);
    for entry in matching.by_ref().take(most) {
        answer.entry(&entry, &selection, search.types_only);
    }
    if matching.next().is_some() {
        answer.outcome(Outcome::new(ResultCode::SizeLimitExceeded, ""));
    }
    answer
}

/// The entries in the scope, or the name of the nearest entry above a base that there is not. What is above entries is there as far
/// as one may search below it.
fn within(base: &Dn, scope: Scope, entries: Vec<Entry>) -> Result<Vec<Entry>, String> {
    let schema = subschema();
    if scope == Scope::Base && *base == Dn::default() {
        return Ok(vec![root_dse(&entries)]);
    }
    if *base == schema.key {
        return Ok(match scope {
            Scope::OneLevel => Vec::new(),
            Scope::Base | Scope::Subtree => vec![schema],
        });
    }
    let exists = entries.iter().any(|entry| match scope {
        Scope::Base => entry.key == *base,
        Scope::OneLevel | Scope::Subtree => entry.key.depth_below(base).is_some(),
    });
    if !exists && *base != Dn::default() {
        let above = entries
            .iter()
            .filter_map(|entry| Some((base.depth_below(&entry.key)?, entry)));
        let nearest = above.min_by_key(|(depth, _)| *depth);
        return Err(nearest.map(|(_, entry)| entry.name.clone()).unwrap_or_default());
    }
    Ok(entries
        .into_iter()
        .filter(|entry| match (scope, entry.key.depth_below(base)) {
            (_, None) => false,
            (Scope::Base, Some(depth)) => depth == 0,
            (Scope::OneLevel, Some(depth)) => depth == 1,
            (Scope::Subtree, Some(_)) => true,
        })
        .collect())
}
