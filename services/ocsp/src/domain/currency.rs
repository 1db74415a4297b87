//! How old the knowledge of revocations is.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

/// All revocations that were committed before this are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// By the monotonic clock, which a machine stops while it is suspended.
    pub(crate) as_of: Instant,
    /// By the wall clock.
    pub(crate) at: OffsetDateTime,
}

/// Whether answers may rest on what is known here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Currency {
    /// Setting `ocsp.max_lag`.
    pub(crate) max_lag: Duration,
}

impl Currency {
    /// Whether what is known is as recent as it has to be, by both clocks: one alone may have been set, or stopped.
    #[must_use]
    pub(crate) fn allows(self, position: Option<Position>, now: (Instant, OffsetDateTime)) -> bool {
        position.is_some_and(|position| position.age(now) <= self.max_lag)
    }
}

impl Position {
    /// The longer of the times that have passed by the two clocks.
    #[must_use]
    pub(crate) fn age(self, (instant, now): (Instant, OffsetDateTime)) -> Duration {
        let by_wall = Duration::try_from(now - self.at).unwrap_or_default();
        instant.saturating_duration_since(self.as_of).max(by_wall)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_clock_by_which_more_time_has_passed_counts() {
        let (instant, wall) = (Instant::now(), datetime!(2027-01-02 03:04:05 UTC));
        let position = Position {
            as_of: instant,
            at: wall,
        };
        let currency = Currency {
            max_lag: Duration::from_secs(2),
        };
        let after = |monotonic, wall_seconds| {
            let now = (
                instant + Duration::from_secs(monotonic),
                wall + time::Duration::seconds(wall_seconds),
            );
            currency.allows(Some(position), now)
        };
        assert!(after(0, 0) && after(2, 2));
        assert!(!after(3, 3));
        // The wall clock was set back, the machine was suspended.
        assert!(after(1, -3600) && !after(3, -3600));
        assert!(!after(1, 3600));
        assert!(!currency.allows(None, (instant, wall)));
    }
}
