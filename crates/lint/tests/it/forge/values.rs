//! Values of extensions, and the names and locations in them.

use super::oids::{CA_ISSUERS, OCSP};
use crate::der::{all, bits, boolean, int, oid, seq, tlv};

pub(crate) const DIGITAL_SIGNATURE: u16 = 1;
pub(crate) const KEY_ENCIPHERMENT: u16 = 1 << 2;
pub(crate) const DATA_ENCIPHERMENT: u16 = 1 << 3;
pub(crate) const KEY_AGREEMENT: u16 = 1 << 4;
pub(crate) const KEY_CERT_SIGN: u16 = 1 << 5;
pub(crate) const CRL_SIGN: u16 = 1 << 6;
pub(crate) const ENCIPHER_ONLY: u16 = 1 << 7;

/// keyUsage, trimmed.
pub(crate) fn usage(flags: u16) -> Vec<u8> {
    let [first, second] = flags.reverse_bits().to_be_bytes();
    let content = if second == 0 {
        vec![first]
    } else {
        vec![first, second]
    };
    let last = *content.last().unwrap();
    let unused = if last == 0 { 0 } else { last.trailing_zeros() };
    bits(u8::try_from(unused).unwrap(), &content)
}

pub(crate) fn purposes(oids: &[&str]) -> Vec<u8> {
    seq(&oids.iter().map(|purpose| oid(purpose)).collect::<Vec<_>>())
}

pub(crate) fn dns(host: &str) -> Vec<u8> {
    tlv(0x82, host.as_bytes())
}

pub(crate) fn uri(text: &str) -> Vec<u8> {
    tlv(0x86, text.as_bytes())
}

pub(crate) fn email(text: &str) -> Vec<u8> {
    tlv(0x81, text.as_bytes())
}

pub(crate) fn ip(address: &[u8]) -> Vec<u8> {
    tlv(0x87, address)
}

pub(crate) fn other_name(kind: &str, value: Vec<u8>) -> Vec<u8> {
    all(0xa0, &[oid(kind), all(0xa0, &[value])])
}

/// A DistributionPoint with a full name.
pub(crate) fn crl_point(names: &[Vec<u8>]) -> Vec<u8> {
    seq(&[all(0xa0, &[all(0xa0, names)])])
}

pub(crate) fn access(method: &str, location: Vec<u8>) -> Vec<u8> {
    seq(&[oid(method), location])
}

/// cRLDistributionPoints with one plain address.
pub(crate) fn crl_at(address: &str) -> Vec<u8> {
    seq(&[crl_point(&[uri(address)])])
}

/// authorityInfoAccess with OCSP at this address.
pub(crate) fn ocsp_at(address: &str) -> Vec<u8> {
    seq(&[
        access(OCSP, uri(address)),
        access(CA_ISSUERS, uri("http://pki.example.test/ca.cer")),
    ])
}

pub(crate) fn policy(oid_of: &str, qualifiers: &[Vec<u8>]) -> Vec<u8> {
    let list = if qualifiers.is_empty() {
        Vec::new()
    } else {
        seq(qualifiers)
    };
    seq(&[oid(oid_of), list])
}

pub(crate) fn authority(id: &[u8]) -> Vec<u8> {
    seq(&[tlv(0x80, id)])
}

pub(crate) fn basic_ca(path_len: Option<u8>) -> Vec<u8> {
    let length = path_len.map(|length| int(&[length])).unwrap_or_default();
    seq(&[boolean(0xff), length])
}
