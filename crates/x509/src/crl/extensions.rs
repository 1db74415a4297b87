//! What the extensions of a list say (RFC 5280 section 5.2).

use data_encoding::HEXLOWER;

use crate::Oid;
use crate::asn1::{Reader, integer, tag, unsigned};
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
        unsigned(self.integer(oids::CRL_NUMBER)?).ok()
    }

    /// The CRL number as text: decimal, and over 64 bits hexadecimal (it may have 20 octets, section 5.2.3). `None` if
    /// it is missing or not a number.
    #[must_use]
    pub fn number_text(&self) -> Option<String> {
        self.text(oids::CRL_NUMBER)
    }

    /// Whether the list is a delta (section 5.2.4).
    #[must_use]
    pub fn is_delta(&self) -> bool {
        self.find(oids::DELTA_CRL_INDICATOR).is_some()
    }

    /// Number of the complete list that a delta changes; `None` if it is missing, malformed or over 64 bits.
    #[must_use]
    pub fn base_number(&self) -> Option<u64> {
        unsigned(self.integer(oids::DELTA_CRL_INDICATOR)?).ok()
    }

    pub(super) fn base_number_text(&self) -> Option<String> {
        self.text(oids::DELTA_CRL_INDICATOR)
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

    fn integer(&self, oid: Oid) -> Option<&[u8]> {
        Reader::single(self.find(oid)?.value_der(), tag::INTEGER).ok()
    }

    fn text(&self, oid: Oid) -> Option<String> {
        let octets = integer(self.integer(oid)?).ok()?;
        Some(match unsigned(octets) {
            Ok(number) => number.to_string(),
            Err(_) => format!("0x{}", HEXLOWER.encode(octets)),
        })
    }
}
