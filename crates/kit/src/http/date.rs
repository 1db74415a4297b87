//! Dates of HTTP (RFC 9110 section 5.6.7). One form is written; that and the two obsolete ones are read.

use http::header::DATE;
use http::{HeaderMap, HeaderValue};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::parsing::Parsed;
use time::{Duration, OffsetDateTime, PrimitiveDateTime, UtcOffset};

const IMF_FIXDATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
const RFC_850: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday], [day]-[month repr:short]-[year repr:last_two] [hour]:[minute]:[second] GMT"
);
const ASCTIME: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
);
/// A year of two digits is at most this many years ahead.
const YEARS_AHEAD: i32 = 50;

/// As IMF-fixdate, in whole seconds.
#[must_use]
pub fn write(time: OffsetDateTime) -> HeaderValue {
    let text = time.to_offset(UtcOffset::UTC).format(IMF_FIXDATE);
    // Every time has this form, and it is ASCII.
    text.ok()
        .and_then(|text| HeaderValue::try_from(text).ok())
        .unwrap_or(HeaderValue::from_static(""))
}

/// The date in any of its three forms; `None` for what is not a date. `now` decides the century of a year of two digits.
#[must_use]
pub fn read(text: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let form = |form| PrimitiveDateTime::parse(text, form).ok();
    let date = form(IMF_FIXDATE).or_else(|| form(ASCTIME));
    date.map(PrimitiveDateTime::assume_utc)
        .or_else(|| read_rfc_850(text, now))
}

/// The latest date that ends in these two digits of a year and is not more than 50 years ahead.
fn read_rfc_850(text: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let mut parsed = Parsed::new();
    let rest = parsed.parse_items(text.as_bytes(), RFC_850).ok()?;
    let digits = i32::from(parsed.year_last_two()?);
    let latest = now.year() + YEARS_AHEAD;
    let year = latest - (latest - digits).rem_euclid(100);
    let in_year = |year| {
        let mut parsed = parsed;
        parsed.set_year(year)?;
        PrimitiveDateTime::try_from(parsed).ok()
    };
    let date = in_year(year)?.assume_utc();
    let is_ahead = date.year() == latest
        && date
            .replace_year(now.year())
            .is_ok_and(|this_year| this_year > now);
    let date = if is_ahead {
        in_year(year - 100)?.assume_utc()
    } else {
        date
    };
    rest.is_empty().then_some(date)
}

/// Says in `Date` when an answer is sent. hyper would tell the time of its last look, which it repeats until the clock has passed it: after
/// a clock that was ahead, for as long as that was.
pub(super) fn stamp(answer: &mut HeaderMap, now: OffsetDateTime) {
    answer.entry(DATE).or_insert_with(|| write(now));
}

/// `time` without the part of a second that a date cannot tell.
pub(super) fn whole_seconds(time: OffsetDateTime) -> OffsetDateTime {
    time - Duration::nanoseconds(i64::from(time.nanosecond()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-27 12:00:00 UTC);

    #[test]
    fn the_example_of_rfc_9110_is_written_and_read_in_its_three_forms() {
        let time = datetime!(1994-11-06 8:49:37 UTC);
        assert_eq!(
            write(time + Duration::milliseconds(999)),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(read(text, NOW), Some(time), "{text}");
        }
        let two_digits = datetime!(1994-11-16 8:49:37 UTC);
        assert_eq!(read("Wed Nov 16 08:49:37 1994", NOW), Some(two_digits));
    }

    #[test]
    fn an_answer_has_the_time_of_the_clock_also_after_it_was_set_back() {
        for (now, date) in [
            (NOW, "Fri, 27 Nov 2026 12:00:00 GMT"),
            (NOW - Duration::hours(5), "Fri, 27 Nov 2026 07:00:00 GMT"),
        ] {
            let mut answer = HeaderMap::new();
            stamp(&mut answer, now);
            stamp(&mut answer, NOW + Duration::hours(1));
            assert_eq!(answer.get_all(DATE).iter().collect::<Vec<_>>(), [date]);
        }
    }

    #[test]
    fn what_is_not_a_date_is_not_read() {
        for text in [
            "",
            "yesterday",
            "1994-11-06",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 +0100",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT ",
            "Sunday, 30-Feb-94 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49:37 1994 GMT",
        ] {
            assert_eq!(read(text, NOW), None, "{text:?}");
        }
    }

    #[test]
    fn a_year_of_two_digits_is_at_most_fifty_years_ahead() {
        for (text, year) in [
            ("Friday, 27-Nov-26 12:00:00 GMT", 2026),
            ("Sunday, 29-Nov-26 12:00:00 GMT", 2026),
            ("Friday, 27-Nov-76 12:00:00 GMT", 2076),
            ("Saturday, 27-Nov-76 12:00:01 GMT", 1976),
            ("Sunday, 27-Nov-77 12:00:00 GMT", 1977),
            ("Saturday, 27-Nov-99 12:00:00 GMT", 1999),
            ("Monday, 27-Nov-00 12:00:00 GMT", 2000),
        ] {
            assert_eq!(read(text, NOW).map(OffsetDateTime::year), Some(year), "{text}");
        }
        let eve = datetime!(2099-12-31 23:59:59 UTC);
        let next = read("Friday, 01-Jan-00 00:00:00 GMT", eve);
        assert_eq!(next, Some(datetime!(2100-01-01 0:00 UTC)));
    }
}
