//! Extensions and their values (RFC 5280 section 4.2, RFC 6960, RFC 7633, RFC 9608).

use x509::Oid;

use crate::oid;
use crate::tlv::{Broken, Reader, Tlv, tag};
use crate::view::points::{CrlPoint, crl_point};

/// All extensions, in their order and decoded. Of an extension that occurs twice the first counts.
#[derive(Debug, Default)]
pub(crate) struct Extensions<'a> {
    pub(crate) list: Vec<Extension<'a>>,
    /// Known extensions whose values are not of their type.
    pub(crate) malformed: Vec<(&'static str, Broken)>,
    pub(crate) basic: Option<Basic<'a>>,
    pub(crate) usage: Option<Bits<'a>>,
    pub(crate) purposes: Option<Vec<&'a [u8]>>,
    pub(crate) sans: Option<Vec<Tlv<'a>>>,
    pub(crate) issuer_names: Option<Vec<Tlv<'a>>>,
    pub(crate) directory_attributes: Option<Vec<DirectoryAttribute<'a>>>,
    pub(crate) ski: Option<&'a [u8]>,
    pub(crate) aki: Option<Aki<'a>>,
    pub(crate) crl_points: Option<Vec<CrlPoint<'a>>>,
    pub(crate) freshest: Option<Vec<CrlPoint<'a>>>,
    pub(crate) aia: Option<Vec<Access<'a>>>,
    pub(crate) sia: Option<Vec<Access<'a>>>,
    pub(crate) policies: Option<Vec<Policy<'a>>>,
    /// Issuer's and subject's policy.
    pub(crate) mappings: Option<Vec<[&'a [u8]; 2]>>,
    /// Contents of requireExplicitPolicy and inhibitPolicyMapping.
    pub(crate) policy_constraints: Option<[Option<&'a [u8]>; 2]>,
    /// Content of the INTEGER.
    pub(crate) inhibit_any: Option<&'a [u8]>,
    pub(crate) name_constraints: Option<NameConstraints<'a>>,
    /// Contents of INTEGERs.
    pub(crate) tls_features: Option<Vec<&'a [u8]>>,
}

/// One extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    pub(crate) oid: &'a [u8],
    /// Content of the BOOLEAN, if it is encoded.
    pub(crate) critical: Option<&'a [u8]>,
    /// Content of the OCTET STRING.
    pub(crate) value: &'a [u8],
}

impl Extension<'_> {
    pub(crate) fn is_critical(&self) -> bool {
        self.critical.is_some_and(|content| content != [0])
    }
}

/// basicConstraints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Basic<'a> {
    pub(crate) ca: bool,
    /// Whether cA is encoded, true or not.
    pub(crate) ca_is_encoded: bool,
    /// Content of the INTEGER.
    pub(crate) path_len: Option<&'a [u8]>,
}

/// Content of a BIT STRING of named bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits<'a> {
    pub(crate) unused: u8,
    pub(crate) octets: &'a [u8],
}

impl<'a> Bits<'a> {
    pub(crate) fn of(content: &'a [u8]) -> Result<Self, Broken> {
        let (&unused, octets) = content
            .split_first()
            .ok_or(Broken::Value("a BIT STRING without content"))?;
        Ok(Self { unused, octets })
    }

    /// Bit 0 is the first and highest in the encoding, and the lowest here; bits after the 16th are left out.
    pub(crate) fn flags(self) -> u16 {
        let octet = |at: usize| self.octets.get(at).copied().unwrap_or_default();
        u16::from_be_bytes([octet(0), octet(1)]).reverse_bits()
    }
}

/// authorityKeyIdentifier.
#[derive(Clone, Debug)]
pub(crate) struct Aki<'a> {
    pub(crate) key_identifier: Option<&'a [u8]>,
    /// GeneralNames.
    pub(crate) issuer: Option<Vec<Tlv<'a>>>,
    /// Content of the INTEGER.
    pub(crate) serial: Option<&'a [u8]>,
}

/// An Attribute of subjectDirectoryAttributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DirectoryAttribute<'a> {
    pub(crate) has_values: bool,
    pub(crate) oid: &'a [u8],
}

/// An AccessDescription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) location: Tlv<'a>,
}

/// A PolicyInformation.
#[derive(Debug)]
pub(crate) struct Policy<'a> {
    pub(crate) oid: &'a [u8],
    /// Types and values.
    pub(crate) qualifiers: Vec<(&'a [u8], Tlv<'a>)>,
    pub(crate) has_empty_qualifiers: bool,
}

/// nameConstraints.
#[derive(Debug)]
pub(crate) struct NameConstraints<'a> {
    pub(crate) permitted: Option<Vec<Subtree<'a>>>,
    pub(crate) excluded: Option<Vec<Subtree<'a>>>,
}

impl<'a> NameConstraints<'a> {
    pub(crate) fn subtrees(&self) -> impl Iterator<Item = &Subtree<'a>> {
        self.permitted.iter().chain(&self.excluded).flatten()
    }
}

