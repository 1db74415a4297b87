//! Certificate extensions as they are issued (RFC 5280 section 4.2, RFC 7633, RFC 6960, RFC 9608).
//!
//! Each constructor writes the whole extension with the criticality that its RFC and the Baseline Requirements want,
//! so a caller cannot get it wrong; no DEFAULT value is ever encoded. [`Extension::value`] reads any of them back.
//! Which extensions belong in which certificate is the business of `rules` and `lint`.

mod crl;
mod error;
mod key_usage;
mod location;
mod name_constraints;
pub mod oids;
mod point;
mod purpose;
mod subtree;
mod value;

pub use crl::{CrlScope, IssuingDistributionPoint};
pub use error::ExtensionError;
pub use key_usage::KeyUsageFlags;
pub use location::Location;
pub use name_constraints::{NameConstraints, Violation};
pub use point::{DistributionPoint, PointNames};
pub use purpose::Eku;
pub use subtree::Subtree;
pub use value::ExtensionValue;

use crate::Oid;
use crate::asn1::{DerError, Reader, Writer, boolean, tag};
use crate::san::{self, San, SanError};

const NULL: &[u8] = &[tag::NULL, 0];
/// The TLS extension status_request (RFC 6066): a server with such a certificate must staple.
const STATUS_REQUEST: u8 = 5;

/// One extension: type, criticality and the DER of its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extension {
    oid: Oid,
    critical: bool,
    value: Vec<u8>,
}

impl Extension {
    /// An extension without a constructor of its own. `value` is the DER inside the OCTET STRING.
    #[must_use]
    pub fn other(oid: Oid, critical: bool, value: Vec<u8>) -> Self {
        Self { oid, critical, value }
    }

    /// BasicConstraints of a CA, critical. `path_len` is how many CA certificates may follow. End entities carry
    /// none: `cA FALSE` is the default and an empty extension says nothing.
    #[must_use]
    pub fn basic_constraints_ca(path_len: Option<u8>) -> Self {
        let value = Writer::one(tag::SEQUENCE, |out| {
            out.boolean_true();
            if let Some(path_len) = path_len {
                out.unsigned(&[path_len]);
            }
        });
        Self::other(oids::BASIC_CONSTRAINTS, true, value)
    }

    /// KeyUsage, critical, trailing zero bits trimmed (X.690 section 11.2.2).
    ///
    /// # Errors
    /// Without any usage: section 4.2.1.3 wants at least one bit.
    pub fn key_usage(usages: KeyUsageFlags) -> Result<Self, ExtensionError> {
        if usages.is_empty() {
            return Err(ExtensionError::Empty("keyUsage"));
        }
        Ok(Self::other(oids::KEY_USAGE, true, usages.to_der()))
    }

    /// ExtendedKeyUsage, not critical; a purpose that occurs twice is written once. Time stamping alone makes it
    /// critical, as RFC 3161 section 2.3 wants.
    ///
    /// # Errors
    /// Without any purpose.
    pub fn extended_key_usage(purposes: Vec<Eku>) -> Result<Self, ExtensionError> {
        let mut distinct: Vec<Eku> = Vec::with_capacity(purposes.len());
        for purpose in purposes {
            if !distinct.contains(&purpose) {
                distinct.push(purpose);
            }
        }
        if distinct.is_empty() {
            return Err(ExtensionError::Empty("extKeyUsage"));
        }
        let critical = distinct == [Eku::TimeStamping];
        let value = Writer::one(tag::SEQUENCE, |out| {
            distinct.iter().for_each(|purpose| out.oid(&purpose.oid()))
        });
        Ok(Self::other(oids::EXTENDED_KEY_USAGE, critical, value))
    }

    /// SubjectAltName. It must be critical exactly if the subject is empty (section 4.2.1.6).
    ///
    /// # Errors
    /// Without any name or with more than [`san::MAX_SANS`].
    pub fn subject_alt_name(sans: &[San], critical: bool) -> Result<Self, ExtensionError> {
        Ok(Self::other(oids::SUBJECT_ALT_NAME, critical, san::encode(sans)?))
    }

    /// SubjectKeyIdentifier, not critical; see [`PublicKey::key_identifier`](crate::PublicKey::key_identifier).
    #[must_use]
    pub fn subject_key_identifier(identifier: impl AsRef<[u8]>) -> Self {
        Self::other(
            oids::SUBJECT_KEY_IDENTIFIER,
            false,
            Writer::primitive_of(tag::OCTET_STRING, identifier.as_ref()),
        )
    }

    /// AuthorityKeyIdentifier with the keyIdentifier alone, not critical. It must repeat the issuer's subject key
    /// identifier, which foreign issuers may have made in another length or by another method.
    #[must_use]
    pub fn authority_key_identifier(identifier: impl AsRef<[u8]>) -> Self {
        let value = Writer::one(tag::SEQUENCE, |out| {
            out.primitive(tag::context(0), identifier.as_ref())
        });
        Self::other(oids::AUTHORITY_KEY_IDENTIFIER, false, value)
    }

