//! Certificate serial numbers (RFC 5280 section 4.1.2.2).
//!
//! Ours are 128 bits from the random generator, all of them random: the sign octet that DER needs for a high
//! first bit comes on top. Numbers of other CAs are taken up to the 20 octets of the RFC.

mod received;

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand::SecureRandom;
use data_encoding::HEXLOWER;
use der::asn1::UintRef;
use der::{DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Tag, Writer};

pub use received::ReceivedSerial;

use crate::hex;

/// A positive serial number of at most 20 octets.
///
/// `Display` is its canonical text: lower-case hexadecimal, two digits an octet, no separators, without
/// the sign octet of DER. `FromStr` also takes upper case and the colons that other tools print.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial {
    // Right-aligned, so that the derived order is the numeric one.
    octets: [u8; Self::MAX_LEN],
}

impl Serial {
    /// Longest serial number, in octets (RFC 5280 section 4.1.2.2).
    pub const MAX_LEN: usize = 20;
    /// Random octets in a serial number made here.
    pub const RANDOM_LEN: usize = 16;

    /// Draws 128 random bits; an all-zero draw is thrown away and made again.
    ///
    /// # Errors
    /// [`SerialError::Random`] if the generator fails, which it does only in a broken environment.
    pub fn random(rng: &dyn SecureRandom) -> Result<Self, SerialError> {
        loop {
            let mut drawn = [0; Self::RANDOM_LEN];
            rng.fill(&mut drawn).map_err(|_| SerialError::Random)?;
            match Self::from_bytes(&drawn) {
                Err(SerialError::Zero) => {}
                other => return other,
            }
        }
    }

    /// From big-endian octets, leading zeros allowed.
    ///
    /// # Errors
    /// [`SerialError`] if the number is zero or longer than 20 octets.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SerialError> {
        let start = bytes.iter().position(|b| *b != 0).ok_or(SerialError::Zero)?;
        let magnitude = bytes.get(start..).unwrap_or_default();
        let mut octets = [0; Self::MAX_LEN];
        let room = Self::MAX_LEN
            .checked_sub(magnitude.len())
            .ok_or(SerialError::TooLong(magnitude.len()))?;
        octets
            .iter_mut()
            .skip(room)
            .zip(magnitude)
            .for_each(|(to, from)| *to = *from);
        Ok(Self { octets })
    }

    /// The number as big-endian octets, without leading zeros: 1 to 20 of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        let start = self.octets.iter().position(|b| *b != 0).unwrap_or_default();
        self.octets.get(start..).unwrap_or_default()
    }

    /// The content of its INTEGER in DER: [`as_bytes`](Self::as_bytes), after a zero octet where the first bit is set.
    #[must_use]
    pub fn to_content(&self) -> Vec<u8> {
        let magnitude = self.as_bytes();
        let sign = magnitude.first().is_some_and(|first| *first >= 0x80);
        let mut content = Vec::with_capacity(magnitude.len() + usize::from(sign));
        content.extend(sign.then_some(0));
        content.extend_from_slice(magnitude);
        content
    }

    /// The serial number whose INTEGER has that content. None for what is not the DER of a number that can be issued here: a
    /// negative one, zero, a long one, a needless first octet.
    #[must_use]
    pub fn from_content(content: &[u8]) -> Option<Self> {
        let serial = Self::from_bytes(content).ok()?;
        (serial.to_content() == content).then_some(serial)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(self.as_bytes()))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        // 21 octets (one for the sign) as two digits and a colon each.
        if text.len() > 63 {
            return Err(SerialError::NotHex);
        }
        Self::from_bytes(&hex::octets(text).ok_or(SerialError::NotHex)?)
    }
}

impl FixedTag for Serial {
    const TAG: Tag = Tag::Integer;
}

impl EncodeValue for Serial {
    fn value_len(&self) -> der::Result<Length> {
        UintRef::new(self.as_bytes())?.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        UintRef::new(self.as_bytes())?.encode_value(writer)
    }
}

impl<'a> DecodeValue<'a> for Serial {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let integer = UintRef::decode_value(reader, header)?;
        Self::from_bytes(integer.as_bytes()).map_err(|_| reader.error(Tag::Integer.value_error()))
    }
}

