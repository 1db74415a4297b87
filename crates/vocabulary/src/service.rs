//! Names of services, as they are in settings, database schemas, `spiffe://<trust-domain>/svc/<name>`, metrics, and logs.
//!
//! The tables of who may call whom name services of later versions too; [`ALL`] has those that this version runs.

/// Certificate authority.
pub const CA: &str = "ca";
/// Key manager.
pub const KEYMGR: &str = "keymgr";
/// Authentication.
pub const AUTH: &str = "auth";
/// Registration authority: approvals.
pub const RA: &str = "ra";
/// Enrollment protocols.
pub const ENROLL: &str = "enroll";
/// OCSP responder.
pub const OCSP: &str = "ocsp";
/// CRL publisher.
pub const CRL: &str = "crl";
/// Audit log.
pub const AUDIT: &str = "audit";
/// Notifications.
pub const NOTIFY: &str = "notify";

/// Those that this version runs.
pub const ALL: &[&str] = &[CA, KEYMGR, AUTH, OCSP, CRL];
