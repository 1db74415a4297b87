//! When the next list of a scope is due.

use std::time::Duration;

use time::OffsetDateTime;

use super::{Kind, Publication, Scope};

/// What is out of a scope, and what has changed in it.
#[derive(Clone, Debug)]
pub(crate) struct ScopeState {
    pub(crate) scope: Scope,
    /// Number of the last change.
    pub(crate) changes: i64,
    /// Number of the last change that is to be told at once.
    pub(crate) urgent: i64,
    /// Someone asked for a complete list that is not out yet.
    pub(crate) requested: bool,
    pub(crate) complete: Option<Publication>,
    pub(crate) delta: Option<Publication>,
}

impl ScopeState {
    /// The current list of that kind.
    pub(crate) fn current(&self, kind: Kind) -> Option<&Publication> {
        match kind {
            Kind::Complete => self.complete.as_ref(),
            Kind::Delta => self.delta.as_ref(),
        }
    }

    /// Whether a change that is to be told at once is in no list of that kind yet, or there is no list.
    pub(crate) fn is_urgent(&self, kind: Kind) -> bool {
        self.current(kind)
            .is_none_or(|current| current.change < self.urgent)
    }

    /// When the next list of that kind is to be made, one in each interval; in the past, if it is due. A list from the future was made by a clock that
    /// was ahead, and is replaced now.
    pub(crate) fn due(&self, kind: Kind, interval: Duration, now: OffsetDateTime) -> OffsetDateTime {
        // A delta is made with the complete list that was asked for.
        let asked = self.requested && kind == Kind::Complete;
        let Some(current) = self.current(kind).filter(|_| !asked && !self.is_urgent(kind)) else {
            return now;
        };
        if current.made > now {
            return now;
        }
        // One that was made under other settings may run out before.
        let half: OffsetDateTime = current.made + (current.next_update - current.made) / 2;
        half.min(current.made + interval)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-01-02 3:04:05 UTC);

    fn state(change: i64, next_update: OffsetDateTime) -> ScopeState {
        let complete = Publication {
            id: Uuid::nil(),
            scope: Scope::whole("a"),
            kind: Kind::Complete,
            number: 1,
            base: None,
            change,
            from: NOW,
            made: NOW,
            this_update: NOW,
            next_update,
            modified: NOW,
            entries: 0,
            length: 0,
            digest: Vec::new(),
        };
        ScopeState {
            scope: Scope::whole("a"),
            changes: 5,
            urgent: 3,
            requested: false,
            complete: Some(complete),
            delta: None,
        }
    }

    #[test]
    fn a_list_is_due_after_its_interval_or_half_its_life_and_at_once_where_it_is_urgent() {
        let day = Duration::from_secs(24 * 3600);
        let due = |state: &ScopeState, now| state.due(Kind::Complete, day, now);
        assert_eq!(due(&state(3, NOW + 4 * day), NOW), NOW + day);
        assert_eq!(due(&state(3, NOW + day), NOW), NOW + day / 2);
        assert_eq!(due(&state(2, NOW + 4 * day), NOW), NOW);
        assert_eq!(due(&state(3, NOW + 4 * day), NOW - day), NOW - day);
        assert_eq!(state(3, NOW).due(Kind::Delta, day, NOW), NOW);
        let asked = ScopeState {
            requested: true,
            ..state(3, NOW + 4 * day)
        };
        assert_eq!(due(&asked, NOW), NOW);
    }
}
