//! Dates of HTTP (RFC 9110 section 5.6.7), in the form that is written today.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

pub(super) fn http_date(time: OffsetDateTime) -> String {
    // Every time has this form.
    time.to_offset(UtcOffset::UTC).format(FORMAT).unwrap_or_default()
}

/// `None` for what is not a date: a condition with it is as if it were not there (section 13.1.3).
pub(super) fn read(text: &str) -> Option<OffsetDateTime> {
    Some(PrimitiveDateTime::parse(text, FORMAT).ok()?.assume_utc())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_example_of_rfc_9110_is_written_and_read() {
        let (time, text) = (datetime!(1994-11-06 8:49:37 UTC), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(time), text);
        assert_eq!(read(text), Some(time));
        for other in ["", "yesterday", "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
