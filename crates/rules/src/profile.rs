//! Certificate profiles: what a kind of certificate may say, about whom, and for how long.
//!
//! A profile decides every extension; a request only fills in names and key. Profiles are plain values, so that
//! configuration can add some: unknown fields are refused, [`Profile::validate`] finds contradictions, and
//! [`Profiles`] holds only valid ones.

mod san;
mod set;
mod subject;
mod validate;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use x509::extension::{Eku, KeyUsageFlags, NameConstraints};
use x509::{KeyAlgorithm, Oid};

pub use san::SanRule;
pub use set::Profiles;
pub use subject::{CommonName, SubjectRule};
pub use validate::ProfileError;

use crate::limits::NameLimits;
use crate::{duration, schema, text};

/// Longest time that a certificate may start before its signature is made (CA/Browser Forum BR 7.1.2.7: 48 hours).
pub const MAX_BACKDATE: Duration = duration::hours(48);

/// Longest life of a certificate without revocation information (RFC 9608, BR 7.1.2.11.2 since March 2026).
pub const MAX_SHORT_LIVED: Duration = duration::days(7);

/// Key usages that only RSA keys have.
pub(crate) const RSA_ONLY: KeyUsageFlags =
    KeyUsageFlags::KEY_ENCIPHERMENT.union(KeyUsageFlags::DATA_ENCIPHERMENT);

/// Key usages that only keys on a NIST curve have.
pub(crate) const CURVES_ONLY: KeyUsageFlags = KeyUsageFlags::KEY_AGREEMENT;

/// Rules for one kind of certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What requests call it: lower-case letters, digits and hyphens.
    #[schemars(length(min = 1))]
    pub name: String,
    /// One sentence for people who choose.
    #[serde(default)]
    pub description: String,
    /// What holders of such a certificate are.
    #[serde(default)]
    pub certificate: Kind,
    /// What the subject may hold.
    #[serde(default)]
    pub subject: SubjectRule,
    /// Which subject alternative names are allowed and needed.
    #[serde(default)]
    pub san: SanRule,
    /// Kinds of keys that are certified. RSA sizes allow exactly that size: `rsa2048` does not allow 3072 bits.
    #[serde(with = "text::list")]
    #[schemars(schema_with = "schema::keys")]
    pub keys: Vec<KeyAlgorithm>,
    /// Lifetime when nothing is asked for.
    #[serde(with = "duration::serde_text")]
    #[schemars(with = "String", extend("pattern" = duration::PATTERN))]
    pub default_validity: Duration,
    /// Longest lifetime, first and last second included.
    #[serde(with = "duration::serde_text")]
    #[schemars(with = "String", extend("pattern" = duration::PATTERN))]
    pub max_validity: Duration,
    /// How long before its signature a certificate starts, for clocks that run behind. Counts as lifetime, and never
    /// takes more than a tenth of it. At most 48 hours.
    #[serde(with = "duration::serde_text_or_zero", default = "default_backdate")]
    #[schemars(with = "String", extend("pattern" = duration::PATTERN))]
    pub backdate: Duration,
    /// Key usages (RFC 5280 section 4.2.1.3). `key-encipherment` and `data-encipherment` are left out for keys
    /// other than RSA, `key-agreement` for keys that are not on a NIST curve.
    #[serde(with = "text::key_usage")]
    #[schemars(schema_with = "schema::key_usages")]
    pub key_usage: KeyUsageFlags,
    /// Extended key usages (RFC 5280 section 4.2.1.12). May be empty for CAs only.
    #[serde(default, with = "text::list")]
    #[schemars(schema_with = "schema::purposes")]
    pub extended_key_usage: Vec<Eku>,
    /// Certificate policies (RFC 5280 section 4.2.1.4), without qualifiers.
    #[serde(default, with = "text::oids")]
    #[schemars(schema_with = "schema::oids")]
    pub policies: Vec<Oid>,
    /// Where relying parties learn about revocation.
    #[serde(default)]
    pub revocation: Revocation,
    /// Whether servers must staple OCSP responses (RFC 7633 TLS feature `status_request`).
    #[serde(default)]
    pub must_staple: bool,
    /// Whether certificates name the LDAP directory beside HTTP as the place of their CRL: where `ca.ldap_url` says that it is. For clients
    /// of a private network that know nothing else.
    #[serde(default)]
    pub crl_in_ldap: bool,
    /// Name constraints that certified CAs are held to (RFC 5280 section 4.2.1.10).
    #[serde(default, with = "text::name_constraints")]
    #[schemars(with = "text::name_constraints::Lists")]
    pub name_constraints: NameConstraints,
    /// Patterns that every name has to match, whoever asks; all names if empty.
    #[serde(default)]
    pub allowed_names: NameLimits,
    /// Whether the `developer` role may use it.
    #[serde(default)]
    pub development: bool,
}

/// The profiles of GigVault's own services, which no caller gets; a configured profile that takes such a name is held
/// to the same.
const FOR_SERVICES: [&str; 2] = ["service-identity", "services-ca"];

impl Profile {
    /// Whether holders can sign certificates, CRLs or OCSP responses that others believe. Follows from what the
    /// certificate says, not from the profile's name.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.certificate.is_ca()
            || self.key_usage.contains(KeyUsageFlags::KEY_CERT_SIGN)
            || self.key_usage.contains(KeyUsageFlags::CRL_SIGN)
            || self.extended_key_usage.contains(&Eku::OcspSigning)
            || self.extended_key_usage.contains(&Eku::ANY)
    }

    /// Whether it is only for GigVault's own services.
    #[must_use]
    pub fn is_for_services(&self) -> bool {
        FOR_SERVICES.contains(&self.name.as_str())
    }
}

/// What the holder of a certificate is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// No CA.
    #[default]
    EndEntity,
    /// A CA below another one.
    SubCa {
        /// How many further CAs may be between it and end entities. Without a number: as many as its issuer
        /// leaves.
        path_len: Option<u8>,
    },
    /// A self-signed trust anchor.
    Root,
}

impl Kind {
    /// Whether certificates of this kind certify others.
    #[must_use]
    pub fn is_ca(self) -> bool {
        self != Self::EndEntity
    }
}

/// Where relying parties learn that a certificate was revoked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Revocation {
    /// At the addresses of the issuer: CRL distribution point and OCSP.
    #[default]
    Published,
    /// Nowhere, and the certificate says so: noRevAvail (RFC 9608). For lives of at most seven days.
    NotAvailable,
    /// Nowhere, by `id-pkix-ocsp-nocheck` (RFC 6960 section 4.2.2.2.1). For OCSP responders only.
    Nocheck,
}

fn default_backdate() -> Duration {
    duration::hours(1)
}
