//! What the extensions of a list say (RFC 5280 section 5.2).

use super::CrlNumber;
use crate::Oid;
use crate::asn1::DerError;
use crate::extension::{
    DistributionPoint, Extension, ExtensionError, ExtensionValue, IssuingDistributionPoint, oids,
};

/// The extensions of a CRL in their order, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrlExtensions(Vec<Extension>);

impl CrlExtensions {
    pub(super) fn new(extensions: Vec<Extension>) -> Self {
        Self(extensions)
    }

    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[Extension] {
        &self.0
    }

    /// The extension of this type.
    #[must_use]
    pub fn find(&self, oid: Oid) -> Option<&Extension> {
        self.0.iter().find(|extension| extension.oid() == oid)
    }

    /// CRL number; `None` if it is missing, malformed or over 64 bits.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.crl_number()?.as_u64()
    }

    /// CRL number of up to 20 octets (section 5.2.3); `None` if it is missing or malformed.
    #[must_use]
    pub fn crl_number(&self) -> Option<CrlNumber> {
        self.read_number(oids::CRL_NUMBER)?.ok()
    }

    /// Whether the list is a delta (section 5.2.4).
    #[must_use]
    pub fn is_delta(&self) -> bool {
        self.find(oids::DELTA_CRL_INDICATOR).is_some()
    }

    /// Number of the complete list that a delta changes; `None` if it is missing, malformed or over 64 bits.
    #[must_use]
    pub fn base_number(&self) -> Option<u64> {
        self.base_crl_number()?.as_u64()
    }

    /// Number of up to 20 octets of the complete list that a delta changes; `None` if it is missing or malformed.
    #[must_use]
    pub fn base_crl_number(&self) -> Option<CrlNumber> {
        self.read_number(oids::DELTA_CRL_INDICATOR)?.ok()
    }

    /// Key identifier of the issuer's key; `None` if it is missing or malformed.
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        match self.find(oids::AUTHORITY_KEY_IDENTIFIER)?.value() {
            Ok(ExtensionValue::AuthorityKeyIdentifier { key_identifier, .. }) => key_identifier,
            _ => None,
        }
    }

    /// Which certificates the list covers; `None`: all of its issuer (section 5.2.5).
    ///
    /// # Errors
    /// [`ExtensionError`] if the extension is malformed. It decides about trust.
    pub fn issuing_distribution_point(&self) -> Result<Option<IssuingDistributionPoint>, ExtensionError> {
        let value = self.find(oids::ISSUING_DISTRIBUTION_POINT).map(Extension::value);
        Ok(match value.transpose()? {
            Some(ExtensionValue::IssuingDistributionPoint(point)) => Some(point),
            _ => None,
        })
    }

    /// Where the delta CRL is (section 5.2.6); none if the extension is missing.
    ///
    /// # Errors
    /// [`ExtensionError`] if it is malformed: there is a delta, and nothing says where.
    pub fn freshest_crl(&self) -> Result<Vec<DistributionPoint>, ExtensionError> {
        let value = self.find(oids::FRESHEST_CRL).map(Extension::value);
        Ok(match value.transpose()? {
            Some(ExtensionValue::FreshestCrl(points)) => points,
            _ => Vec::new(),
        })
    }

    /// The number in the extension of this type; `None` if it is missing.
    pub(super) fn read_number(&self, oid: Oid) -> Option<Result<CrlNumber, DerError>> {
        self.find(oid)
            .map(|extension| CrlNumber::from_der(extension.value_der()))
    }
}