/// A GeneralSubtree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subtree<'a> {
    pub(crate) base: Tlv<'a>,
    /// Content of the INTEGER, if encoded.
    pub(crate) minimum: Option<&'a [u8]>,
    /// The same.
    pub(crate) maximum: Option<&'a [u8]>,
}

/// The extensions that are known here: identifier, name.
pub(crate) const KNOWN: [(Oid, &str); 21] = [
    (oid::SUBJECT_DIRECTORY_ATTRIBUTES, "subjectDirectoryAttributes"),
    (oid::SUBJECT_KEY_IDENTIFIER, "subjectKeyIdentifier"),
    (oid::KEY_USAGE, "keyUsage"),
    (oid::SUBJECT_ALT_NAME, "subjectAltName"),
    (oid::ISSUER_ALT_NAME, "issuerAltName"),
    (oid::BASIC_CONSTRAINTS, "basicConstraints"),
    (oid::NAME_CONSTRAINTS, "nameConstraints"),
    (oid::CRL_DISTRIBUTION_POINTS, "cRLDistributionPoints"),
    (oid::CERTIFICATE_POLICIES, "certificatePolicies"),
    (oid::POLICY_MAPPINGS, "policyMappings"),
    (oid::AUTHORITY_KEY_IDENTIFIER, "authorityKeyIdentifier"),
    (oid::POLICY_CONSTRAINTS, "policyConstraints"),
    (oid::EXTENDED_KEY_USAGE, "extKeyUsage"),
    (oid::FRESHEST_CRL, "freshestCRL"),
    (oid::INHIBIT_ANY_POLICY, "inhibitAnyPolicy"),
    (oid::NO_REV_AVAIL, "noRevAvail"),
    (oid::AUTHORITY_INFO_ACCESS, "authorityInfoAccess"),
    (oid::SUBJECT_INFO_ACCESS, "subjectInfoAccess"),
    (oid::TLS_FEATURE, "tlsFeature"),
    (oid::OCSP_NO_CHECK, "ocspNoCheck"),
    (oid::SCT_LIST, "signedCertificateTimestampList"),
];

/// Name of a known extension.
pub(crate) fn name_of(content: &[u8]) -> Option<&'static str> {
    KNOWN
        .iter()
        .find_map(|(oid, name)| oid::is(content, *oid).then_some(*name))
}

impl<'a> Extensions<'a> {
    /// Reads the content of the explicit tag [3].
    pub(super) fn read(explicit: &'a [u8]) -> Result<Self, Broken> {
        let mut read = Self {
            list: Reader::within(explicit, tag::SEQUENCE)?.all(extension)?,
            ..Self::default()
        };
        for (oid, name) in KNOWN {
            let found = read.list.iter().find(|extension| oid::is(extension.oid, oid));
            if let Some(Extension { value, .. }) = found.copied()
                && let Err(broken) = read.decode(oid, value)
            {
                read.malformed.push((name, broken));
            }
        }
        Ok(read)
    }

    fn decode(&mut self, oid: Oid, der: &'a [u8]) -> Result<(), Broken> {
        let list = || Reader::within(der, tag::SEQUENCE);
        match oid {
            oid::SUBJECT_KEY_IDENTIFIER => self.ski = Some(Reader::single(der, tag::OCTET_STRING)?),
            oid::KEY_USAGE => self.usage = Some(Bits::of(Reader::single(der, tag::BIT_STRING)?)?),
            oid::SUBJECT_ALT_NAME => self.sans = Some(list()?.all(Reader::any)?),
            oid::ISSUER_ALT_NAME => self.issuer_names = Some(list()?.all(Reader::any)?),
            oid::SUBJECT_DIRECTORY_ATTRIBUTES => {
                self.directory_attributes = Some(list()?.all(directory_attribute)?);
            }
            oid::BASIC_CONSTRAINTS => self.basic = Some(basic_constraints(list()?)?),
            oid::NAME_CONSTRAINTS => self.name_constraints = Some(name_constraints(list()?)?),
            oid::CRL_DISTRIBUTION_POINTS => self.crl_points = Some(list()?.all(crl_point)?),
            oid::FRESHEST_CRL => self.freshest = Some(list()?.all(crl_point)?),
            oid::CERTIFICATE_POLICIES => self.policies = Some(list()?.all(policy)?),
            oid::POLICY_MAPPINGS => self.mappings = Some(list()?.all(mapping)?),
            oid::AUTHORITY_KEY_IDENTIFIER => self.aki = Some(authority_key_identifier(list()?)?),
            oid::POLICY_CONSTRAINTS => self.policy_constraints = Some(policy_constraints(list()?)?),
            oid::EXTENDED_KEY_USAGE => {
                self.purposes = Some(list()?.all(|purposes| purposes.expect(tag::OID))?);
            }
            oid::INHIBIT_ANY_POLICY => self.inhibit_any = Some(Reader::single(der, tag::INTEGER)?),
            oid::NO_REV_AVAIL | oid::OCSP_NO_CHECK => null(der)?,
            oid::AUTHORITY_INFO_ACCESS => self.aia = Some(list()?.all(access)?),
            oid::SUBJECT_INFO_ACCESS => self.sia = Some(list()?.all(access)?),
            oid::TLS_FEATURE => {
                self.tls_features = Some(list()?.all(|features| features.expect(tag::INTEGER))?);
            }
            _ => {}
        }
        Ok(())
    }
}

