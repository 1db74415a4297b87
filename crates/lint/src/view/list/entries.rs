//! The entries of a CRL (RFC 5280 section 5.3) as they stream by: each is looked at and forgotten. Of each kind of flaw the first
//! place is kept.

use std::fmt::Write as _;

use crate::oid;
use crate::tlv::{Broken, Reader, tag};
use crate::view::extensions::{Extension, extension};
use crate::view::time::Time;

/// What can be wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum EntryFlaw {
    SerialNumber,
    Order,
    TimeForm,
    TimeExists,
    TimeType,
    ExtensionsEmpty,
    ExtensionTwice,
    ExtensionForm,
    NeverCritical,
    UnknownCritical,
    DefaultEncoded,
    Unspecified,
    UnknownReason,
    RemoveFromCrl,
    CertificateIssuer,
}

const FLAWS: usize = EntryFlaw::CertificateIssuer as usize + 1;

/// Most octets of a serial number that are kept and told.
const SERIAL: usize = 20;

/// What was seen of all entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    count: u64,
    first: [Option<Place>; FLAWS],
    /// Serial number of the last entry.
    last: Serial,
}

/// Which entry, counted from 1, and its serial number.
#[derive(Clone, Copy, Debug)]
struct Place {
    entry: u64,
    serial: Serial,
}

/// The first octets of a serial number without the zero in front.
#[derive(Clone, Copy, Debug, Default)]
struct Serial {
    octets: [u8; SERIAL],
    length: usize,
}

impl Serial {
    fn of(content: &[u8]) -> Self {
        let digits = match content {
            // Zero has no other digit.
            [0, digits @ ..] if !digits.is_empty() => digits,
            digits => digits,
        };
        let mut serial = Self {
            length: digits.len().min(SERIAL),
            ..Self::default()
        };
        for (place, digit) in serial.octets.iter_mut().zip(digits) {
            *place = *digit;
        }
        serial
    }

    fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl Entries {
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The first entry with this flaw, for people.
    pub(crate) fn first(&self, flaw: EntryFlaw) -> Option<String> {
        let place = self.first.get(flaw as usize).copied().flatten()?;
        let mut told = format!("entry {}, serial number ", place.entry);
        for octet in place.serial.as_bytes() {
            // Writing to a String does not fail.
            let _ = write!(told, "{octet:02x}");
        }
        Some(told)
    }

    /// Looks at the next entry, given the content of its SEQUENCE.
    pub(super) fn take(&mut self, content: &[u8]) -> Result<(), Broken> {
        let mut fields = Reader::new(content);
        let number = fields.expect(tag::INTEGER)?;
        let time = Time::read(&mut fields)?;
        let extensions = fields.optional(tag::SEQUENCE)?;
        fields.finish()?;
        self.count += 1;
        let serial = Serial::of(number);
        let mut marks = Marks {
            first: &mut self.first,
            place: Place {
                entry: self.count,
                serial,
            },
        };
        let is_positive = matches!(number, [0x00..=0x7f, ..]) && number.iter().any(|digit| *digit != 0);
        marks.unless(is_positive && number.len() <= SERIAL, EntryFlaw::SerialNumber);
        let ascends = self.count == 1 || self.last.as_bytes() < serial.as_bytes();
        marks.unless(ascends, EntryFlaw::Order);
        marks.time(&time);
        if let Some(extensions) = extensions {
            marks.extensions(extensions)?;
        }
        self.last = serial;
        Ok(())
    }
}

struct Marks<'m> {
    first: &'m mut [Option<Place>; FLAWS],
    place: Place,
}

impl Marks<'_> {
    fn mark(&mut self, flaw: EntryFlaw) {
        if let Some(first) = self.first.get_mut(flaw as usize) {
            first.get_or_insert(self.place);
        }
    }

    fn unless(&mut self, holds: bool, flaw: EntryFlaw) {
        if !holds {
            self.mark(flaw);
        }
    }

    fn time(&mut self, time: &Time<'_>) {
        let Some([year, ..]) = time.fields() else {
            return self.mark(EntryFlaw::TimeForm);
        };
        self.unless(time.moment.is_some(), EntryFlaw::TimeExists);
        self.unless((year < 2050) == (time.tag == tag::UTC_TIME), EntryFlaw::TimeType);
    }

    fn extensions(&mut self, list: &[u8]) -> Result<(), Broken> {
        let mut list = Reader::new(list);
        self.unless(!list.is_empty(), EntryFlaw::ExtensionsEmpty);
        let mut seen = [false; 3];
        while !list.is_empty() {
            let extension = extension(&mut list)?;
            let known = [oid::REASON_CODE, oid::INVALIDITY_DATE, oid::CERTIFICATE_ISSUER];
            let place = known.iter().position(|oid| oid::is(extension.oid, *oid));
            if let Some(seen) = place.and_then(|place| seen.get_mut(place)) {
                self.unless(!*seen, EntryFlaw::ExtensionTwice);
                *seen = true;
            }
            self.unless(extension.critical != Some(&[0]), EntryFlaw::DefaultEncoded);
            match place {
                Some(0) => self.reason(&extension),
                Some(1) => self.invalidity_date(&extension),
                Some(_) => self.mark(EntryFlaw::CertificateIssuer),
                None => self.unless(!extension.is_critical(), EntryFlaw::UnknownCritical),
            }
        }
        Ok(())
    }

    fn reason(&mut self, extension: &Extension<'_>) {
        self.unless(!extension.is_critical(), EntryFlaw::NeverCritical);
        match Reader::single(extension.value, tag::ENUMERATED) {
            Ok([0]) => self.mark(EntryFlaw::Unspecified),
            Ok([8]) => self.mark(EntryFlaw::RemoveFromCrl),
            Ok([1..=6 | 9 | 10]) => {}
            Ok(_) => self.mark(EntryFlaw::UnknownReason),
            Err(_) => self.mark(EntryFlaw::ExtensionForm),
        }
    }

    /// GeneralizedTime whatever the year (section 5.3.2).
    fn invalidity_date(&mut self, extension: &Extension<'_>) {
        self.unless(!extension.is_critical(), EntryFlaw::NeverCritical);
        let mut value = Reader::new(extension.value);
        match Time::read(&mut value) {
            Ok(time) if time.tag == tag::GENERALIZED_TIME && value.is_empty() => {
                self.unless(time.fields().is_some(), EntryFlaw::TimeForm);
                let exists = time.fields().is_none() || time.moment.is_some();
                self.unless(exists, EntryFlaw::TimeExists);
            }
            _ => self.mark(EntryFlaw::ExtensionForm),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_told_with_a_digit() {
        for (content, told) in [(&[0][..], &[0][..]), (&[0, 0x80], &[0x80]), (&[5], &[5])] {
            assert_eq!(Serial::of(content).as_bytes(), told);
        }
    }
}
