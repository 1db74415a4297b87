//! Certificates in whatever a person hands over: PEM, DER, or a PKCS#7 bundle (RFC 2315 section 9.1, RFC 5652) in either.
//!
//! Of a PKCS#7 bundle only its certificates are taken; it is a bag here, and no signature of it is looked at.

use const_oid::ObjectIdentifier;

use crate::{
    Certificate, CertificateError,
    asn1::{DerError, Reader, tag, to_der},
    pem,
};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const LABELS: [&str; 3] = ["CERTIFICATE", "PKCS7", "CMS"];
/// Most certificates in one input.
pub const MAX_CERTIFICATES: usize = 1000;

/// A certificate that cannot be read, among others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificate {number}: {source}")]
pub struct Unreadable {
    /// Its place in the input, counted from 1.
    pub number: usize,
    /// What is wrong with it.
    pub source: CertificateError,
}

/// The certificates of an input, in their order, and those that cannot be read.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// What can be read.
    pub certificates: Vec<Certificate>,
    /// What was passed over.
    pub unreadable: Vec<Unreadable>,
}

impl Bundle {
    /// Reads what can be read: one certificate that is broken, or that no verifier could judge, says nothing about those
    /// beside it.
    ///
    /// # Errors
    /// [`CertificateError`] if no certificate can be read; the message says what is wrong with the first, or what the
    /// input is instead.
    pub fn read(input: &[u8]) -> Result<Self, CertificateError> {
        let mut bundle = Self::default();
        for (at, entry) in entries(input)?.into_iter().enumerate() {
            match entry {
                Ok(certificate) => bundle.certificates.push(certificate),
                Err(source) => bundle.unreadable.push(Unreadable {
                    number: at + 1,
                    source,
                }),
            }
        }
        match (bundle.certificates.is_empty(), bundle.unreadable.first()) {
            (true, Some(first)) => Err(first.source.clone()),
            _ => Ok(bundle),
        }
    }
}

/// All certificates of the input, in their order.
///
/// # Errors
/// [`CertificateError`] if there is none, or any cannot be parsed; the message says what the input is instead.
pub fn certificates(input: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    entries(input)?.into_iter().collect()
}

type Entry = Result<Certificate, CertificateError>;

fn entries(input: &[u8]) -> Result<Vec<Entry>, CertificateError> {
    let mut found = Vec::new();
    if !pem::is_pem(input) {
        let bare = pem::bare_base64(input);
        take(bare.as_deref().map_or(input, Vec::as_slice), &mut found)?;
        return Ok(found);
    }
    for block in pem::select_each(input, &LABELS)? {
        match block {
            Ok(block) if block.label == "CERTIFICATE" => found.push(Certificate::from_der(&block.der)),
            Ok(block) => take(&block.der, &mut found)?,
            Err(damaged) => found.push(Err(damaged.into())),
        }
    }
    Ok(found)
}

fn take(octets: &[u8], found: &mut Vec<Entry>) -> Result<(), CertificateError> {
    if octets.first() != Some(&tag::SEQUENCE) {
        // Names what is missing, or what the text is instead.
        return Err(pem::select(octets, &LABELS)
            .err()
            .map_or(CertificateError::NoCertificate, Into::into));
    }
    let within = |source| CertificateError::Der {
        part: "PKCS#7 bundle",
        source,
    };
    let is_bundle = Reader::new(octets)
        .any()
        .is_ok_and(|outer| outer.content.first() == Some(&tag::OID))
        || matches!(octets, [_, 0x80, tag::OID, ..]);
    if !is_bundle {
        found.push(Certificate::from_der(octets));
        return Ok(());
    }
    let der = to_der(octets).map_err(within)?;
    let list = bundled(&der).map_err(within)?;
    let mut list = Reader::new(list);
    while !list.is_empty() {
        if found.len() == MAX_CERTIFICATES {
            return Err(within(DerError::Value("list: it holds too many certificates")));
        }
        found.push(Certificate::from_der(list.any().map_err(within)?.whole));
    }
    if found.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    Ok(())
}

/// The content of `certificates` in a SignedData.
fn bundled(der: &[u8]) -> Result<&[u8], DerError> {
    let mut outer = Reader::within(der, tag::SEQUENCE)?;
    if outer.oid()? != SIGNED_DATA {
        return Err(DerError::Value("content: it is not SignedData"));
    }
    let content = outer.expect(tag::context_constructed(0))?;
    let mut fields = Reader::within(content, tag::SEQUENCE)?;
    fields.expect(tag::INTEGER)?;
    fields.expect(tag::SET)?;
    fields.expect(tag::SEQUENCE)?;
    Ok(fields.optional(tag::context_constructed(0))?.unwrap_or_default())
}
