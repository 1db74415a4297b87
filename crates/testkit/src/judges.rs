//! Programs and libraries of others that verify certificate chains.
//!
//! Each builds its path from the same three files and judges it now. They differ in what they know of RFC 5280; a test that
//! asks several says where.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use tempfile::TempDir;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Who judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judge {
    /// `openssl verify`.
    OpenSsl,
    /// `certtool` of GnuTLS.
    GnuTls,
    /// crypto/x509 of Go, in a program that is compiled on first use.
    Go,
    /// `vfychain` of NSS, with its library for RFC 5280 paths, for a TLS server.
    Nss,
    /// webpki, the library under rustls, for a TLS server.
    Rustls,
}

/// The files of a chain, in PEM.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a> {
    /// The trust anchor.
    pub root: &'a Path,
    /// The CA between.
    pub intermediate: &'a Path,
    /// What is judged.
    pub leaf: &'a Path,
}

impl Judge {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::OpenSsl, Self::GnuTls, Self::Go, Self::Nss, Self::Rustls];

    /// `None` if the chain is in order, or what the judge said.
    ///
    /// # Errors
    /// If the judge cannot be asked: a program is missing, or a file holds no certificate.
    pub fn objection(self, chain: &Chain<'_>) -> anyhow::Result<Option<String>> {
        match self {
            Self::OpenSsl => openssl(chain),
            Self::GnuTls => gnutls(chain),
            Self::Go => go(chain),
            Self::Nss => nss(chain),
            Self::Rustls => rustls(chain),
        }
    }
}

/// What a program says that ends with another status than 0.
fn said(program: impl AsRef<OsStr>, arguments: &[&OsStr]) -> anyhow::Result<Option<String>> {
    let name = program.as_ref().to_owned();
    let output = Command::new(program)
        .args(arguments)
        // The machine's own trust anchors have no say here.
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .output()
        .with_context(|| format!("{} did not start: run through `make test`", name.display()))?;
    let said = [output.stdout, output.stderr].concat();
    Ok((!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned()))
}

fn openssl(chain: &Chain<'_>) -> anyhow::Result<Option<String>> {
    let [verify, anchor, untrusted] = ["verify", "-CAfile", "-untrusted"].map(OsStr::new);
    let files = [chain.root, chain.intermediate, chain.leaf].map(Path::as_os_str);
    said(
        "openssl",
        &[verify, anchor, files[0], untrusted, files[1], files[2]],
    )
}

fn gnutls(chain: &Chain<'_>) -> anyhow::Result<Option<String>> {
    // It takes the chain as one file, leaf first.
    let dir = TempDir::new()?;
    let all = dir.path().join("chain.pem");
    let parts = [chain.leaf, chain.intermediate, chain.root].map(std::fs::read);
    let parts: Vec<Vec<u8>> = parts.into_iter().collect::<Result<_, _>>()?;
    std::fs::write(&all, parts.concat())?;
    let [verify, anchor, given] = ["--verify", "--load-ca-certificate", "--infile"].map(OsStr::new);
    said(
        "certtool",
        &[verify, anchor, chain.root.as_ref(), given, all.as_ref()],
    )
}

fn go(chain: &Chain<'_>) -> anyhow::Result<Option<String>> {
    static PROGRAM: LazyLock<Result<(TempDir, PathBuf), String>> =
        LazyLock::new(|| compile().map_err(|error| format!("{error:#}")));
    let program = match &*PROGRAM {
        Ok((_, program)) => program,
        Err(error) => bail!("{error}"),
    };
    let files = [chain.root, chain.intermediate, chain.leaf].map(Path::as_os_str);
    said(program, &files)
}

/// `verify.go`, compiled: the folder, which goes with the test, and the program in it.
fn compile() -> anyhow::Result<(TempDir, PathBuf)> {
    let dir = TempDir::new()?;
    let (source, program) = (dir.path().join("verify.go"), dir.path().join("verify"));
    std::fs::write(&source, include_str!("judges/verify.go"))?;
    let build = ["build", "-o"].map(OsStr::new);
    if let Some(failure) = said("go", &[build[0], build[1], program.as_ref(), source.as_ref()])? {
        bail!("go build: {failure}");
    }
    Ok((dir, program))
}

fn nss(chain: &Chain<'_>) -> anyhow::Result<Option<String>> {
    // Twice -p: as RFC 5280 has it. 1 is a TLS server; -t trusts the file after it.
    let usage = ["-p", "-p", "-u", "1"].map(OsStr::new);
    let [pem, trusted] = ["-a", "-t"].map(OsStr::new);
    let files = [
        pem,
        chain.leaf.as_ref(),
        pem,
        chain.intermediate.as_ref(),
        pem,
        trusted,
        chain.root.as_ref(),
    ];
    said("vfychain", &[&usage[..], &files].concat())
}

fn rustls(chain: &Chain<'_>) -> anyhow::Result<Option<String>> {
    let [root, intermediate, leaf] =
        [chain.root, chain.intermediate, chain.leaf].map(CertificateDer::from_pem_file);
    let (root, intermediate, leaf) = (root?, intermediate?, leaf?);
    let judged = || {
        EndEntityCert::try_from(&leaf)?
            .verify_for_usage(
                rustls::crypto::aws_lc_rs::default_provider()
                    .signature_verification_algorithms
                    .all,
                &[anchor_from_trusted_cert(&root)?],
                &[intermediate],
                UnixTime::now(),
                KeyUsage::server_auth(),
                None,
                None,
            )
            .map(drop)
    };
    Ok(judged().err().map(|error: webpki::Error| error.to_string()))
}
