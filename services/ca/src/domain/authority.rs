//! CAs of this service.

use time::OffsetDateTime;
use x509::SignatureAlgorithm;

use super::publication::IssuerName;

/// A CA of this service: its certificate, the way up to the root, and the name of its key in keymgr.
#[derive(Debug)]
pub struct Authority {
    /// Name in `ca` fields.
    pub name: String,
    /// Name of the key in keymgr.
    pub key_name: String,
    /// What it signs with.
    pub algorithm: SignatureAlgorithm,
    /// Its own certificate.
    pub certificate: x509::Certificate,
    /// Certificates above, issuer first, root last.
    pub chain: Vec<x509::Certificate>,
    /// Profiles that it issues, by name; [`USER_PROFILES`] stands for all that users may ask for.
    pub profiles: Vec<String>,
    /// Which key and certificate of this CA it is: 1 for the first.
    pub generation: u32,
    /// Set while it issues nothing.
    pub suspension: Option<Suspension>,
}

/// Since when a CA issues nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// When it was stopped.
    pub since: OffsetDateTime,
    /// Who stopped it.
    pub by: String,
}

/// In [`Authority::profiles`]: every profile, those of the configuration too, but not those of GigVault's own services.
pub const USER_PROFILES: &str = "*";

/// The profile of identities of GigVault's own services and of its API; it is given to no other requester.
pub(crate) const SERVICE_IDENTITY: &str = "service-identity";

/// The profile of OCSP responders.
pub(crate) const OCSP_SIGNER: &str = "ocsp-signer";

impl Authority {
    /// Whether this CA issues a profile.
    pub fn issues(&self, profile: &rules::Profile) -> bool {
        let listed =
            |name: &String| *name == profile.name || (name == USER_PROFILES && !profile.is_for_services());
        self.profiles.iter().any(listed)
    }

    /// Its name in URLs.
    pub(crate) fn issuer_name(&self) -> IssuerName {
        IssuerName {
            ca: self.name.clone(),
            generation: self.generation,
        }
    }

    /// What its private key follows from.
    pub(crate) fn material_id(&self) -> Option<[u8; 32]> {
        Some(self.certificate.public_key().ok()?.material_id())
    }

    /// PEM of this CA's certificate and of those above it, without the root: what a server sends after its own.
    pub fn chain_pem(&self) -> String {
        std::iter::once(&self.certificate)
            .chain(&self.chain)
            .filter(|certificate| !certificate.is_self_issued())
            .map(x509::Certificate::pem)
            .collect()
    }
}
