//! What the extensions that decide about trust say. They are read when the certificate is, so that none can be
//! ignored for being malformed; all others are read on demand.

use crate::San;
use crate::extension::{
    Eku, Extension, ExtensionError, ExtensionValue, KeyUsageFlags, NameConstraints, oids,
};

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) ca: bool,
    pub(super) path_len: Option<u8>,
    pub(super) key_usage: Option<KeyUsageFlags>,
    pub(super) eku: Option<Vec<Eku>>,
    pub(super) sans: Vec<San>,
    pub(super) subject_key_identifier: Option<Vec<u8>>,
    pub(super) authority_key_identifier: Option<Vec<u8>>,
    pub(super) name_constraints: Option<NameConstraints>,
}

const DECISIVE: [crate::Oid; 7] = [
    oids::BASIC_CONSTRAINTS,
    oids::KEY_USAGE,
    oids::EXTENDED_KEY_USAGE,
    oids::SUBJECT_ALT_NAME,
    oids::SUBJECT_KEY_IDENTIFIER,
    oids::AUTHORITY_KEY_IDENTIFIER,
    oids::NAME_CONSTRAINTS,
];

impl Facts {
    pub(super) fn of(extensions: &[Extension]) -> Result<Self, ExtensionError> {
        let mut facts = Self::default();
        for extension in extensions
            .iter()
            .filter(|extension| DECISIVE.contains(&extension.oid()))
        {
            match extension.value()? {
                ExtensionValue::BasicConstraints { ca, path_len } => {
                    facts.ca = ca;
                    // Without cA a path length means nothing (section 4.2.1.9).
                    facts.path_len = path_len.filter(|_| ca);
                }
                ExtensionValue::KeyUsage(usages) => facts.key_usage = Some(usages),
                ExtensionValue::ExtendedKeyUsage(purposes) => facts.eku = Some(purposes),
                ExtensionValue::SubjectAltName(sans) => facts.sans = sans,
                ExtensionValue::SubjectKeyIdentifier(id) => facts.subject_key_identifier = Some(id),
                ExtensionValue::AuthorityKeyIdentifier { key_identifier, .. } => {
                    facts.authority_key_identifier = key_identifier;
                }
                ExtensionValue::NameConstraints(constraints) => facts.name_constraints = Some(constraints),
                // None of these is decisive.
                ExtensionValue::CrlDistributionPoints(_)
                | ExtensionValue::FreshestCrl(_)
                | ExtensionValue::IssuingDistributionPoint(_)
                | ExtensionValue::AuthorityInformationAccess { .. }
                | ExtensionValue::CertificatePolicies(_)
                | ExtensionValue::TlsFeature(_)
                | ExtensionValue::OcspNoCheck
                | ExtensionValue::NoRevAvail
                | ExtensionValue::Unknown => {}
            }
        }
        Ok(facts)
    }
}