/// Why a serial number is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SerialError {
    /// RFC 5280 wants a positive number.
    #[error("a serial number cannot be zero")]
    Zero,
    /// RFC 5280 wants a positive number.
    #[error("the serial number is negative")]
    Negative,
    /// More than 20 octets.
    #[error("the serial number has {0} octets; the limit is {max}", max = Serial::MAX_LEN)]
    TooLong(usize),
    /// Not hexadecimal text.
    #[error("a serial number is written as at most 20 octets of two hexadecimal digits each, such as 1f0a93")]
    NotHex,
    /// The random generator failed.
    #[error("the random generator failed; nothing can be issued until the system provides randomness")]
    Random,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use aws_lc_rs::rand::SystemRandom;
    use der::{Decode, Encode};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn random_serials_use_all_128_bits_and_never_repeat() {
        let rng = SystemRandom::new();
        let mut seen = HashSet::new();
        let mut ones = [0u32; 128];
        for _ in 0..100_000 {
            let serial = Serial::random(&rng).unwrap();
            let value = serial
                .as_bytes()
                .iter()
                .fold(0u128, |v, b| v << 8 | u128::from(*b));
            ones.iter_mut()
                .enumerate()
                .for_each(|(bit, count)| *count += u32::from(value >> bit & 1 == 1));
            assert!(seen.insert(serial));
        }
        // 50,000 expected, standard deviation 158: nine deviations away means a bit that is not random.
        assert!(
            ones.iter().all(|count| (48_578..=51_422).contains(count)),
            "{ones:?}"
        );
    }

    #[test]
    fn a_high_first_bit_gets_a_sign_octet() {
        let serial = Serial::from_bytes(&[0x80, 1]).unwrap();
        assert_eq!(serial.to_der().unwrap(), [0x02, 0x03, 0x00, 0x80, 0x01]);
    }

    #[test]
    fn a_number_has_one_content() {
        for octets in [&[1][..], &[0x7f], &[0x80], &[0xff; 20], &[1, 0, 0]] {
            let serial = Serial::from_bytes(octets).unwrap();
            let content = serial.to_content();
            assert_eq!(serial.to_der().unwrap().split_off(2), content);
            assert_eq!(Serial::from_content(&content), Some(serial));
        }
        for other in [
            &[][..],
            &[0],
            &[0x80],
            &[0xff, 1],
            &[0, 1],
            &[0, 0, 0x80],
            &[1; 21],
        ] {
            assert_eq!(Serial::from_content(other), None, "{other:02x?}");
        }
    }

    #[test]
    fn text_is_lower_case_without_leading_zeros_and_reads_what_other_tools_print() {
        let serial = Serial::from_bytes(&[0, 0, 0x0a, 0xff]).unwrap();
        assert_eq!(serial.to_string(), "0aff");
        for text in ["0aff", "0AFF", "0a:ff", "00:0A:FF", "00000aff"] {
            assert_eq!(text.parse::<Serial>(), Ok(serial), "{text}");
        }
    }

    #[test]
    fn order_is_numeric() {
        let [a, b] = ["ff", "0100"].map(|s| s.parse::<Serial>().unwrap());
        assert!(a < b);
    }

    #[test]
    fn bad_text_is_refused() {
        for text in [
            "",
            ":",
            "a",
            "0x0a",
            "0a:f",
            "0a::ff",
            "zz",
            "0a ff",
            "-1",
            &"ab".repeat(32),
        ] {
            assert_eq!(text.parse::<Serial>(), Err(SerialError::NotHex), "{text}");
        }
        assert_eq!("0000".parse::<Serial>(), Err(SerialError::Zero));
        assert_eq!("ab".repeat(21).parse::<Serial>(), Err(SerialError::TooLong(21)));
    }

    #[test]
    fn negative_zero_and_padded_integers_are_refused() {
        for der in [
            &[2, 1, 0x80][..],
            &[2, 1, 0],
            &[2, 2, 0, 1],
            &[2, 0],
            &[2, 1, 1, 0],
        ] {
            assert!(Serial::from_der(der).is_err(), "{der:02x?}");
        }
    }

    proptest! {
        #[test]
        fn encodings_are_read_back(bytes in proptest::collection::vec(any::<u8>(), 1..=20)) {
            prop_assume!(bytes.iter().any(|b| *b != 0));
            let serial = Serial::from_bytes(&bytes).unwrap();
            prop_assert_eq!(Serial::from_der(&serial.to_der().unwrap()).unwrap(), serial);
            prop_assert_eq!(serial.to_string().parse::<Serial>().unwrap(), serial);
        }
    }
}
