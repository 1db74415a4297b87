//! Attributes of a request (RFC 2985 §5.4): extensionRequest and challengePassword are read, others only have to
//! be well formed. Unknown types may have arcs of any size.
//!
//! The SET may be unsorted, against DER: several clients write it so. Everything else is strict, and bounded.

use const_oid::ObjectIdentifier;
use der::asn1::OctetString;
use x509_cert::ext::Extension;

use super::CsrError;
use crate::asn1::{DerError, Reader, Tlv, boolean, dotted, oid, tag};
use crate::name::text_of;

const CHALLENGE_PASSWORD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");
const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
/// szOID_CERT_EXTENSIONS: what older Microsoft clients use for the same thing, with the same content.
const MICROSOFT_EXTENSIONS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.14");

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
            let (kind, values) = attribute(&mut set).map_err(CsrError::Attributes)?;
            if seen.contains(&kind) {
                return Err(repeated(kind));
            }
            seen.push(kind);
            found.take(kind, &values)?;
        }
        let asked = |kind: ObjectIdentifier| seen.contains(&kind.as_bytes());
        if asked(EXTENSION_REQUEST) && asked(MICROSOFT_EXTENSIONS) {
            return Err(CsrError::SeveralExtensionRequests);
        }
        Ok(found)
    }

    /// The value of an extension asked for.
    pub(super) fn extension(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        self.extensions
            .iter()
            .find(|extension| extension.extn_id == oid)
            .map(|extension| extension.extn_value.as_bytes())
    }

    fn take(&mut self, kind: &[u8], values: &[Tlv<'_>]) -> Result<(), CsrError> {
        let Some(oid) = [EXTENSION_REQUEST, MICROSOFT_EXTENSIONS, CHALLENGE_PASSWORD]
            .into_iter()
            .find(|known| known.as_bytes() == kind)
        else {
            return Ok(());
        };
        let [value] = values else {
            return Err(CsrError::NotSingleValued(oid));
        };
        if oid == CHALLENGE_PASSWORD {
            self.challenge_password = Some(text(*value).ok_or(CsrError::ChallengePassword)?);
        } else {
            self.extensions = extensions(*value)?;
        }
        Ok(())
    }
}

fn repeated(kind: &[u8]) -> CsrError {
    if [EXTENSION_REQUEST, MICROSOFT_EXTENSIONS]
        .iter()
        .any(|known| known.as_bytes() == kind)
    {
        return CsrError::SeveralExtensionRequests;
    }
    CsrError::RepeatedAttribute(dotted(kind))
}

/// One Attribute: its type, as octets, and its values.
fn attribute<'a>(set: &mut Reader<'a>) -> Result<(&'a [u8], Vec<Tlv<'a>>), DerError> {
    let mut fields = set.enter(tag::SEQUENCE)?;
    let kind = fields.oid_octets()?;
    let mut values = fields.enter(tag::SET)?;
    fields.finish()?;
    let mut all = Vec::new();
    while !values.is_empty() {
        all.push(values.any()?);
    }
    Ok((kind, all))
}

/// Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension. An empty list is taken for what it says: nothing. An extension
/// that is not critical and whose type is too large for an [`ObjectIdentifier`] is checked and left out.
fn extensions(value: Tlv<'_>) -> Result<Vec<Extension>, CsrError> {
    let mut list = Reader::new(value.expect(tag::SEQUENCE).map_err(CsrError::Attributes)?);
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut found: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        if seen.len() == MAX_EXTENSIONS {
            return Err(CsrError::TooManyExtensions(MAX_EXTENSIONS));
        }
        let Asked {
            kind,
            critical,
            extn_value,
        } = extension(&mut list).map_err(CsrError::Attributes)?;
        if seen.contains(&kind) {
            return Err(CsrError::RepeatedExtension(dotted(kind)));
        }
        seen.push(kind);
        let known = oid(kind).ok();
        if critical && !known.as_ref().is_some_and(is_known) {
            return Err(CsrError::UnknownCritical(dotted(kind)));
        }
        found.extend(known.map(|extn_id| Extension {
            extn_id,
            critical,
            extn_value,
        }));
    }
    Ok(found)
}

/// An extension asked for, its type as octets.
struct Asked<'a> {
    kind: &'a [u8],
    critical: bool,
    extn_value: OctetString,
}

/// `critical` may be encoded although FALSE, its default: that is against DER but changes nothing.
fn extension<'a>(list: &mut Reader<'a>) -> Result<Asked<'a>, DerError> {
    let mut fields = list.enter(tag::SEQUENCE)?;
    let kind = fields.oid_octets()?;
    let critical = fields
        .optional(tag::BOOLEAN)?
        .map(boolean)
        .transpose()?
        .unwrap_or_default();
    let value = fields.expect(tag::OCTET_STRING)?;
    fields.finish()?;
    let extn_value = OctetString::new(value).map_err(|_| DerError::Value("OCTET STRING"))?;
    Ok(Asked {
        kind,
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
    let text = text_of(&value)?;
    let fits =
        !text.is_empty() && text.chars().count() <= MAX_PASSWORD && !text.chars().any(char::is_control);
    fits.then(|| text.into_owned())
}
