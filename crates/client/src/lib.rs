#![doc = include_str!("../README.md")]

mod call;
mod connect;
mod error;
mod fetch;
mod host;
mod page;
mod relying;
mod resources;
mod server_info;
mod trust;

pub use connect::{Builder, Client};
pub use error::{Error, Problem};
pub use fetch::{fetch, fetch_up_to};
pub use host::{is_loopback_host, is_unreachable_for_others};
pub use page::{Items, List, Listed, Page};
pub use relying::{Delta, OcspAnswer, Reach, RelyingError, RelyingParty, Subject, TOLERANCE, is_http};
pub use resources::Other;
pub use resources::api_keys::{ApiKey, ApiKeys, CreatedApiKey, DamagedApiKey, NewApiKey, RevokedKeys};
pub use resources::cas::{Ca, CaCrl, CaHealth, CaKey, CaOcsp, CaResponder, CaSelfCheck, Cas};
pub use resources::certificates::{
    Certificate, Certificates, DamagedCertificate, Descendants, Extension, HeldCertificate, Issue,
    OtherCertificate, PublicKey, Renew, Revocation, Revoke, RevokedCertificate, SameKey, Selection,
};
pub use resources::config::{EffectiveConfig, EffectiveSetting};
pub use resources::crls::{Crl, CrlImport, Crls, ImportedCrl, Trust, TrustedIssuer};
pub use resources::dry_run::{Consequence, DryRun, Preview};
pub use resources::filter::{Filter, Span};
pub use resources::identity::{Identity, Role};
pub use resources::jobs::{Job, JobItem, Jobs};
pub use resources::keys::{Key, Keys, NewKey, Signatures};
pub use resources::part::{Part, Unavailable};
pub use resources::profiles::{Profile, Profiles, SanRule};
pub use resources::status::{DoctorCheck, DoctorRun, Probe, Readiness, Status};
pub use server_info::ServerInfo;
pub use trust::ServerIdentity;
