//! Attributes of a request (RFC 2985 §5.4): extensionRequest and challengePassword are read, others only have to
//! be well formed.
//!
//! The SET may be unsorted, against DER: several clients write it so. Everything else is strict, and bounded.

use const_oid::ObjectIdentifier;
use der::asn1::OctetString;
use x509_cert::ext::Extension;

use super::CsrError;
use crate::asn1::{DerError, Reader, Tlv, boolean, ia5, tag};

const CHALLENGE_PASSWORD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");
const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
/// szOID_CERT_EXTENSIONS: what older Microsoft clients use for the same thing, with the same content.
const MICROSOFT_EXTENSIONS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.14");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

const MAX_ATTRIBUTES: usize = 32;
const MAX_EXTENSIONS: usize = 64;
/// pkcs-9-ub-challengePassword (RFC 2985 appendix B).
const MAX_PASSWORD: usize = 255;

/// What the attributes of one request say.
#[derive(Clone, Default)]
pub(super) struct Attributes {
    pub(super) extensions: Vec<Extension>,
    pub(super) challenge_password: Option<String>,
}

impl Attributes {
    /// Reads the content of the `[0] IMPLICIT SET OF Attribute`.
    pub(super) fn read(content: &[u8]) -> Result<Self, CsrError> {
        let mut set = Reader::new(content);
        let mut seen = Vec::new();
        let mut found = Self::default();
        while !set.is_empty() {
            if seen.len() == MAX_ATTRIBUTES {
                return Err(CsrError::TooManyAttributes(MAX_ATTRIBUTES));
            }
            let (oid, values) = attribute(&mut set).map_err(CsrError::Attributes)?;
            if seen.contains(&oid) {
                return Err(repeated(oid));
            }
            seen.push(oid);
            found.take(oid, &values)?;
        }
        if seen.contains(&EXTENSION_REQUEST) && seen.contains(&MICROSOFT_EXTENSIONS) {
            return Err(CsrError::SeveralExtensionRequests);
        }
        Ok(found)
    }

    /// The value of the subjectAltName asked for.
    pub(super) fn subject_alt_name(&self) -> Option<&[u8]> {
        self.extensions
            .iter()
            .find(|extension| extension.extn_id == SUBJECT_ALT_NAME)
            .map(|extension| extension.extn_value.as_bytes())
    }

    fn take(&mut self, oid: ObjectIdentifier, values: &[Tlv<'_>]) -> Result<(), CsrError> {
        match (oid, values) {
            (EXTENSION_REQUEST | MICROSOFT_EXTENSIONS, [value]) => self.extensions = extensions(*value)?,
            (CHALLENGE_PASSWORD, [value]) => {
                self.challenge_password = Some(text(*value).ok_or(CsrError::ChallengePassword)?);
            }
            (EXTENSION_REQUEST | MICROSOFT_EXTENSIONS | CHALLENGE_PASSWORD, _) => {
                return Err(CsrError::NotSingleValued(oid));
            }
            _ => {}
        }
        Ok(())
    }
}

fn repeated(oid: ObjectIdentifier) -> CsrError {
    match oid {
        EXTENSION_REQUEST | MICROSOFT_EXTENSIONS => CsrError::SeveralExtensionRequests,
        _ => CsrError::RepeatedAttribute(oid),
    }
}

/// One Attribute: its type and its values.
fn attribute<'a>(set: &mut Reader<'a>) -> Result<(ObjectIdentifier, Vec<Tlv<'a>>), DerError> {
    let mut fields = set.enter(tag::SEQUENCE)?;
    let oid = fields.oid()?;
    let mut values = fields.enter(tag::SET)?;
    fields.finish()?;
    let mut all = Vec::new();
    while !values.is_empty() {
        all.push(values.any()?);
    }
    Ok((oid, all))
}

/// Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension. An empty list is taken for what it says: nothing.
fn extensions(value: Tlv<'_>) -> Result<Vec<Extension>, CsrError> {
    let mut list = Reader::new(value.expect(tag::SEQUENCE).map_err(CsrError::Attributes)?);
    let mut found: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        if found.len() == MAX_EXTENSIONS {
            return Err(CsrError::TooManyExtensions(MAX_EXTENSIONS));
        }
        let extension = extension(&mut list).map_err(CsrError::Attributes)?;
        let oid = extension.extn_id;
        if found.iter().any(|other| other.extn_id == oid) {
            return Err(CsrError::RepeatedExtension(oid));
        }
        if extension.critical && !is_known(&oid) {
            return Err(CsrError::UnknownCritical(oid));
        }
        found.push(extension);
    }
    Ok(found)
}

/// `critical` may be encoded although FALSE, its default: that is against DER but changes nothing.
fn extension(list: &mut Reader<'_>) -> Result<Extension, DerError> {
    let mut fields = list.enter(tag::SEQUENCE)?;
    let extn_id = fields.oid()?;
    let critical = fields
        .optional(tag::BOOLEAN)?
        .map(boolean)
        .transpose()?
        .unwrap_or_default();
    let value = fields.expect(tag::OCTET_STRING)?;
    fields.finish()?;
    let extn_value = OctetString::new(value).map_err(|_| DerError::Value("OCTET STRING"))?;
    Ok(Extension {
        extn_id,
        critical,
        extn_value,
    })
}

/// The extensions of RFC 5280 (all of 2.5.29), authorityInfoAccess, subjectInfoAccess and TLS feature.
fn is_known(oid: &ObjectIdentifier) -> bool {
    const CERTIFICATE_EXTENSIONS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29");
    const PKIX_EXTENSIONS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1");
    let last = oid.arcs().last();
    match oid.parent() {
        Some(CERTIFICATE_EXTENSIONS) => {
            last.is_some_and(|arc| matches!(arc, 9 | 14..=19 | 30..=33 | 35..=37 | 46 | 54))
        }
        Some(PKIX_EXTENSIONS) => last.is_some_and(|arc| matches!(arc, 1 | 11 | 24)),
        _ => false,
    }
}

/// A DirectoryString (or IA5String, which OpenSSL writes for some input) without control characters.
fn text(value: Tlv<'_>) -> Option<String> {
    let text = match value.tag {
        tag::UTF8_STRING => std::str::from_utf8(value.content).ok()?.to_owned(),
        // Teletex in practice is ASCII or Latin-1; only what both agree on is taken.
        tag::PRINTABLE_STRING | tag::IA5_STRING | tag::TELETEX_STRING => ia5(value.content).ok()?.to_owned(),
        tag::BMP_STRING => {
            let (units, rest) = value.content.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
            rest.is_empty().then_some(text)?
        }
        _ => return None,
    };
    let fits =
        !text.is_empty() && text.chars().count() <= MAX_PASSWORD && !text.chars().any(char::is_control);
    fits.then_some(text)
}
