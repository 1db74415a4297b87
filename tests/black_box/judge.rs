//! Outside programs that judge what we issue.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

/// A process that does not outlive its test.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Runs a program to its end; a failure is a panic with what it said.
pub(crate) fn run(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let output = try_run(program, arguments);
    assert!(
        output.status.success(),
        "{arguments:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a program to its end.
pub(crate) fn try_run(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Output {
    let program = program.as_ref();
    Command::new(program)
        .args(arguments)
        // The machine's own trust anchors have no say here.
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .env_remove("CURL_CA_BUNDLE")
        .output()
        .unwrap_or_else(|error| panic!("{} did not start: {error}; run through `make test`", program.display()))
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `openssl verify` under one root.
pub(crate) fn openssl_verify(root: &Path, untrusted: &Path, leaf: &Path, more: &[&str]) {
    let mut arguments = vec![
        "verify",
        "-x509_strict",
        "-CAfile",
        text(root),
        "-untrusted",
        text(untrusted),
    ];
    arguments.extend(more);
    arguments.push(text(leaf));
    assert!(run("openssl", &arguments).ends_with(": OK\n"));
}

/// A linter of pkilint; panics with its findings.
pub(crate) fn pkilint(linter: &str, arguments: &[&str]) {
    let bin =
        std::env::var_os("GIGVAULT_PKILINT").expect("GIGVAULT_PKILINT is not set: run through `make test`");
    run(PathBuf::from(bin).join(linter), arguments);
}
