//! Identifiers of rows and events: UUID version 7 (RFC 9562), made from the caller's clock.
//!
//! The clock's microseconds go in front (48 bits of milliseconds, then 12 bits of their fraction, RFC 9562
//! section 6.2 method 3), so ids sort by time and new rows land at the end of an index. 62 random bits follow.
//! An id is not a secret and proves nothing.

use time::OffsetDateTime;
use uuid::{Builder, Uuid};

/// A new identifier for something that comes into being at `now`. Times before 1970 count as 1970.
#[must_use]
pub fn new_id(now: OffsetDateTime) -> Uuid {
    let mut random = [0; 10];
    fill(&mut random);
    build(now, random)
}

/// The least identifier of what comes into being at that moment: all that came before have a lesser one.
#[must_use]
pub fn first_id(at: OffsetDateTime) -> Uuid {
    build(at, [0; 10])
}

/// When that identifier was made, to the millisecond. The Unix epoch if it is not of this kind.
pub(crate) fn time_of(id: Uuid) -> OffsetDateTime {
    let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |made| made.to_unix());
    let seconds = i64::try_from(seconds).unwrap_or_default();
    let second = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    second + std::time::Duration::from_nanos(u64::from(nanos))
}

fn build(at: OffsetDateTime, mut random: [u8; 10]) -> Uuid {
    let micros = u64::try_from(crate::time::to_micros(at)).unwrap_or(0);
    let fraction = ((micros % 1_000) << 12) / 1_000;
    let [high, low, ..] = &mut random;
    (*high, *low) = ((fraction >> 8) as u8, fraction as u8);
    Builder::from_unix_timestamp_millis(micros / 1_000, &random).into_uuid()
}

/// Random bytes that tell things apart and protect nothing.
pub(crate) fn fill(bytes: &mut [u8]) {
    if aws_lc_rs::rand::fill(bytes).is_err() {
        // aws-lc fails only when its own self-tests do; the operating system's generator is good enough here
        let spare = Uuid::new_v4();
        bytes
            .iter_mut()
            .zip(spare.as_bytes().iter().rev())
            .for_each(|(byte, random)| *byte = *random);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use time::Duration;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn ids_are_version_7_of_the_given_time() {
        let now = datetime!(2031-05-06 07:08:09.123456 UTC);
        let id = new_id(now);
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
        assert_eq!(i64::try_from(seconds).unwrap(), now.unix_timestamp());
        assert_eq!(nanos / 1_000_000, 123);
    }

    #[test]
    fn ids_sort_by_the_clock_to_the_microsecond() {
        let start = datetime!(2031-05-06 07:08:09 UTC);
        let ids: Vec<_> = (0..5_000)
            .map(|n| new_id(start + Duration::microseconds(n)))
            .collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn the_first_id_of_a_moment_parts_what_came_before_from_the_rest() {
        let moment = datetime!(2031-05-06 07:08:09.123456 UTC);
        let first = first_id(moment);
        for _ in 0..100 {
            assert!(new_id(moment - Duration::microseconds(1)) < first);
            assert!(new_id(moment) >= first);
        }
    }

    #[test]
    fn ids_of_one_instant_differ() {
        let now = datetime!(2031-05-06 07:08:09 UTC);
        let ids: HashSet<_> = (0..10_000).map(|_| new_id(now)).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
