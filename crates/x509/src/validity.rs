//! Validity periods and the two time types of X.509 (RFC 5280 section 4.1.2.5).
//!
//! Both ends of a period are inclusive and are whole seconds: a certificate for 90 days that starts at midnight ends
//! at 23:59:59. Years to 2049 are written as UTCTime, later ones as GeneralizedTime, always `Z` and with seconds.

use time::macros::datetime;
use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use crate::asn1::{DerError, Reader, Tlv, Writer, tag};
use crate::moment::rfc3339;

/// `99991231235959Z`: the end of a certificate that does not expire (RFC 5280 section 4.1.2.5).
pub const NO_EXPIRY: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// Why a period was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidityError {
    /// The end is before the start.
    #[error("the validity ends at {}, before it starts at {}", rfc3339(*.not_after), rfc3339(*.not_before))]
    Reversed {
        /// Start of the refused period.
        not_before: OffsetDateTime,
        /// End of the refused period.
        not_after: OffsetDateTime,
    },
    /// A period must last at least a second and end in the year 9999 at the latest.
    #[error("a validity of {0} is not possible: it must be positive and end before the year 10000")]
    Duration(Duration),
    /// Certificates carry the years 1950 to 9999.
    #[error("the time {} cannot be written in a certificate: only the years 1950 to 9999 can", rfc3339(*.0))]
    Range(OffsetDateTime),
}

/// A period of whole seconds that includes both `not_before` and `not_after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Validity {
    /// First second of the period, UTC.
    pub not_before: OffsetDateTime,
    /// Last second of the period, UTC.
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// A period by its ends; fractions of a second are cut off.
    ///
    /// # Errors
    /// If the end is before the start, or either outside the years 1950 to 9999.
    pub fn new(not_before: OffsetDateTime, not_after: OffsetDateTime) -> Result<Self, ValidityError> {
        let (not_before, not_after) = (whole_second(not_before)?, whole_second(not_after)?);
        if not_after < not_before {
            return Err(ValidityError::Reversed {
                not_before,
                not_after,
            });
        }
        Ok(Self {
            not_before,
            not_after,
        })
    }

    /// A period of this length: it ends one second before `not_before + length`.
    ///
    /// # Errors
    /// If the length is under a second or leads out of the year 9999.
    pub fn starting(not_before: OffsetDateTime, length: Duration) -> Result<Self, ValidityError> {
        let not_before = whole_second(not_before)?;
        let seconds = length.whole_seconds();
        let not_after = not_before.checked_add(Duration::seconds(seconds.saturating_sub(1)));
        match not_after {
            Some(not_after) if seconds > 0 => Self::new(not_before, not_after),
            _ => Err(ValidityError::Duration(length)),
        }
    }

    /// The length in seconds, the last second counted in.
    #[must_use]
    pub fn duration(&self) -> Duration {
        (self.not_after - self.not_before).saturating_add(Duration::SECOND)
    }

    /// Whether this moment is within the period, which includes all of its last second.
    #[must_use]
    pub fn contains(&self, moment: OffsetDateTime) -> bool {
        let seconds = self.not_before.unix_timestamp()..=self.not_after.unix_timestamp();
        seconds.contains(&moment.unix_timestamp())
    }

    /// Whether all of this period is within the other.
    #[must_use]
    pub fn is_within(&self, outer: &Self) -> bool {
        outer.contains(self.not_before) && outer.contains(self.not_after)
    }

    /// Writes the Validity SEQUENCE.
    pub(crate) fn write(&self, out: &mut Writer) -> Result<(), ValidityError> {
        let (start, end) = (
            EncodedTime::new(self.not_before)?,
            EncodedTime::new(self.not_after)?,
        );
        out.sequence(|out| {
            start.write(out);
            end.write(out);
        });
        Ok(())
    }

    /// Reads the Validity SEQUENCE; a reversed period is taken as it is.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        let mut ends = reader.enter(tag::SEQUENCE)?;
        let validity = Self {
            not_before: read_time(ends.any()?)?,
            not_after: read_time(ends.any()?)?,
        };
        ends.finish()?;
        Ok(validity)
    }
}