pub(crate) fn extension<'a>(list: &mut Reader<'a>) -> Result<Extension<'a>, Broken> {
    let mut fields = list.enter(tag::SEQUENCE)?;
    let extension = Extension {
        oid: fields.expect(tag::OID)?,
        critical: fields.optional(tag::BOOLEAN)?,
        value: fields.expect(tag::OCTET_STRING)?,
    };
    fields.finish()?;
    Ok(extension)
}

pub(crate) fn null(der: &[u8]) -> Result<(), Broken> {
    match Reader::single(der, tag::NULL)? {
        [] => Ok(()),
        _ => Err(Broken::Value("a NULL with content")),
    }
}

fn basic_constraints(mut fields: Reader<'_>) -> Result<Basic<'_>, Broken> {
    let ca = fields.optional(tag::BOOLEAN)?;
    let path_len = fields.optional(tag::INTEGER)?;
    fields.finish()?;
    Ok(Basic {
        ca: ca.is_some_and(|content| content != [0]),
        ca_is_encoded: ca.is_some(),
        path_len,
    })
}

pub(crate) fn authority_key_identifier(mut fields: Reader<'_>) -> Result<Aki<'_>, Broken> {
    let aki = Aki {
        key_identifier: fields.optional(tag::implicit(0))?,
        issuer: fields
            .optional(tag::explicit(1))?
            .map(general_names)
            .transpose()?,
        serial: fields.optional(tag::implicit(2))?,
    };
    fields.finish()?;
    Ok(aki)
}

pub(crate) fn general_names(content: &[u8]) -> Result<Vec<Tlv<'_>>, Broken> {
    Reader::new(content).all(Reader::any)
}

fn directory_attribute<'a>(list: &mut Reader<'a>) -> Result<DirectoryAttribute<'a>, Broken> {
    let mut fields = list.enter(tag::SEQUENCE)?;
    let oid = fields.expect(tag::OID)?;
    let values = fields.enter(tag::SET)?.all(Reader::any)?;
    fields.finish()?;
    Ok(DirectoryAttribute {
        has_values: !values.is_empty(),
        oid,
    })
}

fn access<'a>(list: &mut Reader<'a>) -> Result<Access<'a>, Broken> {
    let mut fields = list.enter(tag::SEQUENCE)?;
    let access = Access {
        method: fields.expect(tag::OID)?,
        location: fields.any()?,
    };
    fields.finish()?;
    Ok(access)
}

fn policy<'a>(list: &mut Reader<'a>) -> Result<Policy<'a>, Broken> {
    let mut fields = list.enter(tag::SEQUENCE)?;
    let oid = fields.expect(tag::OID)?;
    let qualifiers = fields.optional(tag::SEQUENCE)?;
    fields.finish()?;
    Ok(Policy {
        oid,
        qualifiers: Reader::new(qualifiers.unwrap_or_default()).all(|qualifiers| {
            let mut fields = qualifiers.enter(tag::SEQUENCE)?;
            let qualifier = (fields.expect(tag::OID)?, fields.any()?);
            fields.finish()?;
            Ok(qualifier)
        })?,
        has_empty_qualifiers: qualifiers.is_some_and(<[u8]>::is_empty),
    })
}

fn mapping<'a>(list: &mut Reader<'a>) -> Result<[&'a [u8]; 2], Broken> {
    let mut fields = list.enter(tag::SEQUENCE)?;
    let pair = [fields.expect(tag::OID)?, fields.expect(tag::OID)?];
    fields.finish()?;
    Ok(pair)
}

fn policy_constraints(mut fields: Reader<'_>) -> Result<[Option<&[u8]>; 2], Broken> {
    let present = [
        fields.optional(tag::implicit(0))?,
        fields.optional(tag::implicit(1))?,
    ];
    fields.finish()?;
    Ok(present)
}

fn name_constraints(mut fields: Reader<'_>) -> Result<NameConstraints<'_>, Broken> {
    let mut subtrees = |number| {
        let list = fields.optional(tag::explicit(number))?;
        list.map(|list| Reader::new(list).all(subtree)).transpose()
    };
    let constraints = NameConstraints {
        permitted: subtrees(0)?,
        excluded: subtrees(1)?,
    };
    fields.finish()?;
    Ok(constraints)
}

fn subtree<'a>(list: &mut Reader<'a>) -> Result<Subtree<'a>, Broken> {
    let mut fields = list.enter(tag::SEQUENCE)?;
    let subtree = Subtree {
        base: fields.any()?,
        minimum: fields.optional(tag::implicit(0))?,
        maximum: fields.optional(tag::implicit(1))?,
    };
    fields.finish()?;
    Ok(subtree)
}
