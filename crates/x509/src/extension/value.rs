//! Reading extension values, ours and those of others.
//!
//! Forms that RFC 5280 does not give are refused; what DER alone forbids but others write (an encoded
//! `cA FALSE`, untrimmed key usage) is tolerated.

use super::{
    DistributionPoint, Eku, Extension, ExtensionError, IssuingDistributionPoint, KeyUsageFlags,
    NameConstraints, oids,
};
use crate::Oid;
use crate::asn1::{DerError, Reader, boolean, ia5, tag, unsigned};
use crate::san::{self, San, SanError};

/// A decoded extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtensionValue {
    /// basicConstraints. A `path_len` over 255 is given as 255: no chain is that long.
    BasicConstraints {
        /// Whether the subject is a CA.
        ca: bool,
        /// How many CA certificates may follow.
        path_len: Option<u8>,
    },
    /// keyUsage.
    KeyUsage(KeyUsageFlags),
    /// extKeyUsage.
    ExtendedKeyUsage(Vec<Eku>),
    /// subjectAltName; names that could not be issued are [`San::Opaque`].
    SubjectAltName(Vec<San>),
    /// subjectKeyIdentifier, of any length.
    SubjectKeyIdentifier(Vec<u8>),
    /// authorityKeyIdentifier.
    AuthorityKeyIdentifier {
        /// The issuer's subject key identifier.
        key_identifier: Option<Vec<u8>>,
        /// Whether issuer name and serial number are given as well.
        has_issuer_and_serial: bool,
    },
    /// cRLDistributionPoints.
    CrlDistributionPoints(Vec<DistributionPoint>),
    /// freshestCRL.
    FreshestCrl(Vec<DistributionPoint>),
    /// issuingDistributionPoint of a CRL.
    IssuingDistributionPoint(IssuingDistributionPoint),
    /// authorityInfoAccess.
    AuthorityInformationAccess {
        /// Locations of OCSP responders.
        ocsp: Vec<String>,
        /// Locations of the issuer's certificate.
        ca_issuers: Vec<String>,
        /// Whether an OCSP responder is named by something other than a URI.
        has_other_ocsp: bool,
    },
    /// certificatePolicies, without qualifiers.
    CertificatePolicies(Vec<Oid>),
    /// nameConstraints.
    NameConstraints(NameConstraints),
    /// TLS feature: numbers of TLS extensions.
    TlsFeature(Vec<u16>),
    /// id-pkix-ocsp-nocheck.
    OcspNoCheck,
    /// noRevAvail.
    NoRevAvail,
    /// An extension that is not decoded here.
    Unknown,
}

pub(super) fn name_of(oid: Oid) -> Option<&'static str> {
    Some(match oid {
        oids::SUBJECT_KEY_IDENTIFIER => "subjectKeyIdentifier",
        oids::KEY_USAGE => "keyUsage",
        oids::SUBJECT_ALT_NAME => "subjectAltName",
        oids::BASIC_CONSTRAINTS => "basicConstraints",
        oids::CRL_NUMBER => "cRLNumber",
        oids::REASON_CODE => "reasonCode",
        oids::INVALIDITY_DATE => "invalidityDate",
        oids::DELTA_CRL_INDICATOR => "deltaCRLIndicator",
        oids::ISSUING_DISTRIBUTION_POINT => "issuingDistributionPoint",
        oids::FRESHEST_CRL => "freshestCRL",
        oids::NAME_CONSTRAINTS => "nameConstraints",
        oids::CRL_DISTRIBUTION_POINTS => "cRLDistributionPoints",
        oids::CERTIFICATE_POLICIES => "certificatePolicies",
        oids::POLICY_CONSTRAINTS => "policyConstraints",
        oids::AUTHORITY_KEY_IDENTIFIER => "authorityKeyIdentifier",
        oids::EXTENDED_KEY_USAGE => "extKeyUsage",
        oids::NO_REV_AVAIL => "noRevAvail",
        oids::AUTHORITY_INFO_ACCESS => "authorityInfoAccess",
        oids::TLS_FEATURE => "tlsFeature",
        oids::OCSP_NO_CHECK => "ocspNoCheck",
        oids::OCSP_NONCE => "ocspNonce",
        oids::OCSP_RESPONSE => "ocspAcceptableResponses",
        oids::OCSP_ARCHIVE_CUTOFF => "ocspArchiveCutoff",
        oids::OCSP_EXTENDED_REVOKE => "ocspExtendedRevoke",
        _ => return None,
    })
}

