//! By what two states of one resource are told apart (RFC 9110 section 8.8), and what a client asks by them (section 13).
//!
//! For handlers that know tag and date before they have the content, and for those that answer parts of it: the edge knows neither. It
//! looks at conditions on tags once more, with the same result.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName};
use time::OffsetDateTime;
use vocabulary::ProblemType;

use super::date;
use super::etag::{Conditions, EntityTag, unchanged};
use crate::problem::Problem;

/// Tag and date of what is read with GET or HEAD.
#[derive(Clone, Debug)]
pub struct Validators {
    tag: EntityTag,
    modified: OffsetDateTime,
}

impl Validators {
    /// `modified` has to be another second for each state: a date is as good as a strong tag then (section 8.8.2.2).
    #[must_use]
    pub fn new(tag: EntityTag, modified: OffsetDateTime) -> Self {
        Self {
            tag,
            modified: date::whole_seconds(modified),
        }
    }

    /// Writes `ETag` and `Last-Modified`. A date in the future is left out (section 8.8.2.1).
    pub fn write(&self, answer: &mut HeaderMap, now: OffsetDateTime) {
        if let Some(tag) = self.tag.header() {
            answer.insert(ETAG, tag);
        }
        if self.modified <= now {
            answer.insert(LAST_MODIFIED, date::write(self.modified));
        }
    }

    /// Whether the client has this state already, by its conditions, in the order of section 13.2.2.
    ///
    /// # Errors
    /// 412 where the client wants a state that is no longer there.
    pub fn is_unchanged(&self, request: &HeaderMap, now: OffsetDateTime) -> Result<bool, Problem> {
        let conditions = Conditions::of(request);
        conditions.check_match(Some(&self.tag))?;
        let unmodified_since = self.date(request, &IF_UNMODIFIED_SINCE, now);
        if !request.contains_key(IF_MATCH) && unmodified_since.is_some_and(|since| self.modified > since) {
            let detail = "what is there was modified after the date of If-Unmodified-Since; read it without that header";
            return Err(Problem::new(ProblemType::Changed, detail).at("If-Unmodified-Since"));
        }
        if request.contains_key(IF_NONE_MATCH) {
            return Ok(conditions.has(Some(&self.tag)));
        }
        // The date of another state may be later than that of this one, after a clock that was ahead: the client has this state only if
        // its date is that of this state. Section 13.1.3 leaves that to the server.
        Ok(self.date(request, &IF_MODIFIED_SINCE, now) == Some(self.modified))
    }

    /// Whether a part may be answered: what the client has of it is of this state, or it does not say (section 13.1.5).
    #[must_use]
    pub fn allow_part(&self, request: &HeaderMap, now: OffsetDateTime) -> bool {
        let Some(validator) = request.get(IF_RANGE) else {
            return true;
        };
        match EntityTag::read(validator.as_bytes()) {
            Some((tag, rest)) => rest.is_empty() && tag.is_strongly(&self.tag),
            None => self.modified <= now && self.date(request, &IF_RANGE, now) == Some(self.modified),
        }
    }

    /// A date that cannot be read, or more than one, is as if it were not there (sections 13.1.3 and 13.1.4).
    fn date(&self, request: &HeaderMap, name: &HeaderName, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let mut lines = request.get_all(name).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return None;
        };
        date::read(line.to_str().ok()?, now)
    }
}

/// 304 with what is said about the answer whose body is left out.
#[must_use]
pub fn not_modified(about: HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = about;
    unchanged(response)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-27 12:40:00 UTC);
    const SAME: &str = "Fri, 27 Nov 2026 12:37:35 GMT";
    const BEFORE: &str = "Fri, 27 Nov 2026 12:37:34 GMT";
    const AFTER: &str = "Fri, 27 Nov 2026 12:37:36 GMT";

    fn validators() -> Validators {
        Validators::new(EntityTag::of_bytes(b"1"), datetime!(2026-11-27 12:37:35.9 UTC))
    }

    fn tag() -> String {
        let mut answer = HeaderMap::new();
        validators().write(&mut answer, NOW);
        assert_eq!(answer[LAST_MODIFIED], SAME);
        answer[ETAG].to_str().unwrap().to_owned()
    }

    fn request(headers: &[(HeaderName, &str)]) -> HeaderMap {
        let line = |(name, value): &(HeaderName, &str)| (name.clone(), HeaderValue::from_str(value).unwrap());
        let mut request = HeaderMap::new();
        for (name, value) in headers.iter().map(line) {
            request.append(name, value);
        }
        request
    }

    /// 200, 304, or 412.
    fn status(headers: &[(HeaderName, &str)]) -> u16 {
        match validators().is_unchanged(&request(headers), NOW) {
            Ok(true) => 304,
            Ok(false) => 200,
            Err(problem) => problem.status,
        }
    }

    #[test]
    fn dates_of_every_form_are_conditions() {
        for (text, modified, unmodified) in [
            (SAME, 304, 200),
            (BEFORE, 200, 412),
            (AFTER, 200, 200),
            ("Friday, 27-Nov-26 12:37:35 GMT", 304, 200),
            ("Friday, 27-Nov-26 12:37:34 GMT", 200, 412),
            ("Fri Nov 27 12:37:35 2026", 304, 200),
            ("Fri Nov 27 12:37:34 2026", 200, 412),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 200, 412),
            ("yesterday", 200, 200),
        ] {
            assert_eq!(status(&[(IF_MODIFIED_SINCE, text)]), modified, "{text}");
            assert_eq!(status(&[(IF_UNMODIFIED_SINCE, text)]), unmodified, "{text}");
        }
        assert_eq!(
            status(&[(IF_MODIFIED_SINCE, SAME), (IF_MODIFIED_SINCE, SAME)]),
            200
        );
        assert_eq!(
            status(&[(IF_UNMODIFIED_SINCE, BEFORE), (IF_UNMODIFIED_SINCE, BEFORE)]),
            200
        );
    }

    #[test]
    fn conditions_on_tags_come_before_those_on_dates() {
        let tag = tag();
        for (headers, expected) in [
            (vec![(IF_MATCH, tag.as_str()), (IF_UNMODIFIED_SINCE, BEFORE)], 200),
            (vec![(IF_MATCH, "\"other\""), (IF_UNMODIFIED_SINCE, SAME)], 412),
            (vec![(IF_NONE_MATCH, "\"other\""), (IF_MODIFIED_SINCE, SAME)], 200),
            (
                vec![(IF_NONE_MATCH, tag.as_str()), (IF_MODIFIED_SINCE, BEFORE)],
                304,
            ),
            (
                vec![(IF_UNMODIFIED_SINCE, BEFORE), (IF_NONE_MATCH, tag.as_str())],
                412,
            ),
        ] {
            assert_eq!(status(&headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_part_is_of_the_state_that_the_client_has_a_part_of() {
        let tag = tag();
        let weak = format!("W/{tag}");
        for (validator, allowed) in [
            (tag.as_str(), true),
            (weak.as_str(), false),
            ("\"other\"", false),
            (SAME, true),
            ("Friday, 27-Nov-26 12:37:35 GMT", true),
            (BEFORE, false),
            (AFTER, false),
            ("yesterday", false),
        ] {
            let request = request(&[(IF_RANGE, validator)]);
            assert_eq!(validators().allow_part(&request, NOW), allowed, "{validator}");
        }
        assert!(validators().allow_part(&HeaderMap::new(), NOW));
    }
}
