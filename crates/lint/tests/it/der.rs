//! A DER writer that refuses nothing, so that every rule can be broken.
#![expect(clippy::unwrap_used, reason = "tests")]

use x509::Oid;

/// One value with a length in its shortest form.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let digits = content.len().to_be_bytes();
    let digits: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
    match digits.as_slice() {
        [] => out.push(0),
        [short @ ..=0x7f] => out.push(*short),
        _ => {
            out.push(0x80 | u8::try_from(digits.len()).unwrap());
            out.extend(digits);
        }
    }
    out.extend(content);
    out
}

/// A constructed value of these parts.
pub(crate) fn all(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(tag, &parts.concat())
}

pub(crate) fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    all(0x30, parts)
}

pub(crate) fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    all(0x31, parts)
}

/// Content of an object identifier.
pub(crate) fn arcs(dotted: &str) -> Vec<u8> {
    dotted.parse::<Oid>().unwrap().as_bytes().to_vec()
}

pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    tlv(0x06, &arcs(dotted))
}

pub(crate) fn int(content: &[u8]) -> Vec<u8> {
    tlv(0x02, content)
}

pub(crate) fn boolean(content: u8) -> Vec<u8> {
    vec![0x01, 0x01, content]
}

pub(crate) fn null() -> Vec<u8> {
    vec![0x05, 0x00]
}

pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

pub(crate) fn bits(unused: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[unused], content].concat())
}

pub(crate) fn utf8(text: &str) -> Vec<u8> {
    tlv(0x0c, text.as_bytes())
}

pub(crate) fn printable(text: &str) -> Vec<u8> {
    tlv(0x13, text.as_bytes())
}

pub(crate) fn ia5(text: &str) -> Vec<u8> {
    tlv(0x16, text.as_bytes())
}

pub(crate) fn utc(text: &str) -> Vec<u8> {
    tlv(0x17, text.as_bytes())
}

pub(crate) fn generalized(text: &str) -> Vec<u8> {
    tlv(0x18, text.as_bytes())
}

/// An AttributeTypeAndValue.
pub(crate) fn attribute(dotted: &str, value: Vec<u8>) -> Vec<u8> {
    seq(&[oid(dotted), value])
}

/// A name of one attribute a RelativeDistinguishedName.
pub(crate) fn name(attributes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let rdns: Vec<_> = attributes
        .iter()
        .map(|(dotted, value)| set(&[attribute(dotted, value.clone())]))
        .collect();
    seq(&rdns)
}
