//! The times in a list, and those that HTTP tells of it.

use std::time::Duration;

use time::OffsetDateTime;

use super::Publication;

/// When a list says that it was made, and when the next will be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) this_update: OffsetDateTime,
    pub(crate) next_update: OffsetDateTime,
    pub(crate) modified: OffsetDateTime,
}

impl Times {
    /// Of a list that is made now and takes the place of `before`. thisUpdate and nextUpdate do not go back, unless the list before
    /// was made by a clock that was ahead: no client takes one from the future.
    pub(crate) fn new(
        now: OffsetDateTime,
        before: Option<&Publication>,
        (backdate, validity): (Duration, Duration),
    ) -> Self {
        let now = seconds(now);
        let mut times = Self {
            this_update: now - backdate,
            next_update: now + validity,
            modified: now,
        };
        if let Some(before) = before {
            // Two lists of one second are told apart; the header is left out until that time has come.
            times.modified = now.max(before.modified + Duration::from_secs(1));
            if before.this_update <= now {
                times.this_update = times.this_update.max(before.this_update);
                times.next_update = times.next_update.max(times.this_update + validity);
            }
        }
        times
    }
}

/// Lists have no fractions of a second (RFC 5280 section 4.1.2.5).
fn seconds(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(0).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Kind, Scope};

    const NOW: OffsetDateTime = datetime!(2027-01-02 3:04:05.6 UTC);
    const BACKDATE: Duration = Duration::from_secs(900);
    const VALIDITY: Duration = Duration::from_secs(3600);

    fn made_at(now: OffsetDateTime, before: Option<&Publication>) -> Publication {
        let times = Times::new(now, before, (BACKDATE, VALIDITY));
        Publication {
            id: Uuid::nil(),
            scope: Scope::whole("a"),
            kind: Kind::Complete,
            number: 1,
            base: None,
            change: 0,
            from: now,
            made: now,
            this_update: times.this_update,
            next_update: times.next_update,
            modified: times.modified,
            entries: 0,
            length: 0,
            digest: Vec::new(),
        }
    }

    #[test]
    fn a_list_is_backdated_and_has_no_fractions() {
        let list = made_at(NOW, None);
        assert_eq!(list.this_update, datetime!(2027-01-02 2:49:05 UTC));
        assert_eq!(list.next_update, datetime!(2027-01-02 4:04:05 UTC));
        assert_eq!(list.modified, datetime!(2027-01-02 3:04:05 UTC));
    }

    #[test]
    fn no_time_goes_back_with_the_clock() {
        let before = made_at(NOW, None);
        for earlier in [0, 1, 600, 899] {
            let next = made_at(NOW - Duration::from_secs(earlier), Some(&before));
            assert_eq!(next.this_update, before.this_update);
            assert!(next.next_update >= next.this_update + VALIDITY);
            assert!(next.modified > before.modified);
        }
        let later = made_at(NOW + Duration::from_secs(5), Some(&before));
        assert!(later.this_update > before.this_update && later.next_update > before.next_update);
    }

    #[test]
    fn a_list_from_the_future_holds_nothing_up() {
        let before = made_at(NOW + Duration::from_secs(1_000_000), None);
        let next = made_at(NOW, Some(&before));
        assert_eq!(next.this_update, datetime!(2027-01-02 2:49:05 UTC));
    }
}