    /// CRLDistributionPoints with one point whose full name lists these URIs for the same CRL, not critical.
    ///
    /// # Errors
    /// Without any URI, or with one that is not absolute.
    pub fn crl_distribution_points<U: AsRef<str>>(uris: &[U]) -> Result<Self, ExtensionError> {
        let names = uri_names(uris)?;
        if names.is_empty() {
            return Err(ExtensionError::Empty("cRLDistributionPoints"));
        }
        let value = Writer::one(tag::SEQUENCE, |out| {
            out.sequence(|point| distribution_point_name(point, &names));
        });
        Ok(Self::other(oids::CRL_DISTRIBUTION_POINTS, false, value))
    }

    /// AuthorityInfoAccess with the locations of OCSP responders, then of the issuer's certificate, not critical.
    ///
    /// # Errors
    /// Without any URI, or with one that is not absolute.
    pub fn authority_information_access<U: AsRef<str>>(
        ocsp: &[U],
        ca_issuers: &[U],
    ) -> Result<Self, ExtensionError> {
        let (ocsp, ca_issuers) = (uri_names(ocsp)?, uri_names(ca_issuers)?);
        let all = ocsp.iter().map(|uri| (oids::OCSP, uri));
        let all: Vec<_> = all
            .chain(ca_issuers.iter().map(|uri| (oids::CA_ISSUERS, uri)))
            .collect();
        if all.is_empty() {
            return Err(ExtensionError::Empty("authorityInfoAccess"));
        }
        let value = Writer::one(tag::SEQUENCE, |out| {
            for (method, uri) in all {
                out.sequence(|description| {
                    description.oid(&method);
                    uri.write(description);
                });
            }
        });
        Ok(Self::other(oids::AUTHORITY_INFO_ACCESS, false, value))
    }

    /// CertificatePolicies without qualifiers, not critical; a policy that occurs twice is written once.
    ///
    /// # Errors
    /// Without any policy.
    pub fn certificate_policies(policies: &[Oid]) -> Result<Self, ExtensionError> {
        if policies.is_empty() {
            return Err(ExtensionError::Empty("certificatePolicies"));
        }
        let value = Writer::one(tag::SEQUENCE, |out| {
            for (at, policy) in policies.iter().enumerate() {
                if !policies.iter().take(at).any(|earlier| earlier == policy) {
                    out.sequence(|information| information.oid(policy));
                }
            }
        });
        Ok(Self::other(oids::CERTIFICATE_POLICIES, false, value))
    }

    /// NameConstraints, critical.
    ///
    /// # Errors
    /// Without any subtree.
    pub fn name_constraints(constraints: &NameConstraints) -> Result<Self, ExtensionError> {
        if constraints.is_empty() {
            return Err(ExtensionError::Empty("nameConstraints"));
        }
        Ok(Self::other(oids::NAME_CONSTRAINTS, true, constraints.to_der()))
    }

    /// TLS feature status_request, "must staple" (RFC 7633), not critical.
    #[must_use]
    pub fn tls_feature_must_staple() -> Self {
        let value = Writer::one(tag::SEQUENCE, |out| out.unsigned(&[STATUS_REQUEST]));
        Self::other(oids::TLS_FEATURE, false, value)
    }

    /// id-pkix-ocsp-nocheck: the status of this OCSP signer is not to be asked for. Not critical.
    #[must_use]
    pub fn ocsp_no_check() -> Self {
        Self::other(oids::OCSP_NO_CHECK, false, NULL.to_vec())
    }

    /// noRevAvail (RFC 9608): no revocation information will ever exist. Not critical.
    #[must_use]
    pub fn no_rev_avail() -> Self {
        Self::other(oids::NO_REV_AVAIL, false, NULL.to_vec())
    }

    /// The type.
    #[must_use]
    pub fn oid(&self) -> Oid {
        self.oid
    }

    /// Whether verifiers that do not know it must refuse the certificate.
    #[must_use]
    pub fn critical(&self) -> bool {
        self.critical
    }

    /// The DER inside the OCTET STRING.
    #[must_use]
    pub fn value_der(&self) -> &[u8] {
        &self.value
    }

    /// The decoded value.
    ///
    /// # Errors
    /// [`ExtensionError::Malformed`] if the value of a known type does not have its form.
    pub fn value(&self) -> Result<ExtensionValue, ExtensionError> {
        ExtensionValue::decode(self)
    }

    /// The name of the type in RFC 5280 and others, or its OID.
    #[must_use]
    pub fn name(&self) -> String {
        value::name_of(self.oid).map_or_else(|| self.oid.to_string(), str::to_owned)
    }

    /// Writes the Extension SEQUENCE.
    pub(crate) fn write(&self, out: &mut Writer) {
        out.sequence(|out| {
            out.oid(&self.oid);
            if self.critical {
                out.boolean_true();
            }
            out.primitive(tag::OCTET_STRING, &self.value);
        });
    }

