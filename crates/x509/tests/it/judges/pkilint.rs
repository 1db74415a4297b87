//! pkilint, which reads certificates and CRLs clause by clause.
#![expect(clippy::expect_used, reason = "a judge that is not there fails the test")]

use crate::csr::tool::Tool;

/// A program of the folder that pkilint was installed in, Python among them.
pub(super) fn program(name: &str) -> String {
    let folder = std::env::var("GIGVAULT_PKILINT")
        .expect("GIGVAULT_PKILINT must name the folder of lint_pkix_cert: run through make test");
    format!("{folder}/{name}")
}

/// What pkilint calls errors and are none: its linter for RFC 5280 knows neither wildcards (RFC 6125) nor URI schemes
/// beyond a short list of its own.
const NO_ERRORS: [&str; 2] = [
    "Invalid domain name syntax: \"*.",
    "Invalid URI syntax: \"spiffe://",
];

fn lint(tool: &Tool, command: &str) {
    let printed = tool.attempt(command).unwrap_or_else(|printed| printed);
    let finding =
        |line: &&str| line.starts_with("    ") && !NO_ERRORS.iter().any(|known| line.contains(known));
    let others: Vec<&str> = printed.lines().filter(finding).collect();
    // A crash prints neither nothing nor a finding.
    let ran = printed.trim().is_empty() || printed.contains(" @ ");
    assert!(ran && others.is_empty(), "{command}\n{printed}");
}

/// Fails the test if pkilint finds an error in the certificate of this file.
pub(crate) fn lint_certificate(tool: &Tool, file: &str) {
    lint(
        tool,
        &format!("{} lint -s ERROR {file}", program("lint_pkix_cert")),
    );
}

/// Fails the test if pkilint finds an error between the certificates of issuer and subject.
pub(crate) fn lint_link(tool: &Tool, issuer: &str, subject: &str) {
    let chain = program("lint_pkix_signer_signee_cert_chain");
    lint(tool, &format!("{chain} lint -s ERROR {issuer} {subject}"));
}

/// Fails the test if pkilint finds an error in the CRL of this file.
pub(crate) fn lint_crl(tool: &Tool, file: &str) {
    lint(
        tool,
        &format!("{} lint -p PKIX -t CRL -s ERROR {file}", program("lint_crl")),
    );
}

/// Fails the test if pkilint finds an error in the OCSP response of this file.
pub(crate) fn lint_response(tool: &Tool, file: &str) {
    lint(
        tool,
        &format!("{} lint -s ERROR {file}", program("lint_ocsp_response")),
    );
}

#[test]
fn the_judge_finds_errors() {
    let hierarchy = crate::issue::Hierarchy::any();
    let mut spec = crate::issue::leaf_spec(
        hierarchy.intermediate.holder.public_key(),
        hierarchy.root.algorithm,
    );
    // An end entity that may sign certificates.
    spec.extensions
        .retain(|extension| extension.oid() != x509::extension::oids::KEY_USAGE);
    spec.extensions
        .extend(x509::Extension::key_usage(x509::KeyUsageFlags::KEY_CERT_SIGN));
    let tool = Tool::new();
    tool.write("bad.crt", hierarchy.root.issue(spec).pem());
    let verdict = tool.attempt(&format!("{} lint -s ERROR bad.crt", program("lint_pkix_cert")));
    assert!(verdict.is_err_and(|printed| printed.contains("ERROR")));
}
