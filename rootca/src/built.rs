//! When this program was built. A clock that says an earlier time is wrong, whatever else is true.

use time::{Duration, OffsetDateTime};

use crate::error::Error;

/// When this program was built: `SOURCE_DATE_EPOCH` where that is set, else the date of the commit, else of the release.
pub const BUILT: OffsetDateTime = match OffsetDateTime::from_unix_timestamp(seconds(env!("GIGVAULT_BUILT"))) {
    Ok(moment) => moment,
    Err(_) => OffsetDateTime::UNIX_EPOCH,
};

/// Clocks of the machine that built and of this one may differ, as by a wrong time zone.
const TOLERANCE: Duration = Duration::DAY;

/// Refuses a clock that is older than this program.
///
/// # Errors
/// [`Error::Clock`].
pub fn check_clock(now: OffsetDateTime) -> Result<(), Error> {
    if now + TOLERANCE < BUILT {
        return Err(Error::Clock { now, built: BUILT });
    }
    Ok(())
}

const fn seconds(text: &str) -> i64 {
    let (mut bytes, mut seconds) = (text.as_bytes(), 0);
    while let [digit @ b'0'..=b'9', rest @ ..] = bytes {
        seconds = seconds * 10 + (*digit - b'0') as i64;
        bytes = rest;
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_the_build_is_refused_with_both_times() {
        check_clock(BUILT).unwrap();
        check_clock(BUILT - Duration::HOUR).unwrap();
        let refused = check_clock(OffsetDateTime::UNIX_EPOCH).unwrap_err().to_string();
        assert!(
            refused.contains("1970-01-01") && refused.contains("set the clock"),
            "{refused}"
        );
        assert!(BUILT.year() >= 2026, "{BUILT}");
    }

    #[test]
    fn digits_are_read() {
        assert_eq!(
            (seconds("1795690000"), seconds("12x"), seconds("")),
            (1_795_690_000, 12, 0)
        );
    }
}
