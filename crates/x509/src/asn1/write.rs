//! The writer. Values are given with their types; that they fit is checked before.

use super::tag;
use crate::Oid;

/// Writes DER. Lengths of constructed values are put in when their content is complete.
#[derive(Debug, Default)]
pub struct Writer {
    octets: Vec<u8>,
}

impl Writer {
    /// An empty writer with room for this many octets.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            octets: Vec::with_capacity(capacity),
        }
    }

    /// The octets of one constructed value.
    pub fn one(tag: u8, fill: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut writer = Self::default();
        writer.constructed(tag, fill);
        writer.into_vec()
    }

    /// The octets of one primitive value.
    pub fn primitive_of(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut writer = Self::default();
        writer.primitive(tag, content);
        writer.into_vec()
    }

    /// What was written.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.octets
    }

    /// Appends to these octets what `fill` writes.
    pub fn append(octets: &mut Vec<u8>, fill: impl FnOnce(&mut Self)) {
        let mut writer = Self {
            octets: std::mem::take(octets),
        };
        fill(&mut writer);
        *octets = writer.octets;
    }

    /// The identifier octet and the length of a value whose content is written by others.
    pub fn header(&mut self, tag: u8, length: usize) {
        self.octets.push(tag);
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => self.octets.push(short),
            _ => {
                let digits = length.to_be_bytes();
                let digits = significant(&digits);
                self.octets.push(0x80 | octet_count(digits));
                self.octets.extend_from_slice(digits);
            }
        }
    }

    /// A value, or several, that are DER already.
    pub fn raw(&mut self, der: &[u8]) {
        self.octets.extend_from_slice(der);
    }

    /// A value with this content.
    pub fn primitive(&mut self, tag: u8, content: &[u8]) {
        self.header(tag, content.len());
        self.octets.extend_from_slice(content);
    }

    /// A value whose content `fill` writes.
    pub fn constructed(&mut self, tag: u8, fill: impl FnOnce(&mut Self)) {
        self.octets.push(tag);
        let length_at = self.octets.len();
        self.octets.push(0);
        fill(self);
        let length = self.octets.len() - length_at - 1;
        let first = match u8::try_from(length) {
            Ok(short) if short < 0x80 => short,
            _ => {
                let digits = length.to_be_bytes();
                let digits = significant(&digits);
                self.octets
                    .splice(length_at + 1..length_at + 1, digits.iter().copied());
                0x80 | octet_count(digits)
            }
        };
        if let Some(place) = self.octets.get_mut(length_at) {
            *place = first;
        }
    }

    /// A SEQUENCE whose content `fill` writes.
    pub fn sequence(&mut self, fill: impl FnOnce(&mut Self)) {
        self.constructed(tag::SEQUENCE, fill);
    }

    /// An OBJECT IDENTIFIER.
    pub fn oid(&mut self, oid: &Oid) {
        self.primitive(tag::OID, oid.as_bytes());
    }

    /// A BOOLEAN that is TRUE.
    pub fn boolean_true(&mut self) {
        self.primitive(tag::BOOLEAN, &[0xff]);
    }

    /// A non-negative INTEGER of this big-endian magnitude; superfluous zeros are dropped.
    pub fn unsigned(&mut self, magnitude: &[u8]) {
        let digits = significant(magnitude);
        if digits.first().is_none_or(|first| *first >= 0x80) {
            self.primitive(tag::INTEGER, &[&[0], digits].concat());
        } else {
            self.primitive(tag::INTEGER, digits);
        }
    }

    /// A BIT STRING of whole octets.
    pub fn bit_octets(&mut self, octets: &[u8]) {
        self.constructed(tag::BIT_STRING, |writer| {
            writer.raw(&[0]);
            writer.raw(octets);
        });
    }
}

/// `digits` without its leading zeros.
fn significant(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.get(zeros..).unwrap_or_default()
}

/// How many octets a length takes: at most eight, so it always fits.
fn octet_count(digits: &[u8]) -> u8 {
    u8::try_from(digits.len()).unwrap_or(u8::MAX)
}
