//! otherNames: any type, and a value that is what it says it is (RFC 5280 section 4.2.1.6).

use super::{ID_ON_DNS_SRV, ID_ON_SMTP_UTF8_MAILBOX, ID_ON_UPN, San, SanError, service};
use crate::asn1::{Reader, Tlv, bit_string, boolean, ia5, integer, is_printable, tag};
use crate::name::text_of;
use crate::{Oid, unicode};

/// How deep values nest. The deepest in use, names in a Kerberos principal, is four.
const MAX_DEPTH: u8 = 12;

impl San {
    /// An otherName of any type. Values of the types that have their own kind become that kind.
    ///
    /// # Errors
    /// If the value is not one DER value, holds one that is not of its type or a text that no name may hold, or does not
    /// fit the rules of its type.
    pub fn other_name(oid: Oid, value_der: Vec<u8>) -> Result<Self, SanError> {
        let utf8 = || {
            Reader::single(&value_der, tag::UTF8_STRING)
                .ok()
                .and_then(|content| std::str::from_utf8(content).ok())
                .ok_or(SanError::OtherName("its value must be a UTF8String"))
        };
        if oid == ID_ON_SMTP_UTF8_MAILBOX {
            return utf8()?.parse().map(Self::SmtpUtf8);
        }
        if oid == ID_ON_UPN {
            return Self::upn(utf8()?);
        }
        let mut value = Reader::new(&value_der);
        match (value.any(), value.finish()) {
            (Ok(one), Ok(())) => check(&one, 0).map_err(SanError::OtherName)?,
            _ => return Err(SanError::OtherName("its value is not one DER value")),
        }
        if oid == ID_ON_DNS_SRV {
            service::check(&value_der).map_err(SanError::OtherName)?;
        }
        Ok(Self::OtherName { oid, value_der })
    }
}

/// Whether a value, and all within it, are of their universal types. What tags of other classes hold is known to their
/// types alone.
fn check(value: &Tlv<'_>, depth: u8) -> Result<(), &'static str> {
    const CLASS: u8 = 0xc0;
    const CONSTRUCTED: u8 = 0x20;
    if depth > MAX_DEPTH {
        return Err("its value nests too deep");
    }
    if value.tag & CLASS == 0 {
        check_universal(value)?;
    }
    if value.tag & CONSTRUCTED != 0 {
        let mut parts = Reader::new(value.content);
        while !parts.is_empty() {
            let part = parts
                .any()
                .map_err(|_| "its value holds something that is not DER")?;
            check(&part, depth + 1)?;
        }
    }
    Ok(())
}

fn check_universal(value: &Tlv<'_>) -> Result<(), &'static str> {
    let content = value.content;
    let fits = match value.tag {
        tag::BOOLEAN => boolean(content).is_ok(),
        tag::INTEGER | tag::ENUMERATED => integer(content).is_ok(),
        tag::BIT_STRING => bit_string(content).is_ok(),
        tag::NULL => content.is_empty(),
        tag::OID => Oid::from_content(content).is_ok(),
        tag::PRINTABLE_STRING => std::str::from_utf8(content).is_ok_and(is_printable),
        tag::IA5_STRING => ia5(content).is_ok(),
        tag::OCTET_STRING | tag::UTC_TIME | tag::GENERALIZED_TIME | tag::SEQUENCE | tag::SET => true,
        string if tag::is_string(string) => true,
        // EXTERNAL, REAL, RELATIVE-OID: constructed and primitive as X.690 wants them.
        0x28 | 0x09 | 0x0d => true,
        _ => return Err("its value has a tag that no type has, or a string in pieces"),
    };
    if !fits {
        return Err("its value holds something that is not of its type");
    }
    if tag::is_string(value.tag) {
        let text = text_of(value).ok_or("its value holds a malformed string")?;
        if unicode::unfit(&text).is_some() {
            return Err("its value holds a control, format or invisible character");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(hex: &str) -> Result<San, SanError> {
        format!("othername:1.2.3.4={hex}").parse()
    }

    #[test]
    fn values_of_every_usual_type_pass() {
        for hex in [
            "0500",
            "0101ff",
            "020105",
            "0c0161",
            "130161",
            "160161",
            "1e020061",
            "0402000a",
            "06022a03",
            "170d3236313132363030303030305a",
            // A Kerberos principal (RFC 4556): SEQUENCE { [0] realm, [1] SEQUENCE { [0] type, [1] names } }.
            "3021a0031b0141a11a3018a003020101a111300f1b046b7262741b0741422e54455354",
            "800161",
            "a0030c0161",
        ] {
            other(hex).unwrap();
        }
    }

    #[test]
    fn what_is_not_of_its_type_is_refused() {
        for hex in [
            "0000",
            "2000",
            "0f00",
            "2f00",
            "1f200161",
            "0c03610062",
            "0c03e2808b",
            "0c01ff",
            "1603610a62",
            "1302612a",
            "1e0161",
            "1e04202e0061",
            "2c030c0161",
            "020200 7f",
            "0200",
            "010101",
            "050100",
            "06010",
            "3002 0000",
            "30030c0100",
            "a0020000",
            "30050c0161",
        ] {
            assert!(other(&hex.replace(' ', "")).is_err(), "{hex}");
        }
        let mut deep = vec![5, 0];
        for _ in 0..20 {
            deep = crate::asn1::Writer::one(tag::SEQUENCE, |out| out.raw(&deep.clone()));
        }
        assert!(other(&data_encoding::HEXLOWER.encode(&deep)).is_err());
    }
}
