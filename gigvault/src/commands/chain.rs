//! The certificates above one, for people: who signed whom, until when.

use data_encoding::HEXLOWER;
use x509::Certificate;

use super::times;

/// Whose certificate each one above is, the issuer first, each on a line of its own.
pub(super) fn subjects(certificate: &str, chain: &str) -> String {
    let above = parse(chain);
    let mut lines: Vec<String> = above.iter().map(|above| above.subject().to_string()).collect();
    // The root is not sent along: the last one names it.
    let last = above
        .last()
        .cloned()
        .or_else(|| parse(certificate).into_iter().next());
    if let Some(last) = last.filter(|last| last.issuer() != last.subject()) {
        lines.push(last.issuer().to_string());
    }
    lines.join("\n")
}

/// Subject, dates and fingerprint of each, the first certificate first.
pub(super) fn details(certificate: &str, chain: &str) -> String {
    let all = parse(certificate).into_iter().chain(parse(chain));
    let lines = all.map(|certificate| {
        format!(
            "{}\n  {} to {} UTC, SHA-256\n  {}",
            certificate.subject(),
            times::minute(certificate.not_before()),
            times::minute(certificate.not_after()),
            HEXLOWER.encode(&certificate.fingerprint()),
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The name of who signed a certificate.
pub(super) fn issuer(certificate: &str) -> String {
    let first = parse(certificate).into_iter().next();
    first
        .map(|certificate| certificate.issuer().to_string())
        .unwrap_or_default()
}

/// What is not a certificate is passed over: this is for looking at, and `-o json` has the PEM.
fn parse(pem: &str) -> Vec<Certificate> {
    let blocks = x509::pem::decode(pem.as_bytes(), "CERTIFICATE").unwrap_or_default();
    blocks
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .collect()
}
