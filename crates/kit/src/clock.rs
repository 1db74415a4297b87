//! Time as a value that is handed in.
//!
//! Services take a [`SharedClock`]; nothing else reads the wall clock. [`SystemClock`] may be shifted by
//! `GIGVAULT_CLOCK_OFFSET` (`+30d`, `-1h`), which exists for tests of what happens later. It does not
//! shift timers: those are tokio's.

use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime};
pub use x509::rfc3339;

/// The environment variable that shifts [`SystemClock`].
pub const OFFSET_VARIABLE: &str = "GIGVAULT_CLOCK_OFFSET";

/// Tells the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now, in UTC.
    fn now(&self) -> OffsetDateTime;

    /// How far it is shifted away from the machine's clock on purpose.
    fn offset(&self) -> Duration {
        Duration::ZERO
    }
}

/// A clock that many hold.
pub type SharedClock = Arc<dyn Clock>;

/// `GIGVAULT_CLOCK_OFFSET` cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{OFFSET_VARIABLE}={value:?} is not a span of time; write it as +30d or -1h30m, or unset it")]
pub struct OffsetError {
    value: String,
}

/// The machine's clock, shifted by a constant.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock {
    offset: Duration,
}

impl SystemClock {
    /// The machine's clock, shifted by `GIGVAULT_CLOCK_OFFSET` where that is set.
    ///
    /// # Errors
    /// When the variable is set and is not a signed span.
    pub fn from_env() -> Result<Self, OffsetError> {
        match std::env::var(OFFSET_VARIABLE) {
            Ok(value) if !value.is_empty() => Ok(Self {
                offset: parse_offset(&value)?,
            }),
            _ => Ok(Self::default()),
        }
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        now.checked_add(self.offset).unwrap_or(now)
    }

    fn offset(&self) -> Duration {
        self.offset
    }
}

fn parse_offset(value: &str) -> Result<Duration, OffsetError> {
    let error = || OffsetError {
        value: value.to_owned(),
    };
    let (negative, span) = match value.strip_prefix('-') {
        Some(span) => (true, span),
        None => (false, value.strip_prefix('+').unwrap_or(value)),
    };
    let span = rules::duration::parse_or_zero(span).map_err(|_| error())?;
    let span = Duration::try_from(span).map_err(|_| error())?;
    Ok(if negative { -span } else { span })
}

/// A clock that a test moves by hand.
#[derive(Debug)]
pub struct MockClock(Mutex<OffsetDateTime>);

impl MockClock {
    /// A clock that always says `now`.
    #[must_use]
    pub const fn new(now: OffsetDateTime) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock; a negative span moves it back.
    pub fn advance(&self, span: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(span).unwrap_or(*now);
    }

    /// Sets the clock.
    pub fn set(&self, to: OffsetDateTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }
}

impl Clock for MockClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_signed_spans() {
        assert_eq!(parse_offset("+30d").unwrap(), Duration::days(30));
        assert_eq!(parse_offset("-1h30m").unwrap(), -Duration::minutes(90));
        assert_eq!(parse_offset("2s").unwrap(), Duration::seconds(2));
        for bad in ["", "soon", "30", "+-1h", "1e99d", "1M"] {
            assert!(
                parse_offset(bad)
                    .unwrap_err()
                    .to_string()
                    .contains("GIGVAULT_CLOCK_OFFSET"),
                "{bad}"
            );
        }
    }

    #[test]
    fn an_offset_shifts_the_clock() {
        let ahead = SystemClock {
            offset: Duration::days(30),
        }
        .now()
            - SystemClock::default().now();
        assert_eq!(SystemClock::default().offset(), Duration::ZERO);
        assert!(ahead > Duration::days(29) && ahead <= Duration::days(30));
    }

    #[test]
    fn a_mock_clock_stands_until_it_is_moved() {
        let clock = MockClock::new(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(clock.now(), OffsetDateTime::UNIX_EPOCH);
        clock.advance(Duration::hours(1));
        assert_eq!(clock.now().unix_timestamp(), 3600);
        clock.set(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(clock.now().unix_timestamp(), 0);
    }
}
