//! CertID: which certificate of which issuer (RFC 6960 section 4.1.1).

use std::fmt;
use std::ops::Range;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::HEXLOWER;

use crate::asn1::{DerError, Reader, Writer, bit_string, tag};
use crate::certificate::range_in;
use crate::digest::sha256;
use crate::{Certificate, Oid, ReceivedSerial, Serial};

const SHA1_OID: Oid = Oid::new_unwrap("1.3.14.3.2.26");
const SHA256_OID: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");

/// A hash by which an issuer is named. SHA-1 is as good as any other for that (RFC 9919 section 8.7): it names, and proves
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-1, which most clients use.
    Sha1,
    /// SHA-256, which RFC 9919 section 3.1.1 calls for.
    Sha256,
}

impl HashAlgorithm {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sha1, Self::Sha256];

    fn of(oid: Oid) -> Option<Self> {
        match oid {
            SHA1_OID => Some(Self::Sha1),
            SHA256_OID => Some(Self::Sha256),
            _ => None,
        }
    }

    fn oid(self) -> Oid {
        match self {
            Self::Sha1 => SHA1_OID,
            Self::Sha256 => SHA256_OID,
        }
    }

    /// Octets of a hash.
    const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The AlgorithmIdentifier: SHA-1 with NULL as everyone writes it, SHA-256 without parameters (RFC 5754 section 2).
    fn der(self) -> Vec<u8> {
        Writer::one(tag::SEQUENCE, |out| {
            out.oid(&self.oid());
            if self == Self::Sha1 {
                out.primitive(tag::NULL, &[]);
            }
        })
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        })
    }
}

/// A CertID as received, octet for octet: a response repeats it so. Equal are those of equal octets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CertId {
    der: Box<[u8]>,
    hash: Oid,
    name_hash: Range<usize>,
    key_hash: Range<usize>,
    serial: ReceivedSerial,
}

impl CertId {
    /// Most octets of a hash that is read: SHA-512 and SHA3-512 have as many, and no hash algorithm in use has more. A response repeats
    /// what a request has: without a bound, a short question could be made a long one.
    pub const MAX_HASH_LEN: usize = 64;
    /// Most octets of parameters of a hash algorithm that is not known here.
    const MAX_PARAMETERS_LEN: usize = 64;

    /// The CertID of the certificate that this issuer gave this serial number.
    #[must_use]
    pub fn new(issuer: &IssuerIds, hash: HashAlgorithm, serial: &ReceivedSerial) -> Self {
        let algorithm = hash.der();
        let mut fields = Writer::default();
        fields.raw(&algorithm);
        fields.primitive(tag::OCTET_STRING, issuer.name_hash(hash));
        fields.primitive(tag::OCTET_STRING, issuer.key_hash(hash));
        serial.write(&mut fields);
        let fields = fields.into_vec();
        let der = Writer::one(tag::SEQUENCE, |out| out.raw(&fields));
        // Before each hash are a tag and a length of one octet.
        let name_at = der.len() - fields.len() + algorithm.len() + 2;
        let key_at = name_at + hash.len() + 2;
        Self {
            name_hash: name_at..name_at + hash.len(),
            key_hash: key_at..key_at + hash.len(),
            hash: hash.oid(),
            serial: serial.clone(),
            der: der.into(),
        }
    }

    /// Reads one. Hash algorithms that are not known here are read too, whatever their parameters, up to
    /// some octets; those of SHA-1 and SHA-256 are NULL or absent.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        let id = reader.any()?;
        let mut fields = Reader::new(id.expect(tag::SEQUENCE)?);
        let hash = read_hash(fields.enter(tag::SEQUENCE)?)?;
        let name_hash = read_octets(&mut fields)?;
        let key_hash = read_octets(&mut fields)?;
        let serial = ReceivedSerial::read(fields.expect(tag::INTEGER)?)?;
        fields.finish()?;
        Ok(Self {
            name_hash: range_in(id.whole, name_hash),
            key_hash: range_in(id.whole, key_hash),
            hash,
            serial,
            der: id.whole.into(),
        })
    }

    /// The DER as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The hash of both hashes; `None` if it is not known here.
    #[must_use]
    pub fn hash_algorithm(&self) -> Option<HashAlgorithm> {
        HashAlgorithm::of(self.hash)
    }

    /// The object identifier of the hash, known or not.
    #[must_use]
    pub fn hash_oid(&self) -> Oid {
        self.hash
    }

    /// Hash of the DER of the issuer's name.
    #[must_use]
    pub fn issuer_name_hash(&self) -> &[u8] {
        self.der.get(self.name_hash.clone()).unwrap_or_default()
    }

    /// Hash of the issuer's key: the content of the BIT STRING without its count of unused bits.
    #[must_use]
    pub fn issuer_key_hash(&self) -> &[u8] {
        self.der.get(self.key_hash.clone()).unwrap_or_default()
    }

    /// Serial number of the certificate, which may be any INTEGER.
    #[must_use]
    pub fn serial(&self) -> &ReceivedSerial {
        &self.serial
    }
}

