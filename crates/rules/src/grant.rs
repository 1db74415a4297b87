//! What the requester of a certificate has a right to, beside the profile: the object's kind and its name.
//!
//! The default is what every ordinary caller has: no certificate of an authority, no reserved name, no identity of
//! GigVault's own services. More is said explicitly by whoever authenticated the caller, and [`approve`](crate::approve)
//! holds every request to it: issue, renew, and every protocol.

use crate::limits::NameLimits;

/// The rights that come with a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    service: bool,
    authority: bool,
    reserved_hosts: bool,
    names: NameLimits,
}

impl Grant {
    /// GigVault itself: identities of its services and the certificate of its API, by name of the trust domain.
    #[must_use]
    pub fn service() -> Self {
        Self {
            service: true,
            ..Self::default()
        }
    }

    /// Adds certificates whose holder signs certificates, CRLs or OCSP responses
    /// ([`Profile::is_authority`](crate::Profile::is_authority)).
    #[must_use]
    pub fn with_authority(self) -> Self {
        Self {
            authority: true,
            ..self
        }
    }

    /// Adds host names on which the API is reached ([`ReservedNames`](crate::ReservedNames)).
    #[must_use]
    pub fn with_reserved_hosts(self) -> Self {
        Self {
            reserved_hosts: true,
            ..self
        }
    }

    /// Holds every name to these limits.
    #[must_use]
    pub fn within(self, names: NameLimits) -> Self {
        Self { names, ..self }
    }

    /// Whether profiles of GigVault's own services may be used.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.service
    }

    /// Whether certificates of authorities may be had.
    #[must_use]
    pub fn allows_authority(&self) -> bool {
        self.authority
    }

    pub(crate) fn allows_reserved_hosts(&self) -> bool {
        self.service || self.reserved_hosts
    }

    pub(crate) fn names(&self) -> &NameLimits {
        &self.names
    }
}
