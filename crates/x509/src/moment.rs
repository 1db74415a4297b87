//! The one form in which a time is told: to people, in errors, in logs, and in answers.

use time::{OffsetDateTime, UtcOffset};

/// RFC 3339 in UTC, to the whole second: `2027-01-31T07:55:09Z`.
#[must_use]
pub fn rfc3339(moment: OffsetDateTime) -> String {
    let moment = moment.to_offset(UtcOffset::UTC);
    let (date, time) = (moment.date(), moment.time());
    format!(
        "{date}T{:02}:{:02}:{:02}Z",
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use time::format_description::well_known::Rfc3339;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_is_told_in_utc_to_the_second() {
        for (moment, told) in [
            (datetime!(2027-01-31 07:55:09 UTC), "2027-01-31T07:55:09Z"),
            (datetime!(2027-01-31 00:30:00.999 +02:00), "2027-01-30T22:30:00Z"),
            (datetime!(0950-01-01 0:00 UTC), "0950-01-01T00:00:00Z"),
            (crate::validity::NO_EXPIRY, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(moment), told);
            assert!(OffsetDateTime::parse(told, &Rfc3339).is_ok(), "{told}");
        }
    }
}