/// A hash.
fn read_octets<'a>(fields: &mut Reader<'a>) -> Result<&'a [u8], DerError> {
    let octets = fields.expect(tag::OCTET_STRING)?;
    match octets.len() {
        0..=CertId::MAX_HASH_LEN => Ok(octets),
        _ => Err(DerError::Value("CertID: a hash of it has more than 64 octets")),
    }
}

fn read_hash(mut identifier: Reader<'_>) -> Result<Oid, DerError> {
    const PARAMETERS: DerError = DerError::Value("hashAlgorithm: the parameters must be NULL or absent");
    let oid = identifier.oid()?;
    if !identifier.is_empty() {
        let parameters = identifier.any()?;
        let is_null = parameters.tag == tag::NULL && parameters.content.is_empty();
        if HashAlgorithm::of(oid).is_some() && !is_null {
            return Err(PARAMETERS);
        }
        if parameters.whole.len() > CertId::MAX_PARAMETERS_LEN {
            return Err(DerError::Value(
                "hashAlgorithm: the parameters have more than 64 octets",
            ));
        }
    }
    identifier.finish()?;
    Ok(oid)
}

impl fmt::Debug for CertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = HEXLOWER.encode(self.issuer_key_hash());
        write!(f, "CertId({} of issuer key {key})", self.serial)
    }
}

/// The hashes of name and key of a CA, by which requests name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuerIds {
    name_sha1: [u8; 20],
    key_sha1: [u8; 20],
    name_sha256: [u8; 32],
    key_sha256: [u8; 32],
}

impl IssuerIds {
    /// Those of the subject and the key of this certificate.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        let (name, key) = (certificate.subject().der(), key_bits(certificate));
        Self {
            name_sha1: sha1(name),
            key_sha1: sha1(key),
            name_sha256: sha256(name),
            key_sha256: sha256(key),
        }
    }

    /// Hash of the DER of the subject.
    #[must_use]
    pub fn name_hash(&self, hash: HashAlgorithm) -> &[u8] {
        match hash {
            HashAlgorithm::Sha1 => &self.name_sha1,
            HashAlgorithm::Sha256 => &self.name_sha256,
        }
    }

    /// Hash of the content of the key's BIT STRING. With SHA-1 it is also what a responder names itself by.
    #[must_use]
    pub fn key_hash(&self, hash: HashAlgorithm) -> &[u8] {
        match hash {
            HashAlgorithm::Sha1 => &self.key_sha1,
            HashAlgorithm::Sha256 => &self.key_sha256,
        }
    }

    /// Whether a CertID names this issuer: name *and* key. A key of two names, or a name with two keys, is two issuers (RFC 6960
    /// section 4.1.2).
    #[must_use]
    pub fn matches(&self, id: &CertId) -> bool {
        id.hash_algorithm().is_some_and(|hash| {
            id.issuer_name_hash() == self.name_hash(hash) && id.issuer_key_hash() == self.key_hash(hash)
        })
    }

    /// Whether a CertID names the certificate with this serial number of this issuer, by whatever hash.
    #[must_use]
    pub fn names(&self, serial: &Serial, id: &CertId) -> bool {
        *id.serial() == *serial && self.matches(id)
    }
}

/// Content of the subjectPublicKey BIT STRING, without its count of unused bits. A parsed certificate has one.
fn key_bits(certificate: &Certificate) -> &[u8] {
    let read = || {
        let mut fields = Reader::within(certificate.spki(), tag::SEQUENCE)?;
        fields.any()?;
        bit_string(fields.expect(tag::BIT_STRING)?)
    };
    read().map(|(_, octets)| octets).unwrap_or_default()
}

pub(super) fn sha1_of_key(certificate: &Certificate) -> [u8; 20] {
    sha1(key_bits(certificate))
}

fn sha1(octets: &[u8]) -> [u8; 20] {
    let mut hash = [0; 20];
    // Both have 20 octets.
    hash.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref());
    hash
}