/// The moment in UTC without its fraction of a second.
pub(crate) fn whole_second(moment: OffsetDateTime) -> Result<OffsetDateTime, ValidityError> {
    moment
        .checked_to_offset(UtcOffset::UTC)
        .and_then(|utc| utc.replace_nanosecond(0).ok())
        .filter(|utc| (1950..=9999).contains(&utc.year()))
        .ok_or(ValidityError::Range(moment))
}

/// The octets of a UTCTime or GeneralizedTime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncodedTime {
    tag: u8,
    digits: [u8; 15],
}

impl EncodedTime {
    /// A Time as certificates and CRLs have it.
    pub(crate) fn new(moment: OffsetDateTime) -> Result<Self, ValidityError> {
        let utc = whole_second(moment)?;
        let tag = if utc.year() < 2050 {
            tag::UTC_TIME
        } else {
            tag::GENERALIZED_TIME
        };
        Ok(Self {
            tag,
            digits: digits(utc),
        })
    }

    /// A GeneralizedTime whatever the year, as invalidityDate and OCSP have it.
    pub(crate) fn generalized(moment: OffsetDateTime) -> Result<Self, ValidityError> {
        Ok(Self {
            tag: tag::GENERALIZED_TIME,
            digits: digits(whole_second(moment)?),
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        let skipped = if self.tag == tag::UTC_TIME { 2 } else { 0 };
        out.primitive(self.tag, self.digits.get(skipped..).unwrap_or_default());
    }
}

/// `YYYYMMDDHHMMSSZ`. Every part is below 100.
fn digits(utc: OffsetDateTime) -> [u8; 15] {
    let year = u8::try_from(utc.year() / 100).unwrap_or_default();
    let of_century = u8::try_from(utc.year() % 100).unwrap_or_default();
    let parts = [
        year,
        of_century,
        u8::from(utc.month()),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second(),
    ];
    let mut digits = [b'Z'; 15];
    for (pair, part) in digits.chunks_exact_mut(2).zip(parts) {
        pair.copy_from_slice(&[b'0' + part / 10, b'0' + part % 10]);
    }
    digits
}

/// Reads a Time: UTCTime for 1950 to 2049, or GeneralizedTime, which foreign certificates also have for earlier years.
pub(crate) fn read_time(tlv: Tlv<'_>) -> Result<OffsetDateTime, DerError> {
    match tlv.tag {
        tag::UTC_TIME => parse_utc_time(tlv.content).ok_or(DerError::Value("UTCTime")),
        tag::GENERALIZED_TIME => read_generalized_time(tlv.content),
        found => Err(DerError::Tag {
            expected: tag::UTC_TIME,
            found,
        }),
    }
}

/// Reads the content of a GeneralizedTime: whole seconds and `Z` (RFC 5280 section 4.1.2.5.2).
pub(crate) fn read_generalized_time(content: &[u8]) -> Result<OffsetDateTime, DerError> {
    parse_generalized(content).ok_or(DerError::Value("GeneralizedTime"))
}

fn parse_utc_time(content: &[u8]) -> Option<OffsetDateTime> {
    let year = number(content.get(..2)?)?;
    let century: i32 = if year < 50 { 2000 } else { 1900 };
    parse_after_year(century + i32::from(year), content.get(2..)?)
}

fn parse_generalized(content: &[u8]) -> Option<OffsetDateTime> {
    let (century, year) = (number(content.get(..2)?)?, number(content.get(2..4)?)?);
    parse_after_year(i32::from(century) * 100 + i32::from(year), content.get(4..)?)
}

fn parse_after_year(year: i32, content: &[u8]) -> Option<OffsetDateTime> {
    let digits = content.strip_suffix(b"Z").filter(|digits| digits.len() == 10)?;
    let mut parts = digits.chunks_exact(2).map(number);
    let mut next = || parts.next().flatten();
    let date = Date::from_calendar_date(year, Month::try_from(next()?).ok()?, next()?).ok()?;
    let time = Time::from_hms(next()?, next()?, next()?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc())
}

fn number(digits: &[u8]) -> Option<u8> {
    match digits {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(moment: OffsetDateTime) -> Vec<u8> {
        let mut out = Writer::default();
        EncodedTime::new(moment).unwrap().write(&mut out);
        out.into_vec()
    }

    #[test]
    fn the_type_changes_with_the_year_2050() {
        assert_eq!(
            encoded(datetime!(2049-12-31 23:59:59 UTC)),
            b"\x17\x0d491231235959Z"
        );
        assert_eq!(
            encoded(datetime!(2050-01-01 00:00 UTC)),
            b"\x18\x0f20500101000000Z"
        );
        assert_eq!(encoded(datetime!(1950-01-01 00:00 UTC)), b"\x17\x0d500101000000Z");
        assert_eq!(encoded(NO_EXPIRY), b"\x18\x0f99991231235959Z");
        // 2050 begins later in the west.
        assert_eq!(
            encoded(datetime!(2049-12-31 20:00 -5)),
            b"\x18\x0f20500101010000Z"
        );
    }

    #[test]
    fn both_ends_are_inclusive() {
        let start = datetime!(2026-11-24 00:00:00.7 UTC);
        let period = Validity::starting(start, Duration::days(90)).unwrap();
        assert_eq!(period.not_before, datetime!(2026-11-24 00:00 UTC));
        assert_eq!(period.not_after, datetime!(2027-02-21 23:59:59 UTC));
        assert_eq!(period.duration(), Duration::days(90));
        assert!(period.contains(datetime!(2027-02-21 23:59:59.999 UTC)));
        assert!(!period.contains(datetime!(2027-02-22 00:00 UTC)));
        assert!(!period.contains(datetime!(2026-11-23 23:59:59.999 UTC)));
        assert!(period.is_within(&period));
    }

    #[test]
    fn impossible_periods_are_refused() {
        let now = datetime!(2026-11-24 12:00 UTC);
        assert!(matches!(
            Validity::starting(now, Duration::ZERO),
            Err(ValidityError::Duration(_))
        ));
        assert!(matches!(
            Validity::starting(now, Duration::MAX),
            Err(ValidityError::Duration(_))
        ));
        assert!(matches!(
            Validity::starting(now, -Duration::DAY),
            Err(ValidityError::Duration(_))
        ));
        assert!(matches!(
            Validity::new(now, now - Duration::SECOND),
            Err(ValidityError::Reversed { .. })
        ));
        assert!(matches!(
            Validity::new(datetime!(1949-12-31 0:00 UTC), now),
            Err(ValidityError::Range(_))
        ));
        assert_eq!(Validity::starting(now, Duration::SECOND).unwrap().not_after, now);
        assert!(matches!(
            Validity::new(now, datetime!(9999-12-31 23:59:59 -1)),
            Err(ValidityError::Range(_))
        ));
    }

    #[test]
    fn times_that_der_forbids_are_refused() {
        for (tag, text) in [
            (0x17, "4912312359Z"),
            (0x17, "491231235959+0000"),
            (0x17, "491231235959"),
            (0x17, "491331235959Z"),
            (0x17, "490229000000Z"),
            (0x17, "4912312359 9Z"),
            (0x18, "20500101000000.5Z"),
            (0x18, "20500101000060Z"),
            (0x18, "20500101240000Z"),
            (0x18, "2050Z"),
            (0x04, "20500101000000Z"),
        ] {
            let der = Writer::primitive_of(tag, text.as_bytes());
            assert!(read_time(Reader::new(&der).any().unwrap()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_comes_back(seconds in -631_152_000_i64..253_402_300_800) {
            let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let der = encoded(moment);
            prop_assert_eq!(read_time(Reader::new(&der).any().unwrap()), Ok(moment));
            let mut out = Writer::default();
            EncodedTime::generalized(moment).unwrap().write(&mut out);
            prop_assert_eq!(read_time(Reader::new(&out.into_vec()).any().unwrap()), Ok(moment));
        }
    }
}
