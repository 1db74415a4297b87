//! Arguments of `cert`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use x509::KeyAlgorithm;

use super::{DryRun, Filters, Listing, NewFile, OwnKey};

#[derive(Subcommand)]
pub(crate) enum CertCommand {
    /// Make a key here, request a certificate for it, write both.
    Create(Create),
    /// List and search.
    List(Box<List>),
    /// Everything about one certificate.
    #[command(after_help = "Examples:
  gigvault cert show 4f1c0a9be27d5f60813e9a4c2b7d1e05
  gigvault cert show 4f1c0a9be27d5f60813e9a4c2b7d1e05 -o json")]
    Show {
        /// Serial number, hex.
        serial: String,
    },
    /// The certificate, or its chain, in PEM; or with its key as PKCS#12.
    Download(Download),
    /// Issue the successor of a valid certificate: same names, same profile.
    Renew(Renew),
    /// Revoke for good.
    Revoke(Box<Revoke>),
    /// Put on hold: not to be trusted until it is released.
    #[command(after_help = "Examples:
  gigvault cert hold 4f1c0a9be27d5f60813e9a4c2b7d1e05")]
    Hold {
        /// Serial number, hex.
        serial: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Release from hold.
    #[command(after_help = "Examples:
  gigvault cert release 4f1c0a9be27d5f60813e9a4c2b7d1e05")]
    Release {
        /// Serial number, hex.
        serial: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Verify a certificate file against a root, offline.
    Verify(Verify),
    /// Ask OCSP and CRL whether a certificate is revoked, at the URLs in it, as a relying party does.
    Status(CertStatus),
}

#[derive(Args)]
#[command(
    after_help = "A PKCS#12 file (.p12, .pfx) holds the certificate, the CAs above it and the private key, which is read \
from --key and never leaves this machine. Its passphrase is asked for, unless --out-passphrase-file or \
GIGVAULT_OUT_PASSPHRASE gives it.

Examples:
  gigvault cert download 4f1c0a9be27d5f60813e9a4c2b7d1e05 > web.crt
  gigvault cert download 4f1c0a9be27d5f60813e9a4c2b7d1e05 --chain \\
      --out web.chain.pem
  gigvault cert download 4f1c0a9be27d5f60813e9a4c2b7d1e05 \\
      --format pkcs12 --key web.key --out web.p12"
)]
pub(crate) struct Download {
    /// Serial number, hex.
    pub(crate) serial: String,
    /// With the CAs above it; a PKCS#12 file always holds them.
    #[arg(long)]
    pub(crate) chain: bool,
    #[command(flatten)]
    pub(crate) file: NewFile,
    #[command(flatten)]
    pub(crate) own: OwnKey,
    /// Write to this file instead of stdout.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Overwrite the file if it is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args)]
#[command(
    after_help = "Writes <cn>.key (mode 0600), <cn>.crt and <cn>.chain.pem; with --format pkcs12 one file <cn>.p12 (mode 0600) \
under a passphrase in their place. The key never leaves this machine.

Examples:
  gigvault cert create web.example.test --san dns:www.example.test \\
      --san ip:10.0.0.1
  gigvault cert create client-7 --profile tls-client --validity 30d
  gigvault cert create \"Ada Example\" --profile email \\
      --san email:ada@example.test --key-type rsa3072
  gigvault cert create db.example.test --key db.p12
  gigvault cert create tomcat.example.test --format pkcs12 \\
      --out-passphrase-file phrase"
)]
pub(crate) struct Create {
    /// Common name; a DNS name is also put among the SANs.
    pub(crate) cn: String,
    /// Subject alternative name: dns:…, ip:…, email:…, uri:…. May be given several times.
    #[arg(long)]
    pub(crate) san: Vec<String>,
    /// What the certificate is for.
    #[arg(long, default_value = "tls-server")]
    pub(crate) profile: String,
    /// Which CA; the server's default if not given.
    #[arg(long)]
    pub(crate) ca: Option<String>,
    /// p256, p384, p521, rsa2048, rsa3072, rsa4096 or ed25519.
    #[arg(long, default_value = "p256", conflicts_with = "key")]
    pub(crate) key_type: KeyAlgorithm,
    #[command(flatten)]
    pub(crate) own: OwnKey,
    #[command(flatten)]
    pub(crate) file: NewFile,
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

#[derive(Args)]
#[command(
    after_help = "Filters are joined by AND. Times are RFC 3339, or spans from now such as 30d.

Examples:
  gigvault cert list --san-suffix example.test --status valid
  gigvault cert list --expires-before 30d
  gigvault cert list --expires-before 30d --has-successor=false
  gigvault cert list --status revoked --sort=-revoked_at
  gigvault cert list --ca issuing --csv > inventory.csv
  gigvault cert list --all -o json | jq -r '.items[].serial'"
)]
pub(crate) struct List {
    /// The end of a name, a common name, or the start of a serial number or fingerprint.
    pub(crate) text: Option<String>,
    /// Serial number, hex; may be given again.
    #[arg(long)]
    pub(crate) serial: Vec<String>,
    /// Why it is revoked, or certificate-hold; may be given again.
    #[arg(long)]
    pub(crate) reason: Vec<String>,
    /// Revoked or put on hold then or later.
    #[arg(long)]
    pub(crate) revoked_after: Option<String>,
    /// Revoked or put on hold before then.
    #[arg(long)]
    pub(crate) revoked_before: Option<String>,
    #[command(flatten)]
    pub(crate) filters: Filters,
    #[command(flatten)]
    pub(crate) listing: Listing<client::Certificate>,
}

