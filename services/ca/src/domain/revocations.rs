//! What OCSP and CRLs are told of certificates.

use time::OffsetDateTime;
use x509::serial::Serial;

use super::Revocation;
use super::publication::IssuerName;

/// What is known of a serial number that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SerialStatus {
    /// First second of validity.
    pub(crate) not_before: OffsetDateTime,
    /// Last second of validity.
    pub(crate) not_after: OffsetDateTime,
    /// Set while revoked or on hold.
    pub(crate) revocation: Option<Revocation>,
}

/// A certificate that is revoked or on hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RevokedCertificate {
    pub(crate) issuer: IssuerName,
    pub(crate) serial: Serial,
    /// Last second of validity.
    pub(crate) not_after: OffsetDateTime,
    pub(crate) revocation: Revocation,
    /// The shard of the CRL that lists it; 0 for the complete CRL.
    pub(crate) crl_shard: u32,
}
