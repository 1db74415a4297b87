//! Where a certificate says that its status and its issuer are: what a relying party follows.

use crate::{Certificate, ExtensionValue};

/// The URIs of a certificate, in its order. Of any scheme, and of whatever host: they come from whoever made the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointers {
    /// OCSP responders (RFC 5280 section 4.2.2.1).
    pub ocsp: Vec<String>,
    /// Certificates of the issuer (the same section).
    pub ca_issuers: Vec<String>,
    /// Complete CRLs (section 4.2.1.13).
    pub crl: Vec<String>,
    /// Delta CRLs (section 4.2.1.15). Complete CRLs name theirs too.
    pub freshest_crl: Vec<String>,
}

impl Pointers {
    /// Those of this certificate. Extensions that are malformed point nowhere.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        let mut pointers = Self::default();
        for extension in certificate.extensions() {
            match extension.value() {
                Ok(ExtensionValue::AuthorityInformationAccess { ocsp, ca_issuers }) => {
                    pointers.ocsp = ocsp;
                    pointers.ca_issuers = ca_issuers;
                }
                Ok(ExtensionValue::CrlDistributionPoints(uris)) => pointers.crl = uris,
                Ok(ExtensionValue::FreshestCrl(uris)) => pointers.freshest_crl = uris,
                _ => {}
            }
        }
        pointers
    }
}
