//! Serial numbers as other CAs write them.

use std::fmt;

use data_encoding::HEXLOWER;
use num_bigint::BigUint;

use super::{Serial, SerialError};
use crate::asn1::{DerError, Writer, integer, tag};

/// The serial number of a certificate or CRL entry that was read. Other CAs also issue zero, negative numbers and long
/// ones, and users of certificates should cope with them (RFC 5280 section 4.1.2.2).
///
/// What is issued, stored or looked up here has a [`Serial`]; [`proper`](Self::proper) is the way to it.
/// `Display` writes hexadecimal as [`Serial`] does, with `-` before a negative number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReceivedSerial {
    /// One that could be issued here.
    Proper(Serial),
    /// Any other: the content of its INTEGER.
    Odd(Box<[u8]>),
}

impl ReceivedSerial {
    /// Most octets of a serial number that is read.
    pub const MAX_LEN: usize = 64;

    /// Reads the content of an INTEGER.
    pub(crate) fn read(content: &[u8]) -> Result<Self, DerError> {
        let content = integer(content)?;
        if content.len() > Self::MAX_LEN {
            return Err(DerError::Value("serial number: it has more than 64 octets"));
        }
        let negative = is_negative(content);
        let proper = Serial::from_bytes(content).ok().filter(|_| !negative);
        Ok(proper.map_or_else(|| Self::Odd(content.into()), Self::Proper))
    }

    /// Writes the INTEGER.
    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Self::Proper(serial) => out.unsigned(serial.as_bytes()),
            Self::Odd(content) => out.primitive(tag::INTEGER, content),
        }
    }

    /// The number, if it is one that could be issued here.
    ///
    /// # Errors
    /// [`SerialError`] says what is odd about it.
    pub fn proper(&self) -> Result<Serial, SerialError> {
        match self {
            Self::Proper(serial) => Ok(*serial),
            Self::Odd(content) if is_negative(content) => Err(SerialError::Negative),
            Self::Odd(content) => Serial::from_bytes(content),
        }
    }
}

fn is_negative(content: &[u8]) -> bool {
    content.first().is_some_and(|sign| *sign >= 0x80)
}

impl From<Serial> for ReceivedSerial {
    fn from(serial: Serial) -> Self {
        Self::Proper(serial)
    }
}

impl PartialEq<Serial> for ReceivedSerial {
    fn eq(&self, other: &Serial) -> bool {
        matches!(self, Self::Proper(serial) if serial == other)
    }
}

impl fmt::Display for ReceivedSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proper(serial) => serial.fmt(f),
            Self::Odd(content) if is_negative(content) => {
                // Two's complement: the magnitude is the complement and one more.
                let complement: Vec<u8> = content.iter().map(|octet| !octet).collect();
                let magnitude = BigUint::from_bytes_be(&complement) + 1_u8;
                write!(f, "-{}", HEXLOWER.encode(&magnitude.to_bytes_be()))
            }
            Self::Odd(content) => {
                let number = BigUint::from_bytes_be(content);
                f.write_str(&HEXLOWER.encode(&number.to_bytes_be()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_integer_is_read_and_only_a_positive_short_one_is_proper() {
        let long = [&[0x7f][..], &[0; 20]].concat();
        for (content, text, problem) in [
            (&[0][..], "00", SerialError::Zero),
            (&[0xfb], "-05", SerialError::Negative),
            (&[0x80], "-80", SerialError::Negative),
            (&[0xff, 0x00], "-0100", SerialError::Negative),
            (
                &long,
                "7f0000000000000000000000000000000000000000",
                SerialError::TooLong(21),
            ),
        ] {
            let serial = ReceivedSerial::read(content).unwrap();
            assert_eq!(serial.to_string(), text);
            assert_eq!(serial.proper(), Err(problem), "{text}");
        }
        let proper = ReceivedSerial::read(&[0, 0x80]).unwrap();
        assert_eq!(proper, Serial::from_bytes(&[0x80]).unwrap());
        assert_eq!(proper.to_string(), "80");
        assert!(ReceivedSerial::read(&[0x7f; 64]).is_ok());
        for bad in [&[][..], &[0, 1], &[0xff, 0x80], &[0x7f; 65]] {
            assert!(ReceivedSerial::read(bad).is_err(), "{bad:02x?}");
        }
    }
}