impl ExtensionValue {
    pub(super) fn decode(extension: &Extension) -> Result<Self, ExtensionError> {
        decode(extension.oid, &extension.value).map_err(|source| ExtensionError::Malformed {
            name: extension.name(),
            source,
        })
    }
}

fn decode(oid: Oid, der: &[u8]) -> Result<ExtensionValue, DerError> {
    Ok(match oid {
        oids::BASIC_CONSTRAINTS => basic_constraints(der)?,
        oids::KEY_USAGE => ExtensionValue::KeyUsage(KeyUsageFlags::from_der(der)?),
        oids::EXTENDED_KEY_USAGE => {
            ExtensionValue::ExtendedKeyUsage(list(der, |purposes| purposes.oid().map(Eku::from))?)
        }
        oids::SUBJECT_ALT_NAME => ExtensionValue::SubjectAltName(subject_alt_name(der)?),
        oids::SUBJECT_KEY_IDENTIFIER => {
            ExtensionValue::SubjectKeyIdentifier(Reader::single(der, tag::OCTET_STRING)?.to_vec())
        }
        oids::AUTHORITY_KEY_IDENTIFIER => authority_key_identifier(der)?,
        oids::CRL_DISTRIBUTION_POINTS => {
            ExtensionValue::CrlDistributionPoints(list(der, DistributionPoint::read)?)
        }
        oids::FRESHEST_CRL => ExtensionValue::FreshestCrl(list(der, DistributionPoint::read)?),
        oids::ISSUING_DISTRIBUTION_POINT => {
            ExtensionValue::IssuingDistributionPoint(IssuingDistributionPoint::from_der(der)?)
        }
        oids::AUTHORITY_INFO_ACCESS => authority_information_access(der)?,
        oids::CERTIFICATE_POLICIES => ExtensionValue::CertificatePolicies(list(der, |policies| {
            // Qualifiers may follow; they are for people.
            policies.enter(tag::SEQUENCE)?.oid()
        })?),
        oids::NAME_CONSTRAINTS => ExtensionValue::NameConstraints(NameConstraints::from_der(der)?),
        oids::TLS_FEATURE => ExtensionValue::TlsFeature(list(der, |features| {
            let number = unsigned(features.expect(tag::INTEGER)?)?;
            u16::try_from(number).map_err(|_| DerError::Value("TLS feature"))
        })?),
        oids::OCSP_NO_CHECK => null(der, ExtensionValue::OcspNoCheck)?,
        oids::NO_REV_AVAIL => null(der, ExtensionValue::NoRevAvail)?,
        _ => ExtensionValue::Unknown,
    })
}

/// Reads a SEQUENCE OF.
fn list<'a, T>(
    der: &'a [u8],
    mut item: impl FnMut(&mut Reader<'a>) -> Result<T, DerError>,
) -> Result<Vec<T>, DerError> {
    let mut entries = Reader::within(der, tag::SEQUENCE)?;
    let mut items = Vec::new();
    while !entries.is_empty() {
        items.push(item(&mut entries)?);
    }
    Ok(items)
}

fn null(der: &[u8], value: ExtensionValue) -> Result<ExtensionValue, DerError> {
    if Reader::single(der, tag::NULL)?.is_empty() {
        Ok(value)
    } else {
        Err(DerError::Value("NULL"))
    }
}

fn basic_constraints(der: &[u8]) -> Result<ExtensionValue, DerError> {
    let mut fields = Reader::within(der, tag::SEQUENCE)?;
    let ca = fields.optional(tag::BOOLEAN)?.map_or(Ok(false), boolean)?;
    let path_len = fields.optional(tag::INTEGER)?.map(unsigned).transpose()?;
    fields.finish()?;
    let path_len = path_len.map(|length| u8::try_from(length).unwrap_or(u8::MAX));
    Ok(ExtensionValue::BasicConstraints { ca, path_len })
}

