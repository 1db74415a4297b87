//! Which certificates of the inventory, of every command that selects them.

use clap::Args;

/// Filters, joined by AND.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    /// One SAN, exact: dns:a.example.test.
    #[arg(long)]
    pub(crate) san: Option<String>,
    /// The end of a DNS name: example.test.
    #[arg(long)]
    pub(crate) san_suffix: Option<String>,
    /// Whole subject, as a distinguished name: CN=a.example.test,O=Example.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Who asked; may be given again.
    #[arg(long)]
    pub(crate) requester: Vec<String>,
    /// Profile; may be given again.
    #[arg(long)]
    pub(crate) profile: Vec<String>,
    /// CA; may be given again.
    #[arg(long)]
    pub(crate) ca: Vec<String>,
    /// valid, revoked, on_hold or expired; may be given again.
    #[arg(long)]
    pub(crate) status: Vec<String>,
    /// p256, rsa2048, …; may be given again.
    #[arg(long)]
    pub(crate) key_type: Vec<String>,
    /// rest, grpc, acme, est, scep or internal; may be given again.
    #[arg(long)]
    pub(crate) protocol: Vec<String>,
    /// Expires then or later.
    #[arg(long)]
    pub(crate) expires_after: Option<String>,
    /// Expires before then.
    #[arg(long)]
    pub(crate) expires_before: Option<String>,
    /// Signed then or later.
    #[arg(long)]
    pub(crate) issued_after: Option<String>,
    /// Signed before then.
    #[arg(long)]
    pub(crate) issued_before: Option<String>,
    /// SHA-256 of the public key in hex, with or without colons.
    #[arg(long)]
    pub(crate) spki_sha256: Option<String>,
    /// SHA-256 of the certificate in hex, with or without colons.
    #[arg(long)]
    pub(crate) fingerprint_sha256: Option<String>,
    /// Only certificates that another one renews; with `=false` only those that none does.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) has_successor: Option<bool>,
    /// passed, warned, or the id of a lint that warned.
    #[arg(long)]
    pub(crate) lint: Option<String>,
    /// Only certificates whose key had one before; with `=false` only those whose key had none.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) key_reused: Option<bool>,
    /// Also what the server issued to itself: identities of services and its HTTPS certificate.
    #[arg(long)]
    pub(crate) internal: bool,
}