#[derive(Args)]
#[command(
    after_help = "Without --new-key and --key the new certificate is for the same key. A key file that is there stays as \
it is, unless --new-key writes another with --force.

Examples:
  gigvault cert renew 4f1c0a9be27d5f60813e9a4c2b7d1e05
  gigvault cert renew 4f1c0a9be27d5f60813e9a4c2b7d1e05 --key web.p12 \\
      --format pkcs12 --force
  gigvault cert renew 4f1c0a9be27d5f60813e9a4c2b7d1e05 --new-key \\
      --out /etc/nginx/tls"
)]
pub(crate) struct Renew {
    /// Serial number, hex.
    pub(crate) serial: String,
    /// Make a new key here.
    #[arg(long, conflicts_with = "key")]
    pub(crate) new_key: bool,
    /// Kind of the new key.
    #[arg(long, default_value = "p256", requires = "new_key")]
    pub(crate) key_type: KeyAlgorithm,
    #[command(flatten)]
    pub(crate) own: OwnKey,
    #[command(flatten)]
    pub(crate) file: NewFile,
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

#[derive(Args)]
#[command(
    after_help = "Reasons (RFC 5280): unspecified, key-compromise, ca-compromise (for certificates of CAs), \
affiliation-changed, superseded, cessation-of-operation, privilege-withdrawn. \
A revocation is final: only its reason can still be changed, to key-compromise or ca-compromise. A key \
that was compromised is never certified again, and what was issued for it is not renewed. Its other valid \
certificates, of every CA, are named; --same-key revokes them too, also afterwards. `cert hold` and \
`cert release` take a certificate back and forth.

Filters are those of `cert list`, joined by AND: what matches and is valid or on hold is revoked. How many that are, and ten of \
them, is shown before the question. A file and filters are a job of the server too.

--all revokes every certificate of a CA that is valid or on hold, again and again until it finds \
none. Where the CA goes on issuing faster than that, it ends with status 1; --stop-issuing suspends \
the CA first (`ca resume` ends that). It is a job of the server, which goes on when this command is cut off \
(`job list`); run again, it revokes what is left.

Examples:
  gigvault cert revoke 4f1c0a9be27d5f60813e9a4c2b7d1e05 --reason superseded
  gigvault cert revoke 4f1c0a9be27d5f60813e9a4c2b7d1e05 \\
      --reason key-compromise --dry-run
  gigvault cert revoke 4f1c0a9be27d5f60813e9a4c2b7d1e05 \\
      --reason key-compromise --same-key
  gigvault cert revoke --file serials.txt --reason superseded
  gigvault cert revoke --san-suffix old.example.test --dry-run
  gigvault cert revoke --ca issuing --profile tls-client --yes
  gigvault cert revoke --ca issuing --all --dry-run
  gigvault cert revoke --ca issuing --all --stop-issuing \\
      --reason superseded --yes
  gigvault cert revoke 4f1c0a9be27d5f60813e9a4c2b7d1e05 \\
      --reason key-compromise --invalid-since 2026-11-01T00:00:00Z --yes"
)]
pub(crate) struct Revoke {
    /// Serial number, hex.
    #[arg(conflicts_with_all = ["file", "all"])]
    pub(crate) serial: Option<String>,
    /// Revoke the certificates of this file: a serial number on each line, # before comments. - is standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    pub(crate) file: Option<PathBuf>,
    /// Revoke every certificate of --ca that is valid or on hold.
    #[arg(long, requires = "ca")]
    pub(crate) all: bool,
    /// Suspend the CA before --all begins; it stays suspended.
    #[arg(long, requires = "all")]
    pub(crate) stop_issuing: bool,
    #[command(flatten)]
    pub(crate) filters: Filters,
    #[command(flatten)]
    pub(crate) dry_run: DryRun,
    /// Why.
    #[arg(long, default_value = "unspecified")]
    pub(crate) reason: String,
    /// With a compromise as the reason: revoke the other certificates of the same key too, of every CA.
    #[arg(long)]
    pub(crate) same_key: bool,
    /// Of the identity of a service: revoke the certificates too that were issued to who showed it. A compromise takes them in any
    /// case.
    #[arg(long)]
    pub(crate) descendants: bool,
    /// When the key was compromised, RFC 3339.
    #[arg(long)]
    pub(crate) invalid_since: Option<String>,
    /// Do not ask. Where there is no terminal to ask on, one serial number is revoked without a question, because naming it
    /// is consent; many, and --same-key, are refused without --yes.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

#[derive(Args)]
#[command(
    after_help = "Looks at signatures, dates, names, usages and constraints. It asks no server: whether the certificate \
was revoked is not looked at. Every file may be PEM, DER, or PKCS#7 in either; - is standard input.

Examples:
  gigvault cert verify web.crt --untrusted web.chain.pem \\
      --hostname web.example.test
  gigvault cert verify client.crt --ca-file root.crt --purpose client
  openssl s_client -connect web.example.test:443 -showcerts </dev/null |
      gigvault cert verify - --ca-file root.crt"
)]
pub(crate) struct Verify {
    /// Certificate; what follows the first in the file counts as untrusted.
    pub(crate) file: PathBuf,
    /// Intermediate certificates.
    #[arg(long)]
    pub(crate) untrusted: Option<PathBuf>,
    /// A name that the certificate must be for.
    #[arg(long)]
    pub(crate) hostname: Option<String>,
    /// server, client or any.
    #[arg(long, default_value = "any", value_parser = ["server", "client", "any"])]
    pub(crate) purpose: String,
}

