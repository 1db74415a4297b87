//! DER octets: a strict cursor for reading and a back-patching writer.
//!
//! Certificates are judged and kept as the octets that were received, and issued as exactly the octets
//! that were meant (X.690 section 10), so both directions work on plain slices here. A tag is one octet
//! (no X.509 structure uses tag numbers above 30) and a length is at most four octets.
//! The reader never panics, never recurses and never allocates; what a value means is its caller's business. The few
//! structures of the field that come in BER are brought into DER first ([`to_der`]).

mod ber;
mod read;
mod write;

pub use ber::to_der;
pub(crate) use read::head;
pub use read::{Reader, Tlv, bit_octets, bit_string, boolean, ia5, integer, is_printable, unsigned};
pub use write::Writer;

/// Why octets are not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DerError {
    /// The value ends before its length says.
    #[error("truncated DER")]
    Truncated,
    /// Octets follow where the structure should end.
    #[error("trailing octets after the DER value")]
    Trailing,
    /// The length is indefinite, not minimal, or over four octets.
    #[error("length that DER does not allow")]
    Length,
    /// The tag is that of another type.
    #[error("tag 0x{found:02x} where 0x{expected:02x} is required")]
    Tag {
        /// The identifier octet that the structure calls for.
        expected: u8,
        /// The identifier octet that was found.
        found: u8,
    },
    /// The content does not fit its type: a BOOLEAN that is neither 00 nor FF, an INTEGER with
    /// superfluous octets, a string with octets outside its alphabet, an impossible date.
    #[error("malformed {0}")]
    Value(&'static str),
    /// An extension that must be understood, and is not known here.
    #[error("an extension of it is critical and not known")]
    UnknownCritical,
    /// An OBJECT IDENTIFIER that is well-formed and longer than those that are read.
    #[error("an object identifier of {0} octets is not read: those that are have up to {max}", max = crate::Oid::MAX_LEN)]
    LongOid(usize),
}

/// Identifier octets used by X.509 (X.690 section 8.1.2).
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING.
    pub const BIT_STRING: u8 = 0x03;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OID.
    pub const OID: u8 = 0x06;
    /// ENUMERATED.
    pub const ENUMERATED: u8 = 0x0a;
    /// UTF8 STRING.
    pub const UTF8_STRING: u8 = 0x0c;
    /// NUMERIC STRING.
    pub const NUMERIC_STRING: u8 = 0x12;
    /// PRINTABLE STRING.
    pub const PRINTABLE_STRING: u8 = 0x13;
    /// TELETEX STRING.
    pub const TELETEX_STRING: u8 = 0x14;
    /// IA5 STRING.
    pub const IA5_STRING: u8 = 0x16;
    /// UTC TIME.
    pub const UTC_TIME: u8 = 0x17;
    /// GENERALIZED TIME.
    pub const GENERALIZED_TIME: u8 = 0x18;
    /// VISIBLE STRING.
    pub const VISIBLE_STRING: u8 = 0x1a;
    /// GENERAL STRING.
    pub const GENERAL_STRING: u8 = 0x1b;
    /// UNIVERSAL STRING.
    pub const UNIVERSAL_STRING: u8 = 0x1c;
    /// BMP STRING.
    pub const BMP_STRING: u8 = 0x1e;
    /// SEQUENCE.
    pub const SEQUENCE: u8 = 0x30;
    /// SET.
    pub const SET: u8 = 0x31;

    /// Whether a value of this type is a character string.
    #[must_use]
    pub const fn is_string(tag: u8) -> bool {
        matches!(
            tag,
            UTF8_STRING | 0x12..=0x16 | 0x19..=0x1c | BMP_STRING
        )
    }

    /// The name of a type of character strings that is read as text.
    #[must_use]
    pub const fn string_name(tag: u8) -> Option<&'static str> {
        Some(match tag {
            UTF8_STRING => "UTF8String",
            NUMERIC_STRING => "NumericString",
            PRINTABLE_STRING => "PrintableString",
            IA5_STRING => "IA5String",
            VISIBLE_STRING => "VisibleString",
            GENERAL_STRING => "GeneralString",
            UNIVERSAL_STRING => "UniversalString",
            BMP_STRING => "BMPString",
            _ => return None,
        })
    }

    /// Context-specific, primitive.
    #[must_use]
    pub const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// Context-specific, constructed.
    #[must_use]
    pub const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(content in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let mut primitive = Writer::default();
            primitive.primitive(tag::OCTET_STRING, &content);
            let primitive = primitive.into_vec();
            prop_assert_eq!(Reader::single(&primitive, tag::OCTET_STRING), Ok(content.as_slice()));
            let constructed = Writer::one(tag::OCTET_STRING, |writer| writer.raw(&content));
            prop_assert_eq!(constructed, primitive);
        }

        #[test]
        fn unsigned_integers_are_minimal(value in any::<u64>()) {
            let mut writer = Writer::default();
            writer.unsigned(&value.to_be_bytes());
            let der = writer.into_vec();
            let content = Reader::single(&der, tag::INTEGER).unwrap();
            prop_assert_eq!(unsigned(content), Ok(value));
        }

        #[test]
        fn random_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&octets);
            while let Ok(tlv) = reader.any() {
                let _ = (boolean(tlv.content), unsigned(tlv.content), bit_string(tlv.content));
            }
        }
    }

    #[test]
    fn lengths_that_der_forbids_are_refused() {
        for octets in [
            &[0x04, 0x80, 0, 0][..],
            &[0x04, 0x81, 0x01, 0],
            &[0x04, 0x82, 0, 0x80],
            &[0x04, 0x85, 0, 0, 0, 0, 1],
        ] {
            assert_eq!(Reader::new(octets).any().err(), Some(DerError::Length));
        }
        assert_eq!(
            Reader::new(&[0x04, 0x02, 0]).any().err(),
            Some(DerError::Truncated)
        );
        assert_eq!(
            Reader::new(&[0x1f, 0x02, 0]).any().err(),
            Some(DerError::Value("tag"))
        );
    }

    #[test]
    fn values_that_der_forbids_are_refused() {
        assert!(boolean(&[1]).is_err());
        assert!(integer(&[0, 1]).is_err() && integer(&[0xff, 0x80]).is_err() && integer(&[]).is_err());
        assert!(unsigned(&[0x80]).is_err());
        assert!(bit_string(&[1, 0x01]).is_err() && bit_string(&[8, 0]).is_err() && bit_string(&[1]).is_err());
        assert!(Reader::new(&[6, 2, 0x2a, 0x80]).oid().is_err());
        assert!(Reader::new(&[4, 2, 0x2a, 0x03]).oid().is_err());
    }
}
