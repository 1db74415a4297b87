//! Where a certificate says that its status and its issuer are: what a relying party follows.

use crate::extension::{DistributionPoint, oids};
use crate::{Certificate, ExtensionError, ExtensionValue, Oid};

/// What a certificate points to, in its order. URIs of any scheme, and of whatever host: they come from whoever made the certificate.
///
/// Each extension is read by itself. One that is malformed points somewhere, and nothing says where: whoever asks for the status must
/// not take that for a certificate that points nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointers {
    /// authorityInfoAccess (RFC 5280 section 4.2.2.1).
    pub access: Result<AccessLocations, ExtensionError>,
    /// Complete CRLs (section 4.2.1.13).
    pub crl: Result<Vec<DistributionPoint>, ExtensionError>,
    /// Delta CRLs (section 4.2.1.15). Complete CRLs name theirs too.
    pub freshest_crl: Result<Vec<DistributionPoint>, ExtensionError>,
}

/// What is in authorityInfoAccess.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLocations {
    /// OCSP responders.
    pub ocsp: Vec<String>,
    /// Certificates of the issuer.
    pub ca_issuers: Vec<String>,
    /// Whether there is a responder that is not named by a URI.
    pub has_other_ocsp: bool,
}

impl Pointers {
    /// Those of this certificate.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        let value = |oid: Oid| {
            let extension = certificate.extension(oid);
            extension.map(crate::Extension::value).transpose()
        };
        let access = value(oids::AUTHORITY_INFO_ACCESS).map(|value| match value {
            Some(ExtensionValue::AuthorityInformationAccess {
                ocsp,
                ca_issuers,
                has_other_ocsp,
            }) => AccessLocations {
                ocsp,
                ca_issuers,
                has_other_ocsp,
            },
            _ => AccessLocations::default(),
        });
        let points = |oid| {
            value(oid).map(|value| match value {
                Some(ExtensionValue::CrlDistributionPoints(points) | ExtensionValue::FreshestCrl(points)) => {
                    points
                }
                _ => Vec::new(),
            })
        };
        Self {
            access,
            crl: points(oids::CRL_DISTRIBUTION_POINTS),
            freshest_crl: points(oids::FRESHEST_CRL),
        }
    }
}
