//! A TBSCertificate taken apart once (RFC 5280 section 4.1), for all lints to look at. Everything borrows from the
//! octets. It tolerates what has a lint of its own, and fails only where the structure itself is broken; extensions
//! that cannot be read are listed in [`Extensions::malformed`](extensions::Extensions::malformed).

pub(crate) mod extensions;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod name;
mod places;
pub(crate) mod points;
pub(crate) mod response;
pub(crate) mod time;

use x509::Oid;

use crate::oid;
use crate::tlv::{Broken, Reader, Tlv, tag};
use extensions::{Extension, Extensions};
use key::Spki;
use name::Name;
pub(crate) use places::{NAME_CONSTRAINTS, POINTERS, SUBJECT_ALT_NAME};
use time::Time;

/// Most octets that are looked at. Certificates of a hundred names have about eight thousand.
pub(crate) const MAX_TBS: usize = 256 * 1024;

/// A TBSCertificate.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// Content of the INTEGER; none if the field is missing.
    pub(crate) version: Option<&'a [u8]>,
    /// Content of the INTEGER.
    pub(crate) serial: &'a [u8],
    pub(crate) signature: Algorithm<'a>,
    /// DER of the name.
    pub(crate) issuer: &'a [u8],
    pub(crate) not_before: Time<'a>,
    pub(crate) not_after: Time<'a>,
    pub(crate) subject: Name<'a>,
    pub(crate) spki: Spki<'a>,
    pub(crate) has_unique_identifiers: bool,
    /// Whether there is an extensions field, empty or not.
    pub(crate) has_extensions: bool,
    pub(crate) extensions: Extensions<'a>,
    /// Every GeneralName of the extensions, and in which of them it is.
    pub(crate) general_names: Vec<(&'static str, Tlv<'a>)>,
    /// Every name but the issuer and the subject, and where it is: directory names and names of CRLs.
    pub(crate) other_names: Vec<(&'static str, Name<'a>)>,
    /// Whether the certificate's own key signs it; the context says so.
    pub(crate) root: bool,
}

/// An AlgorithmIdentifier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Algorithm<'a> {
    pub(crate) oid: &'a [u8],
    pub(crate) parameters: Option<Tlv<'a>>,
}

impl<'a> Algorithm<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Broken> {
        let mut fields = reader.enter(tag::SEQUENCE)?;
        let oid = fields.expect(tag::OID)?;
        let parameters = if fields.is_empty() {
            None
        } else {
            Some(fields.any()?)
        };
        fields.finish()?;
        Ok(Self { oid, parameters })
    }

    pub(crate) fn is(&self, oid: Oid) -> bool {
        oid::is(self.oid, oid)
    }

    pub(crate) fn has_null_parameters(&self) -> bool {
        self.parameters.is_some_and(|value| value.whole == [tag::NULL, 0])
    }
}

impl<'a> View<'a> {
    pub(crate) fn decode(tbs: &'a [u8]) -> Result<Self, Broken> {
        if tbs.len() > MAX_TBS {
            return Err(Broken::Value("it has more than 262144 octets"));
        }
        let mut fields = Reader::within(tbs, tag::SEQUENCE).map_err(Broken::within("tbsCertificate"))?;
        let version = read_version(&mut fields).map_err(Broken::within("version"))?;
        let serial = fields
            .expect(tag::INTEGER)
            .map_err(Broken::within("serialNumber"))?;
        let signature = Algorithm::read(&mut fields).map_err(Broken::within("signature"))?;
        let issuer = Name::read(&mut fields).map_err(Broken::within("issuer"))?.der;
        let (not_before, not_after) = Time::read_two(&mut fields).map_err(Broken::within("validity"))?;
        let subject = Name::read(&mut fields).map_err(Broken::within("subject"))?;
        let spki = Spki::read(&mut fields).map_err(Broken::within("subjectPublicKeyInfo"))?;
        let unique = Broken::within("unique identifiers");
        let issuer_id = fields.optional(tag::implicit(1)).map_err(&unique)?;
        let subject_id = fields.optional(tag::implicit(2)).map_err(&unique)?;
        let list = fields
            .optional(tag::explicit(3))
            .map_err(Broken::within("extensions"))?;
        fields.finish().map_err(Broken::within("tbsCertificate"))?;
        let extensions = list
            .map_or(Ok(Extensions::default()), Extensions::read)
            .map_err(Broken::within("extensions"))?;
        let general_names = places::general_names(&extensions);
        Ok(Self {
            version,
            serial,
            signature,
            issuer,
            not_before,
            not_after,
            subject,
            spki,
            has_unique_identifiers: issuer_id.is_some() || subject_id.is_some(),
            has_extensions: list.is_some(),
            other_names: places::names(&extensions, &general_names),
            general_names,
            extensions,
            root: false,
        })
    }

    /// The subject and every other name but the issuer, which is only compared with the certificate it comes from.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&'static str, &Name<'a>)> {
        let others = self.other_names.iter().map(|(place, name)| (*place, name));
        std::iter::once(("subject", &self.subject)).chain(others)
    }

    pub(crate) fn is_ca(&self) -> bool {
        self.extensions.basic.as_ref().is_some_and(|basic| basic.ca)
    }

    pub(crate) fn is_tls_server(&self) -> bool {
        !self.is_ca() && self.has_purpose(oid::SERVER_AUTH)
    }

    pub(crate) fn is_ocsp_signer(&self) -> bool {
        !self.is_ca() && self.has_purpose(oid::OCSP_SIGNING)
    }

    pub(crate) fn has_purpose(&self, purpose: Oid) -> bool {
        self.purposes().iter().any(|held| oid::is(held, purpose))
    }

    /// Object identifiers in extKeyUsage.
    pub(crate) fn purposes(&self) -> &[&'a [u8]] {
        self.extensions.purposes.as_deref().unwrap_or_default()
    }

    /// GeneralNames in subjectAltName.
    pub(crate) fn sans(&self) -> &[Tlv<'a>] {
        self.extensions.sans.as_deref().unwrap_or_default()
    }

    /// The alternative names of one kind.
    pub(crate) fn sans_of(&self, kind: u8) -> impl Iterator<Item = &'a [u8]> {
        let of_kind = move |name: &&Tlv<'a>| name.tag == kind;
        self.sans().iter().filter(of_kind).map(|name| name.content)
    }

    pub(crate) fn extension(&self, oid: Oid) -> Option<&Extension<'a>> {
        self.extensions
            .list
            .iter()
            .find(|extension| oid::is(extension.oid, oid))
    }

    /// Addresses of OCSP responders.
    pub(crate) fn has_ocsp_pointer(&self) -> bool {
        let access = self.extensions.aia.as_deref().unwrap_or_default();
        access.iter().any(|access| oid::is(access.method, oid::OCSP))
    }

    /// Both ends, if they can be read.
    pub(crate) fn period(&self) -> Option<(::time::OffsetDateTime, ::time::OffsetDateTime)> {
        Some((self.not_before.moment?, self.not_after.moment?))
    }

    /// Length with the last second counted in (RFC 5280 section 4.1.2.5).
    pub(crate) fn length(&self) -> Option<::time::Duration> {
        self.period()
            .map(|(start, end)| end - start + ::time::Duration::SECOND)
    }
}

fn read_version<'a>(fields: &mut Reader<'a>) -> Result<Option<&'a [u8]>, Broken> {
    fields
        .optional(tag::explicit(0))?
        .map(|explicit| Reader::single(explicit, tag::INTEGER))
        .transpose()
}
