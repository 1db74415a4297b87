//! Arguments of `csr`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use x509::KeyAlgorithm;

use super::{DryRun, OwnKey};

#[derive(Subcommand)]
pub(crate) enum CsrCommand {
    /// Make a key and a CSR, with no server.
    Create(CsrCreate),
    /// Show what a CSR asks for, and check it.
    #[command(after_help = "Examples:
  gigvault csr inspect web.csr")]
    Inspect {
        /// PEM or DER.
        file: PathBuf,
    },
    /// Send a CSR to the CA and write the certificate.
    Submit(CsrSubmit),
}

#[derive(Args)]
#[command(after_help = "Writes <cn>.key (mode 0600) and <cn>.csr.

Examples:
  gigvault csr create web.example.test --san dns:www.example.test
  gigvault csr create web.example.test --key-type p384 \\
      --subject 'CN=web.example.test,O=Example,C=DE'
  gigvault csr create web.example.test --key existing.key")]
pub(crate) struct CsrCreate {
    /// Common name; a DNS name is also put among the SANs.
    pub(crate) cn: String,
    /// Subject alternative name: dns:…, ip:…, email:…, uri:…. May be given several times.
    #[arg(long)]
    pub(crate) san: Vec<String>,
    /// Whole subject in RFC 4514 form instead of the common name alone.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Kind of the new key.
    #[arg(long, default_value = "p256", conflicts_with = "key")]
    pub(crate) key_type: KeyAlgorithm,
    #[command(flatten)]
    pub(crate) own: OwnKey,
    /// Where the files go.
    #[arg(long, default_value = ".")]
    pub(crate) out: PathBuf,
    /// Overwrite files that are there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args)]
#[command(after_help = "Writes <name of the file>.crt and .chain.pem.

Examples:
  gigvault csr submit web.csr
  gigvault csr submit web.csr --profile mtls --validity 30d --out /etc/web
  gigvault csr submit router.csr --subject CN=router.example.test \\
      --san dns:router.example.test")]
pub(crate) struct CsrSubmit {
    /// PEM or DER.
    pub(crate) file: PathBuf,
    /// What the certificate is for.
    #[arg(long, default_value = "tls-server")]
    pub(crate) profile: String,
    /// Which CA; the server's default if not given.
    #[arg(long)]
    pub(crate) ca: Option<String>,
    /// Takes the place of the CSR's subject, in RFC 4514 form.
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// Takes the place of the CSR's names. May be given several times.
    #[arg(long)]
    pub(crate) san: Vec<String>,
    /// How long it is good, such as 90d or 12h; the profile's default if not given.
    #[arg(long, value_name = "SPAN", value_parser = super::span)]
    pub(crate) validity: Option<String>,
    /// Where the files go.
    #[arg(long, default_value = ".")]
    pub(crate) out: PathBuf,
    /// Overwrite files that are there.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) dry_run: DryRun,
}
