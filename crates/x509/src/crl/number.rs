//! Numbers of CRLs.

use std::fmt;

use data_encoding::HEXLOWER;

use crate::asn1::{DerError, Reader, integer, tag};

/// Most octets of a number that verifiers must handle (RFC 5280 section 5.2.3).
const MAX_LEN: usize = 20;

/// A CRL number as others count: zero or more, of up to 20 octets, such as a time in microseconds.
///
/// `Display` is decimal up to 64 bits, and `0x` with hexadecimal digits above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrlNumber(
    /// Big-endian, filled up with zeros in front, so that the order of the octets is that of the numbers.
    [u8; MAX_LEN],
);

impl CrlNumber {
    /// The number, if it has at most 64 bits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        let (high, low) = self.0.split_last_chunk()?;
        high.iter()
            .all(|octet| *octet == 0)
            .then(|| u64::from_be_bytes(*low))
    }

    /// Reads an INTEGER.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, DerError> {
        const BAD: DerError = DerError::Value("CRL number: it is negative, or has more than 20 octets");
        let octets = integer(Reader::single(der, tag::INTEGER)?)?;
        let digits = match octets {
            [0, digits @ ..] => digits,
            [first, ..] if *first >= 0x80 => return Err(BAD),
            digits => digits,
        };
        let mut number = [0; MAX_LEN];
        let at = MAX_LEN.checked_sub(digits.len()).ok_or(BAD)?;
        number.get_mut(at..).ok_or(BAD)?.copy_from_slice(digits);
        Ok(Self(number))
    }
}

impl From<u64> for CrlNumber {
    fn from(number: u64) -> Self {
        let mut octets = [0; MAX_LEN];
        let low = octets.last_chunk_mut();
        if let Some(low) = low {
            *low = number.to_be_bytes();
        }
        Self(octets)
    }
}

impl fmt::Display for CrlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_u64() {
            Some(number) => write!(f, "{number}"),
            None => {
                let zeros = self.0.iter().take_while(|octet| **octet == 0).count();
                let digits = self.0.get(zeros..).unwrap_or_default();
                write!(f, "0x{}", HEXLOWER.encode(digits))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Writer;

    fn read(content: &[u8]) -> Result<CrlNumber, DerError> {
        CrlNumber::from_der(&Writer::primitive_of(tag::INTEGER, content))
    }

    #[test]
    fn numbers_of_up_to_20_octets_are_in_order() {
        let ascending = [
            read(&[0]).unwrap(),
            read(&[7]).unwrap(),
            read(&[0, 0x80]).unwrap(),
            CrlNumber::from(u64::MAX),
            read(&[1, 0, 0, 0, 0, 0, 0, 0, 5]).unwrap(),
            read(&[0x7f; 20]).unwrap(),
            read(&[&[0][..], &[0xff; 20]].concat()).unwrap(),
        ];
        assert!(ascending.is_sorted_by(|one, next| one < next), "{ascending:?}");
        assert_eq!(read(&[7]).unwrap(), 7.into());
        assert_eq!(ascending[3].as_u64(), Some(u64::MAX));
        assert_eq!(ascending[4].as_u64(), None);
        assert_eq!(ascending[3].to_string(), u64::MAX.to_string());
        assert_eq!(ascending[4].to_string(), "0x010000000000000005");
        for bad in [&[0xff][..], &[], &[0, 1], &[0x7f; 21]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
