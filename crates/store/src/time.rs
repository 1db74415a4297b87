//! Times in the database: microseconds since the Unix epoch, UTC, in a `BIGINT` column.

use time::OffsetDateTime;

use crate::StoreError;

/// Microseconds since the Unix epoch, rounded down.
#[must_use]
pub fn to_micros(at: OffsetDateTime) -> i64 {
    let micros = at.unix_timestamp_nanos().div_euclid(1_000);
    // the years of OffsetDateTime end long before those of i64 microseconds
    i64::try_from(micros).unwrap_or(i64::MAX)
}

/// The time of that many microseconds since the Unix epoch.
///
/// # Errors
/// [`StoreError::Corrupt`] when that is beyond the years ±9999.
pub fn from_micros(micros: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .map_err(|_| StoreError::Corrupt(format!("{micros} is not a time in microseconds")))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn microseconds_survive_the_way_there_and_back() {
        for at in [
            datetime!(1969-12-31 23:59:59.999999 UTC),
            datetime!(2049-12-31 23:59:59 UTC),
        ] {
            assert_eq!(from_micros(to_micros(at)).unwrap(), at);
        }
        assert_eq!(to_micros(datetime!(1970-01-01 00:00:00.000001999 UTC)), 1);
        assert_eq!(to_micros(datetime!(1969-12-31 23:59:59.999999999 UTC)), -1);
    }

    #[test]
    fn other_offsets_mean_the_same_instant() {
        assert_eq!(
            to_micros(datetime!(2030-01-01 02:00 +2)),
            to_micros(datetime!(2030-01-01 00:00 UTC))
        );
    }

    #[test]
    fn a_time_outside_the_calendar_is_corrupt() {
        assert!(matches!(from_micros(i64::MAX), Err(StoreError::Corrupt(_))));
    }
}
