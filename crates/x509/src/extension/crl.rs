//! Extensions of CRLs (RFC 5280 section 5.2).

use super::{Extension, ExtensionError, PointNames, distribution_point_name, oids, uri_names};
use crate::asn1::{DerError, Reader, Writer, boolean, tag};

/// Which certificates a CRL lists (section 5.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuingDistributionPoint {
    /// Names of the list, of which certificates of this scope have one. Without any, it covers certificates whatever they point to.
    pub names: PointNames,
    /// The kind of certificates.
    pub scope: CrlScope,
    /// Whether certificates that were revoked for some reasons only are listed.
    pub only_some_reasons: bool,
    /// Whether certificates of other issuers are listed.
    pub indirect: bool,
}

/// The kind of certificates that a CRL lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CrlScope {
    /// Any.
    All,
    /// Those of end entities.
    Users,
    /// Those of CAs.
    Authorities,
    /// Attribute certificates.
    Attributes,
}

impl Extension {
    /// CRLNumber, not critical.
    #[must_use]
    pub fn crl_number(number: u64) -> Self {
        Self::other(oids::CRL_NUMBER, false, integer(number))
    }

    /// DeltaCRLIndicator with the number of the complete list, critical (section 5.2.4).
    #[must_use]
    pub fn delta_crl_indicator(base: u64) -> Self {
        Self::other(oids::DELTA_CRL_INDICATOR, true, integer(base))
    }

    /// IssuingDistributionPoint of a shard, critical: a full name of these URIs, and nothing else, so that every certificate that
    /// points to it is in scope.
    ///
    /// # Errors
    /// Without any URI, or with one that is not absolute.
    pub fn issuing_distribution_point<U: AsRef<str>>(uris: &[U]) -> Result<Self, ExtensionError> {
        let names = uri_names(uris)?;
        if names.is_empty() {
            return Err(ExtensionError::Empty("issuingDistributionPoint"));
        }
        let value = Writer::one(tag::SEQUENCE, |point| distribution_point_name(point, &names));
        Ok(Self::other(oids::ISSUING_DISTRIBUTION_POINT, true, value))
    }

    /// FreshestCRL with one point whose full name lists the URIs of the delta CRL, not critical (section 5.2.6).
    ///
    /// # Errors
    /// Without any URI, or with one that is not absolute.
    pub fn freshest_crl<U: AsRef<str>>(uris: &[U]) -> Result<Self, ExtensionError> {
        let points = Self::crl_distribution_points(uris)?;
        Ok(Self::other(oids::FRESHEST_CRL, false, points.value))
    }
}

fn integer(number: u64) -> Vec<u8> {
    let mut value = Writer::default();
    value.unsigned(&number.to_be_bytes());
    value.into_vec()
}

impl IssuingDistributionPoint {
    /// Reads the value. An encoded FALSE, which DER forbids, is tolerated in what others made.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, DerError> {
        let mut fields = Reader::within(der, tag::SEQUENCE)?;
        let name = fields.optional(tag::context_constructed(0))?;
        let mut flag = |number| -> Result<bool, DerError> {
            let content = fields.optional(tag::context(number))?;
            content.map_or(Ok(false), |content| match number {
                // A BIT STRING; any reasons at all.
                3 => Ok(true),
                _ => boolean(content),
            })
        };
        let (users, authorities) = (flag(1)?, flag(2)?);
        let (only_some_reasons, indirect) = (flag(3)?, flag(4)?);
        let attributes = flag(5)?;
        fields.finish()?;
        let scope = match (users, authorities, attributes) {
            (false, false, false) => CrlScope::All,
            (true, false, false) => CrlScope::Users,
            (false, true, false) => CrlScope::Authorities,
            (false, false, true) => CrlScope::Attributes,
            _ => return Err(DerError::Value("onlyContains: at most one may be TRUE")),
        };
        Ok(Self {
            names: name.map_or(Ok(PointNames::default()), PointNames::read)?,
            scope,
            only_some_reasons,
            indirect,
        })
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;
    use crate::ExtensionValue;
    use crate::extension::DistributionPoint;

    fn point(hex: &str) -> Result<IssuingDistributionPoint, ExtensionError> {
        let der = HEXLOWER.decode(hex.as_bytes()).unwrap();
        let extension = Extension::other(oids::ISSUING_DISTRIBUTION_POINT, true, der);
        extension.value().map(|value| match value {
            ExtensionValue::IssuingDistributionPoint(point) => point,
            other => unreachable!("{other:?}"),
        })
    }

    #[test]
    fn criticality_is_that_of_the_rfc() {
        let uri = ["http://pki.example.test/1.crl"];
        for (extension, critical) in [
            (Extension::crl_number(7), false),
            (Extension::delta_crl_indicator(7), true),
            (Extension::issuing_distribution_point(&uri).unwrap(), true),
            (Extension::freshest_crl(&uri).unwrap(), false),
        ] {
            assert_eq!(extension.critical(), critical, "{}", extension.name());
        }
        assert!(Extension::issuing_distribution_point::<&str>(&[]).is_err());
        assert!(Extension::issuing_distribution_point(&["1.crl"]).is_err());
        assert!(Extension::freshest_crl::<&str>(&[]).is_err());
    }

    #[test]
    fn a_point_is_a_full_name_without_defaults() {
        let uris = ["http://a/b"];
        let extension = Extension::issuing_distribution_point(&uris).unwrap();
        let hex = HEXLOWER.encode(extension.value_der());
        assert_eq!(hex, "3010a00ea00c860a687474703a2f2f612f62");
        let read = point(&hex).unwrap();
        assert_eq!(read.names.uris, uris);
        assert_eq!(read.scope, CrlScope::All);
        assert!(!read.indirect && !read.only_some_reasons);
        let freshest = Extension::freshest_crl(&uris).unwrap();
        assert_eq!(
            freshest.value(),
            Ok(ExtensionValue::FreshestCrl(vec![DistributionPoint::at(
                "http://a/b"
            )]))
        );
    }

    #[test]
    fn points_of_others_are_read() {
        assert_eq!(point("3000").unwrap().scope, CrlScope::All);
        assert_eq!(point("30038101ff").unwrap().scope, CrlScope::Users);
        assert_eq!(point("30038201ff").unwrap().scope, CrlScope::Authorities);
        assert_eq!(point("30038501ff").unwrap().scope, CrlScope::Attributes);
        assert_eq!(point("3003810100").unwrap().scope, CrlScope::All);
        assert!(point("30038401ff").unwrap().indirect);
        assert!(point("300483020640").unwrap().only_some_reasons);
        let directory = point("3008a006a004a4023000").unwrap().names;
        assert_eq!(directory.others, [HEXLOWER.decode(b"a4023000").unwrap()]);
        assert_eq!(point("3006a004a1023100").unwrap().names.others.len(), 1);
        for bad in [
            "3006810101820101",
            "30068101ff8201ff",
            "3003810101",
            "3002a100",
            "3002a000",
            "3004a0028200",
            "",
        ] {
            assert!(point(bad).is_err(), "{bad}");
        }
    }
}