    /// Reads one Extension; an encoded `critical FALSE`, which DER forbids, is tolerated in what others made.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        let mut fields = reader.enter(tag::SEQUENCE)?;
        let oid = fields.oid()?;
        let critical = fields.optional(tag::BOOLEAN)?.map_or(Ok(false), boolean)?;
        let value = fields.expect(tag::OCTET_STRING)?.to_vec();
        fields.finish()?;
        Ok(Self { oid, critical, value })
    }
}

/// The distributionPoint of a DistributionPoint or IssuingDistributionPoint: a full name of these URIs.
fn distribution_point_name(point: &mut Writer, names: &[Location]) {
    point.constructed(tag::context_constructed(0), |name| {
        name.constructed(tag::context_constructed(0), |full| {
            names.iter().for_each(|uri| uri.write(full));
        });
    });
}

fn uri_names<U: AsRef<str>>(uris: &[U]) -> Result<Vec<Location>, SanError> {
    uris.iter().map(|uri| uri.as_ref().parse()).collect()
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    fn hex(extension: &Extension) -> String {
        let mut out = Writer::default();
        extension.write(&mut out);
        let der = out.into_vec();
        assert_eq!(Extension::read(&mut Reader::new(&der)).as_ref(), Ok(extension));
        HEXLOWER.encode(&der)
    }

    #[test]
    fn defaults_are_not_encoded() {
        assert_eq!(
            hex(&Extension::basic_constraints_ca(None)),
            "300f0603551d130101ff040530030101ff"
        );
        assert_eq!(
            hex(&Extension::basic_constraints_ca(Some(0))),
            "30120603551d130101ff040830060101ff020100"
        );
        assert_eq!(hex(&Extension::no_rev_avail()), "30090603551d3804020500");
    }

    #[test]
    fn key_usage_bits_are_trimmed() {
        let bits = |flags| hex(&Extension::key_usage(flags).unwrap());
        assert_eq!(
            bits(KeyUsageFlags::DIGITAL_SIGNATURE),
            "300e0603551d0f0101ff040403020780"
        );
        assert_eq!(
            bits(KeyUsageFlags::KEY_CERT_SIGN | KeyUsageFlags::CRL_SIGN),
            "300e0603551d0f0101ff040403020106"
        );
        assert_eq!(
            bits(KeyUsageFlags::DECIPHER_ONLY),
            "300f0603551d0f0101ff04050303070080"
        );
        assert!(Extension::key_usage(KeyUsageFlags::default()).is_err());
    }

    #[test]
    fn criticality_is_built_in() {
        let uri = ["http://pki.example.test/ca"];
        let sans: [San; 1] = ["dns:a.test".parse().unwrap()];
        let constraints = NameConstraints {
            permitted: vec!["dns:a.test".parse().unwrap()],
            excluded: vec![],
        };
        for (extension, critical) in [
            (Extension::basic_constraints_ca(None), true),
            (Extension::key_usage(KeyUsageFlags::CRL_SIGN).unwrap(), true),
            (Extension::name_constraints(&constraints).unwrap(), true),
            (Extension::subject_alt_name(&sans, true).unwrap(), true),
            (Extension::subject_alt_name(&sans, false).unwrap(), false),
            (
                Extension::extended_key_usage(vec![Eku::ServerAuth]).unwrap(),
                false,
            ),
            (
                Extension::extended_key_usage(vec![Eku::TimeStamping]).unwrap(),
                true,
            ),
            (Extension::subject_key_identifier([0; 20]), false),
            (Extension::authority_key_identifier([0; 20]), false),
            (Extension::crl_distribution_points(&uri).unwrap(), false),
            (Extension::authority_information_access(&uri, &[]).unwrap(), false),
            (Extension::certificate_policies(&[oids::OCSP]).unwrap(), false),
            (Extension::tls_feature_must_staple(), false),
            (Extension::ocsp_no_check(), false),
            (Extension::no_rev_avail(), false),
        ] {
            assert_eq!(extension.critical(), critical, "{}", extension.name());
        }
    }

    #[test]
    fn lists_must_not_be_empty_nor_repeat() {
        assert!(Extension::extended_key_usage(vec![]).is_err());
        assert!(Extension::crl_distribution_points::<&str>(&[]).is_err());
        assert!(Extension::authority_information_access::<&str>(&[], &[]).is_err());
        assert!(Extension::certificate_policies(&[]).is_err());
        assert!(Extension::name_constraints(&NameConstraints::default()).is_err());
        assert!(Extension::crl_distribution_points(&["/crl"]).is_err());
        let once = Extension::extended_key_usage(vec![Eku::ServerAuth, Eku::ServerAuth]).unwrap();
        assert_eq!(
            once,
            Extension::extended_key_usage(vec![Eku::ServerAuth]).unwrap()
        );
        let once = Extension::certificate_policies(&[oids::OCSP, oids::OCSP]).unwrap();
        assert_eq!(once, Extension::certificate_policies(&[oids::OCSP]).unwrap());
    }
}
