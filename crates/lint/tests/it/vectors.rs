//! Certificates, CRLs and requests of the field: the test vectors of the Python package `cryptography`, PKITS among them,
//! which `scripts/tools` installs. Each is read or refused with a reason, and the refusals are those of the table.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use x509::crl::CertificateList;
use x509::csr::ReceivedCsr;
use x509::odd::Odd;
use x509::{Certificate, bundle, pem};

/// Reasons by file. `GIGVAULT_BLESS=1` writes it again; read what changed before it is committed.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/data/vectors.tsv");

fn vectors() -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/vectors");
    let folder = tools.join("cryptography_vectors/x509");
    assert!(
        folder.is_dir(),
        "{} is missing: run scripts/tools",
        folder.display()
    );
    folder
}

fn files_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_in(&path, found);
        } else {
            found.push(path);
        }
    }
}

enum Kind {
    Certificate,
    Crl,
    Request,
}

/// What the file is meant to be; `None` for keys, OCSP, and other files.
fn kind(path: &str, content: &[u8]) -> Option<Kind> {
    let labels = pem::labels(content).unwrap_or_default();
    let is = |part: &str| path.to_lowercase().contains(part);
    let labelled = |part: &str| labels.iter().any(|label| label.contains(part));
    let requested = is("requests/") || is("csr");
    let listed = is(".crl") || is("crl_") && !is(".crt") && !is("cert");
    let certified = is(".crt") || is(".cer") || is(".der") && !is("ocsp/");
    if labelled("REQUEST") || labels.is_empty() && requested {
        Some(Kind::Request)
    } else if labelled("CRL") || labels.is_empty() && listed {
        Some(Kind::Crl)
    } else if labelled("CERTIFICATE") || certified {
        Some(Kind::Certificate)
    } else {
        None
    }
}

/// Asks everything of a certificate that can be asked.
fn use_certificate(certificate: &Certificate) {
    assert!(!certificate.describe().is_empty());
    let _ = certificate.public_key().is_ok();
    let _ = certificate.verify_signed_by(certificate);
    let found = lint::check_tbs(certificate.tbs_der(), &lint::Context::default());
    let _ = (found, certificate.sans().len());
}

fn read(kind: &Kind, content: &[u8]) -> Result<(), String> {
    let binary = pem::decode(content, "CERTIFICATE").is_err();
    if binary {
        let _ = Odd::look(content);
        let _ = lint::check_tbs(content, &lint::Context::default());
    }
    match kind {
        Kind::Certificate => bundle::certificates(content)
            .map(|all| all.iter().for_each(use_certificate))
            .map_err(|error| error.to_string()),
        Kind::Crl => {
            let list = if pem::labels(content).is_ok_and(|labels| !labels.is_empty()) {
                CertificateList::from_pem(content)
            } else {
                CertificateList::from_der(content)
            };
            list.map(|list| assert!(!list.describe().is_empty()))
                .map_err(|error| error.to_string())
        }
        Kind::Request => ReceivedCsr::from_pem_or_der(content)
            .and_then(|received| received.with_names(None, None))
            .map(drop)
            .map_err(|error| error.to_string()),
    }
}

#[test]
fn vectors_of_the_field_are_read_or_refused_as_the_table_says() {
    let folder = vectors();
    let mut files = Vec::new();
    files_in(&folder, &mut files);
    let mut refused = BTreeMap::new();
    let mut count = 0;
    for file in files {
        let name = file.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        let content = std::fs::read(&file).unwrap();
        let Some(kind) = kind(&name, &content) else {
            continue;
        };
        count += 1;
        if let Err(reason) = read(&kind, &content) {
            assert!(!reason.is_empty() && !reason.contains('\n'), "{name}: {reason:?}");
            refused.insert(name, reason);
        }
    }
    assert!(count > 700, "only {count} vectors");
    let text: String = refused
        .iter()
        .map(|(name, reason)| format!("{name}\t{reason}\n"))
        .collect();
    if std::env::var_os("GIGVAULT_BLESS").is_some() {
        std::fs::write(TABLE, &text).unwrap();
    }
    let expected = std::fs::read_to_string(TABLE).unwrap_or_default();
    let only = |one: &str, other: &str| {
        let lines = one
            .lines()
            .filter(|line| !other.lines().any(|known| known == *line));
        lines.map(|line| format!("  {line}\n")).collect::<String>()
    };
    assert!(
        text == expected,
        "refused and not in the table:\n{}in the table and not refused so:\n{}",
        only(&text, &expected),
        only(&expected, &text)
    );
}
