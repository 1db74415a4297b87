//! Times of certificates, CRLs and OCSP responses (RFC 5280 section 4.1.2.5, RFC 6960 section 4.2.2.1).

use time::{Date, Month, OffsetDateTime, Time as Clock, UtcOffset};

use crate::tlv::{Broken, Reader, tag};

/// A UTCTime or GeneralizedTime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// What it means; none if it is not in the form of section 4.1.2.5 or no such moment exists.
    pub(crate) moment: Option<OffsetDateTime>,
}

impl<'a> Time<'a> {
    /// Reads a Validity.
    pub(super) fn read_two(fields: &mut Reader<'a>) -> Result<(Self, Self), Broken> {
        let mut times = fields.enter(tag::SEQUENCE)?;
        let both = (Self::read(&mut times)?, Self::read(&mut times)?);
        times.finish()?;
        Ok(both)
    }

    pub(crate) fn read(times: &mut Reader<'a>) -> Result<Self, Broken> {
        let value = times.any()?;
        if !matches!(value.tag, tag::UTC_TIME | tag::GENERALIZED_TIME) {
            return Err(Broken::Value("it holds neither UTCTime nor GeneralizedTime"));
        }
        let mut time = Self {
            tag: value.tag,
            content: value.content,
            moment: None,
        };
        time.moment = time.fields().and_then(moment);
        Ok(time)
    }

    /// Year, month, day, hour, minute, second, if they are in the form that X.509 requires:
    /// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
    pub(crate) fn fields(&self) -> Option<[u16; 6]> {
        let digits = self.content.strip_suffix(b"Z")?;
        let (year, rest) = match self.tag {
            tag::UTC_TIME => {
                let (year, rest) = digits.split_first_chunk::<2>()?;
                let year = number(year)?;
                // Section 4.1.2.5.1.
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            _ => {
                let (century, rest) = digits.split_first_chunk::<2>()?;
                let (year, rest) = rest.split_first_chunk::<2>()?;
                (number(century)? * 100 + number(year)?, rest)
            }
        };
        let ([month, day, hour, minute, second], []) = rest.as_chunks::<2>() else {
            return None;
        };
        let two = number;
        Some([
            year,
            two(month)?,
            two(day)?,
            two(hour)?,
            two(minute)?,
            two(second)?,
        ])
    }
}

fn number(digits: &[u8; 2]) -> Option<u16> {
    let [tens, ones] = digits.map(|digit| digit.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u16::from(tens) * 10 + u16::from(ones))
}

fn moment(fields: [u16; 6]) -> Option<OffsetDateTime> {
    let [year, small @ ..] = fields;
    let [month, day, hour, minute, second] = small.map(|part| u8::try_from(part).unwrap_or(u8::MAX));
    let date = Date::from_calendar_date(i32::from(year), Month::try_from(month).ok()?, day).ok()?;
    let clock = Clock::from_hms(hour, minute, second).ok()?;
    Some(date.with_time(clock).assume_offset(UtcOffset::UTC))
}
