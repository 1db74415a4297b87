//! X.509 as GigVault issues and reads it: names, keys, requests, certificates, CRLs, OCSP.
//!
//! Pure: no clock, no file, no socket. Values are parsed once into types that are proofs, and signatures
//! are verified over the bytes that were received.

pub mod artifact;
pub mod asn1;
pub mod bundle;
pub mod certificate;
pub mod crl;
pub mod csr;
pub mod digest;
pub mod extension;
pub mod hex;
pub mod key;
pub mod kind;
mod moment;
pub mod name;
pub mod ocsp;
pub mod odd;
pub mod oid;
pub mod path;
pub mod pem;
mod pointers;
pub mod san;
pub mod serial;
pub mod signature;
pub mod tbs;
pub mod unicode;
pub mod uri;
pub mod validity;
pub mod weak;

pub use asn1::DerError;
pub use certificate::{Certificate, CertificateError};
pub use csr::{Csr, CsrError};
pub use extension::{Eku, Extension, ExtensionError, ExtensionValue, KeyUsageFlags, NameConstraints};
pub use key::{KeyAlgorithm, KeyIdMethod, PublicKey};
pub use kind::SignedStructure;
pub use moment::rfc3339;
pub use name::{DistinguishedName, NameError};
pub use oid::{Oid, OidError};
pub use pointers::{AccessLocations, Pointers};
pub use san::{DnsName, San, SanError, SanKind};
pub use serial::{ReceivedSerial, Serial};
pub use signature::SignatureAlgorithm;
pub use tbs::{BuildError, CertificateSpec, Frame, assemble};
pub use validity::Validity;
