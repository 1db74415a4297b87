//! Attributes of a request (RFC 2985 section 5.4): extensionRequest and challengePassword are read, others only have to
//! be well formed.
//!
//! The SET may be unsorted, against DER: several clients write it so. Everything else is strict, and bounded.

use super::CsrError;
use crate::Oid;
use crate::asn1::{DerError, Reader, Tlv, tag};
use crate::extension::Extension;
use crate::name::text_of;

const CHALLENGE_PASSWORD: Oid = Oid::new_unwrap("1.2.840.113549.1.9.7");
const EXTENSION_REQUEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.14");
/// szOID_CERT_EXTENSIONS: what older Microsoft clients use for the same thing, with the same content.
const MICROSOFT_EXTENSIONS: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.2.1.14");

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
        let asked = |kind: Oid| seen.contains(&kind);
        if asked(EXTENSION_REQUEST) && asked(MICROSOFT_EXTENSIONS) {
            return Err(CsrError::SeveralExtensionRequests);
        }
        Ok(found)
    }

    /// The value of an extension asked for.
    pub(super) fn extension(&self, oid: Oid) -> Option<&[u8]> {
        self.extensions
            .iter()
            .find(|extension| extension.oid() == oid)
            .map(Extension::value_der)
    }

    fn take(&mut self, kind: Oid, values: &[Tlv<'_>]) -> Result<(), CsrError> {
        if ![EXTENSION_REQUEST, MICROSOFT_EXTENSIONS, CHALLENGE_PASSWORD].contains(&kind) {
            return Ok(());
        }
        let [value] = values else {
            return Err(CsrError::NotSingleValued(Box::new(kind)));
        };
        if kind == CHALLENGE_PASSWORD {
            self.challenge_password = Some(text(*value).ok_or(CsrError::ChallengePassword)?);
        } else {
            self.extensions = extensions(*value)?;
        }
        Ok(())
    }
}

fn repeated(kind: Oid) -> CsrError {
    if [EXTENSION_REQUEST, MICROSOFT_EXTENSIONS].contains(&kind) {
        return CsrError::SeveralExtensionRequests;
    }
    CsrError::RepeatedAttribute(Box::new(kind))
}

/// One Attribute: its type and its values.
fn attribute<'a>(set: &mut Reader<'a>) -> Result<(Oid, Vec<Tlv<'a>>), DerError> {
    let mut fields = set.enter(tag::SEQUENCE)?;
    let kind = fields.oid()?;
    let mut values = fields.enter(tag::SET)?;
    fields.finish()?;
    let mut all = Vec::new();
    while !values.is_empty() {
        all.push(values.any()?);
    }
    Ok((kind, all))
}

/// Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension. An empty list is taken for what it says: nothing.
fn extensions(value: Tlv<'_>) -> Result<Vec<Extension>, CsrError> {
    let mut list = Reader::new(value.expect(tag::SEQUENCE).map_err(CsrError::Attributes)?);
    let mut found: Vec<Extension> = Vec::new();
    while !list.is_empty() {
        if found.len() == MAX_EXTENSIONS {
            return Err(CsrError::TooManyExtensions(MAX_EXTENSIONS));
        }
        let extension = Extension::read(&mut list).map_err(CsrError::Attributes)?;
        let kind = extension.oid();
        if found.iter().any(|earlier| earlier.oid() == kind) {
            return Err(CsrError::RepeatedExtension(Box::new(kind)));
        }
        if extension.critical() && !is_known(kind) {
            return Err(CsrError::UnknownCritical(Box::new(kind)));
        }
        found.push(extension);
    }
    Ok(found)
}

/// The extensions of RFC 5280 (all of 2.5.29), authorityInfoAccess, subjectInfoAccess and TLS feature.
fn is_known(kind: Oid) -> bool {
    const CERTIFICATE_EXTENSIONS: Oid = Oid::new_unwrap("2.5.29");
    const PKIX_EXTENSIONS: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.1");
    match (
        kind.arc_below(&CERTIFICATE_EXTENSIONS),
        kind.arc_below(&PKIX_EXTENSIONS),
    ) {
        (Some(arc), _) => matches!(arc, 9 | 14..=19 | 30..=33 | 35..=37 | 46 | 54),
        (_, Some(arc)) => matches!(arc, 1 | 11 | 24),
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