#[derive(Args)]
#[command(
    after_help = "Asks each OCSP responder that the certificate names, with a nonce, and fetches each complete CRL and its delta; \
verifies what is answered; and says why answers differ, where they do. Nothing is asked of the database. Whether the \
certificate is valid otherwise is what `cert verify` says.

The issuer is looked for in FILE and --chain, among the CAs of the server, and at the URL in the certificate. \
URLs in a file from elsewhere could lead into the own network, so addresses of private networks and of this machine \
are asked only for certificates of the server's CAs, and with --allow-private. Proxies are not used.

Exit codes: 0 good by every answer, 1 something was not answered and nothing says revoked, 4 the responder does not know \
the certificate, 6 revoked or on hold by one of the answers.

Examples:
  gigvault cert status web.crt
  gigvault cert status web.crt --chain web.chain.pem --ocsp-only
  openssl s_client -connect web.example.test:443 -showcerts </dev/null |
      gigvault cert status - -o json"
)]
pub(crate) struct CertStatus {
    /// Certificate; what follows the first in the file may be its issuer. - is standard input.
    pub(crate) file: PathBuf,
    /// Certificates among which the issuer is.
    #[arg(long, value_name = "FILE")]
    pub(crate) chain: Option<PathBuf>,
    /// Ask no CRL.
    #[arg(long, conflicts_with = "crl_only")]
    pub(crate) ocsp_only: bool,
    /// Ask no OCSP.
    #[arg(long)]
    pub(crate) crl_only: bool,
    /// Ask addresses of private networks and of this machine too.
    #[arg(long)]
    pub(crate) allow_private: bool,
}
