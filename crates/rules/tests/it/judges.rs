//! What others say about a certificate of every profile and kind of key: our own lint, pkilint, OpenSSL, GnuTLS.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lint::Context;
use tempfile::TempDir;
use x509::{Certificate, PublicKey};

use crate::profiles::GOOD;
use crate::world::{Ca, NOW, ed25519, p256, profile, request, rsa2048};

/// A chain on disk.
struct Chain {
    dir: TempDir,
    files: Vec<(String, PathBuf)>,
    cas: Vec<PathBuf>,
}

impl Chain {
    /// A root, an issuing CA, a certificate of every profile, and more where the key makes a difference.
    fn of_every_profile() -> Self {
        let root = Ca::root();
        let ca = root
            .sub("CN=Test CA,O=Example", Some(0), x509::NameConstraints::default())
            .unwrap();
        let mut chain = Self {
            dir: tempfile::tempdir().unwrap(),
            files: Vec::new(),
            cas: Vec::new(),
        };
        chain.cas = vec![
            chain.write("root", &root.certificate),
            chain.write("ca", &ca.certificate),
        ];
        for (name, subject, names) in GOOD {
            let profile = profile(name);
            let issuer = if profile.certificate.is_ca() { &root } else { &ca };
            let keys: Vec<PublicKey> = match name {
                "tls-server" | "email" => vec![p256(), rsa2048(), ed25519()],
                _ => vec![p256()],
            };
            for key in keys {
                let label = format!("{name}-{}", key.algorithm());
                let certificate = issuer.issue(&profile, request(subject, names, key));
                let path = chain.write(&label, &certificate);
                chain.files.push((label, path));
            }
        }
        chain
    }

    fn write(&self, name: &str, certificate: &Certificate) -> PathBuf {
        let path = self.dir.path().join(format!("{name}.crt"));
        std::fs::write(&path, certificate.pem()).unwrap();
        path
    }
}

fn run(program: impl AsRef<std::ffi::OsStr>, args: &[&str], file: &Path) -> Output {
    Command::new(program)
        .args(args)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn our_lint_finds_no_error() {
    let root = Ca::root();
    let ca = Ca::issuing();
    for (name, subject, names) in GOOD {
        let profile = profile(name);
        let issuer = if profile.certificate.is_ca() { &root } else { &ca };
        let approved = issuer.approve(&profile, request(subject, names, p256())).unwrap();
        let linted = lint::lint(approved, &Context::issued_by(&issuer.certificate));
        let linted = linted.unwrap_or_else(|refused| panic!("{name}: {refused}"));
        assert_eq!(linted.get().profile(), name);
    }
}

/// The errors that pkilint found. Of URIs it knows nine schemes, `spiffe` not among them, and takes any other for a
/// syntax error; that one finding is not counted.
fn pkilint(linter: &Path, path: &Path) -> Vec<String> {
    let verdict = run(linter, &["lint", "-s", "ERROR"], path);
    assert!(verdict.stderr.is_empty(), "{verdict:?}");
    let text = String::from_utf8(verdict.stdout).unwrap();
    let findings = text
        .lines()
        .filter(|line| line.contains("(ERROR)") || line.contains("(FATAL)"));
    let unknown_scheme = |line: &&str| {
        line.contains("pkix.invalid_uri_syntax")
            && ["\"spiffe://", "\"urn:"]
                .iter()
                .any(|scheme| line.contains(scheme))
    };
    findings
        .filter(|line| !unknown_scheme(line))
        .map(str::to_owned)
        .collect()
}

#[test]
fn pkilint_finds_no_error() {
    let tools =
        std::env::var_os("GIGVAULT_PKILINT").expect("GIGVAULT_PKILINT is not set: run through make test");
    let linter = Path::new(&tools).join("lint_pkix_cert");
    let chain = Chain::of_every_profile();
    assert!(chain.files.len() > GOOD.len());
    let judge = |(label, path): &(String, PathBuf)| {
        assert_eq!(pkilint(&linter, path), Vec::<String>::new(), "{label}");
    };
    let half = chain.files.len() / 2;
    std::thread::scope(|scope| {
        for part in [&chain.files[..half], &chain.files[half..]] {
            scope.spawn(move || part.iter().for_each(judge));
        }
    });
}

#[test]
fn pkilint_can_say_no() {
    let tools =
        std::env::var_os("GIGVAULT_PKILINT").expect("GIGVAULT_PKILINT is not set: run through make test");
    let ca = Ca::issuing();
    // A single label is not a domain name to pkilint; private networks have them, so policy does not forbid it.
    let approved = ca
        .approve(&profile("tls-server"), request("", &["dns:localhost"], p256()))
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("localhost.crt");
    std::fs::write(&path, ca.key.certify(&approved).pem()).unwrap();
    let found = pkilint(&Path::new(&tools).join("lint_pkix_cert"), &path);
    assert!(
        found
            .iter()
            .any(|line| line.contains("invalid_domain_name_syntax")),
        "{found:?}"
    );
}

#[test]
fn openssl_accepts_the_chain() {
    let chain = Chain::of_every_profile();
    let [root, ca] = [&chain.cas[0], &chain.cas[1]].map(|path| path.to_str().unwrap());
    let now = NOW.unix_timestamp().to_string();
    let verify = [
        "verify",
        "-x509_strict",
        "-attime",
        &now,
        "-CAfile",
        root,
        "-untrusted",
        ca,
    ];
    for (label, path) in &chain.files {
        let verdict = run("openssl", &verify, path);
        assert!(verdict.status.success(), "{label}: {verdict:?}");
    }
    for (label, purpose, fits) in [
        ("tls-server-p256", "sslserver", true),
        ("tls-server-p256", "sslclient", false),
        ("tls-client-p256", "sslclient", true),
        ("email-rsa2048", "smimeencrypt", true),
        ("ocsp-signer-p256", "sslserver", false),
    ] {
        let (_, path) = chain.files.iter().find(|(known, _)| known == label).unwrap();
        let verdict = run("openssl", &[&verify[..], &["-purpose", purpose]].concat(), path);
        assert_eq!(
            verdict.status.success(),
            fits,
            "{label} as {purpose}: {verdict:?}"
        );
    }
}

#[test]
fn gnutls_reads_every_extension() {
    let chain = Chain::of_every_profile();
    for (label, path) in &chain.files {
        let verdict = run("certtool", &["--certificate-info", "--infile"], path);
        let text = String::from_utf8_lossy(&verdict.stdout);
        assert!(verdict.status.success(), "{label}: {verdict:?}");
        assert!(
            text.contains("Key Usage (critical)") && !text.contains("error"),
            "{label}: {text}"
        );
    }
}