fn subject_alt_name(der: &[u8]) -> Result<Vec<San>, DerError> {
    san::decode_lenient(der).map_err(|problem| match problem {
        SanError::Der(source) => source,
        _ => DerError::Value("GeneralNames"),
    })
}

fn authority_key_identifier(der: &[u8]) -> Result<ExtensionValue, DerError> {
    let mut fields = Reader::within(der, tag::SEQUENCE)?;
    let key_identifier = fields.optional(tag::context(0))?.map(<[u8]>::to_vec);
    let issuer = fields.optional(tag::context_constructed(1))?;
    let serial = fields.optional(tag::context(2))?;
    fields.finish()?;
    Ok(ExtensionValue::AuthorityKeyIdentifier {
        key_identifier,
        has_issuer_and_serial: issuer.is_some() && serial.is_some(),
    })
}

fn authority_information_access(der: &[u8]) -> Result<ExtensionValue, DerError> {
    let (mut ocsp, mut ca_issuers, mut has_other_ocsp) = (Vec::new(), Vec::new(), false);
    let mut descriptions = Reader::within(der, tag::SEQUENCE)?;
    while !descriptions.is_empty() {
        let mut fields = descriptions.enter(tag::SEQUENCE)?;
        let method = fields.oid()?;
        let location = fields.any()?;
        fields.finish()?;
        let list = match method {
            oids::OCSP => &mut ocsp,
            oids::CA_ISSUERS => &mut ca_issuers,
            _ => continue,
        };
        if location.tag == tag::context(6) {
            list.push(ia5(location.content)?.to_owned());
        } else {
            has_other_ocsp |= method == oids::OCSP;
        }
    }
    Ok(ExtensionValue::AuthorityInformationAccess {
        ocsp,
        ca_issuers,
        has_other_ocsp,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::Writer;
    use crate::extension::PointNames;

    #[test]
    fn what_is_built_is_read() {
        let uris = ["http://a.test/1", "http://b.test/2"];
        let texts = || uris.map(str::to_owned).to_vec();
        let constraints = NameConstraints {
            permitted: vec!["dns:a.test".parse().unwrap()],
            excluded: vec!["ip:10.0.0.0/8".parse().unwrap()],
        };
        let sans: Vec<San> = vec!["dns:a.test".parse().unwrap()];
        let usages = KeyUsageFlags::KEY_CERT_SIGN | KeyUsageFlags::CRL_SIGN;
        for (extension, value) in [
            (
                Extension::basic_constraints_ca(Some(2)),
                ExtensionValue::BasicConstraints {
                    ca: true,
                    path_len: Some(2),
                },
            ),
            (
                Extension::key_usage(usages).unwrap(),
                ExtensionValue::KeyUsage(usages),
            ),
            (
                Extension::extended_key_usage(vec![Eku::ServerAuth, Eku::ANY]).unwrap(),
                ExtensionValue::ExtendedKeyUsage(vec![Eku::ServerAuth, Eku::ANY]),
            ),
            (
                Extension::subject_alt_name(&sans, false).unwrap(),
                ExtensionValue::SubjectAltName(sans),
            ),
            (
                Extension::subject_key_identifier([7; 20]),
                ExtensionValue::SubjectKeyIdentifier(vec![7; 20]),
            ),
            (
                Extension::authority_key_identifier([7; 20]),
                ExtensionValue::AuthorityKeyIdentifier {
                    key_identifier: Some(vec![7; 20]),
                    has_issuer_and_serial: false,
                },
            ),
            (
                Extension::crl_distribution_points(&uris).unwrap(),
                ExtensionValue::CrlDistributionPoints(vec![DistributionPoint {
                    names: PointNames {
                        uris: texts(),
                        others: Vec::new(),
                    },
                    ..DistributionPoint::default()
                }]),
            ),
            (
                Extension::authority_information_access(&uris, &uris[..1]).unwrap(),
                ExtensionValue::AuthorityInformationAccess {
                    ocsp: texts(),
                    ca_issuers: texts()[..1].to_vec(),
                    has_other_ocsp: false,
                },
            ),
            (
                Extension::certificate_policies(&[oids::OCSP, oids::CA_ISSUERS]).unwrap(),
                ExtensionValue::CertificatePolicies(vec![oids::OCSP, oids::CA_ISSUERS]),
            ),
            (
                Extension::name_constraints(&constraints).unwrap(),
                ExtensionValue::NameConstraints(constraints),
            ),
            (
                Extension::tls_feature_must_staple(),
                ExtensionValue::TlsFeature(vec![5]),
            ),
            (Extension::ocsp_no_check(), ExtensionValue::OcspNoCheck),
            (Extension::no_rev_avail(), ExtensionValue::NoRevAvail),
            (
                Extension::other(oids::OCSP, true, vec![]),
                ExtensionValue::Unknown,
            ),
        ] {
            assert_eq!(extension.value(), Ok(value));
        }
    }

    #[test]
    fn malformed_values_are_refused_by_name() {
        for (oid, der) in [
            (oids::BASIC_CONSTRAINTS, &b"\x30\x03\x01\x01\x01"[..]),
            (oids::BASIC_CONSTRAINTS, b"\x30\x03\x02\x01\xff"),
            (oids::KEY_USAGE, b"\x03\x00"),
            (oids::KEY_USAGE, b"\x04\x02\x07\x80"),
            (oids::EXTENDED_KEY_USAGE, b"\x30\x02\x06\x00"),
            (oids::SUBJECT_ALT_NAME, b"\x30\x03\x82\x05a"),
            (oids::SUBJECT_KEY_IDENTIFIER, b"\x04\x02\x00"),
            (oids::AUTHORITY_KEY_IDENTIFIER, b"\x30\x02\x85\x00"),
            (oids::CRL_DISTRIBUTION_POINTS, b"\x30\x02\x02\x00"),
            (oids::AUTHORITY_INFO_ACCESS, b"\x30\x02\x30\x00"),
            (oids::CERTIFICATE_POLICIES, b"\x30\x02\x30\x00"),
            (oids::NAME_CONSTRAINTS, b"\x30\x02\xa2\x00"),
            (oids::TLS_FEATURE, b"\x30\x05\x02\x03\x01\x00\x00"),
            (oids::OCSP_NO_CHECK, b"\x05\x01\x00"),
            (oids::NO_REV_AVAIL, b""),
        ] {
            let extension = Extension::other(oid, false, der.to_vec());
            let problem = extension.value().expect_err(&extension.name()).to_string();
            assert!(problem.contains(&extension.name()), "{problem}");
        }
    }

    #[test]
    fn what_others_write_is_tolerated() {
        let value = |oid, der: &[u8]| Extension::other(oid, false, der.to_vec()).value().unwrap();
        assert_eq!(
            value(oids::BASIC_CONSTRAINTS, b"\x30\x03\x01\x01\x00"),
            ExtensionValue::BasicConstraints {
                ca: false,
                path_len: None
            }
        );
        assert_eq!(
            value(
                oids::BASIC_CONSTRAINTS,
                b"\x30\x09\x01\x01\xff\x02\x04\x7f\xff\xff\xff"
            ),
            ExtensionValue::BasicConstraints {
                ca: true,
                path_len: Some(255)
            }
        );
        assert_eq!(
            value(oids::KEY_USAGE, b"\x03\x03\x00\x80\x00"),
            ExtensionValue::KeyUsage(KeyUsageFlags::DIGITAL_SIGNATURE)
        );
        let critical_false = Writer::one(tag::SEQUENCE, |out| {
            out.oid(&oids::OCSP_NO_CHECK);
            out.raw(&[1, 1, 0, 4, 2, 5, 0]);
        });
        assert_eq!(
            Extension::read(&mut Reader::new(&critical_false)),
            Ok(Extension::ocsp_no_check())
        );
    }
}
