//! Certificates in whatever a person hands over: PEM, DER, or a PKCS#7 bundle (RFC 2315 section 9.1, RFC 5652) in either.
//!
//! Of a PKCS#7 bundle only its certificates are taken; it is a bag here, and no signature of it is looked at.

use crate::asn1::{DerError, Reader, tag, to_der};
use crate::pem::{self, Passed};
use crate::{Certificate, CertificateError, Oid};

const SIGNED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.2");
/// RFC 7468 section 5.1 has the older label of certificates. OpenSSL's trusted ones are a certificate and what it is trusted
/// for, which is not looked at.
const LABELS: [&str; 5] = ["CERTIFICATE", "X509 CERTIFICATE", TRUSTED, "PKCS7", "CMS"];
const TRUSTED: &str = "TRUSTED CERTIFICATE";
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
    /// What was not read as a certificate, and could have been meant as one.
    pub passed: Vec<Passed>,
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
        let (entries, passed) = entries(input)?;
        bundle.passed = passed;
        for (at, entry) in entries.into_iter().enumerate() {
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
    entries(input)?.0.into_iter().collect()
}

type Entry = Result<Certificate, CertificateError>;

fn entries(input: &[u8]) -> Result<(Vec<Entry>, Vec<Passed>), CertificateError> {
    let mut found = Vec::new();
    if !pem::is_pem(input) {
        let bare = pem::bare_base64(input);
        take(bare.as_deref().map_or(input, Vec::as_slice), &mut found)?;
        return Ok((found, Vec::new()));
    }
    let selected = pem::select_each(input, &LABELS)?;
    for block in selected.blocks {
        match block {
            Ok(block) if block.label == TRUSTED => {
                // Without one it is not DER, which the parser says.
                let first = Reader::new(&block.der).any().map(|first| first.whole);
                found.push(Certificate::from_der(first.unwrap_or(&block.der)));
            }
            Ok(block) if block.label.ends_with("CERTIFICATE") => {
                found.push(Certificate::from_der(&block.der))
            }
            Ok(block) => take(&block.der, &mut found)?,
            Err(damaged) => found.push(Err(damaged.into())),
        }
    }
    Ok((found, selected.passed))
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
