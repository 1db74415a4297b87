//! The command-line tools that judge us, in a folder of their own.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool that cannot run fails the test"
)]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// pkilint takes only URIs of a list of schemes of its own for URIs.
const FALSE_ALARMS: [&str; 1] = ["Invalid URI syntax: \"\"spiffe://"];

/// A temporary folder in which tools run and leave their files.
pub(crate) struct Tool {
    folder: TempDir,
}

impl Tool {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(file), content).unwrap();
    }

    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path().join(file)).unwrap()
    }

    /// Runs `openssl` with these words, and fails the test if it fails.
    pub(crate) fn openssl(&self, words: &str) -> Vec<u8> {
        let output = self.output("openssl", words);
        assert!(
            output.status.success(),
            "`openssl {words}` failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// The ids of the errors that pkilint finds in the certificate of this file.
    pub(crate) fn pkilint(&self, file: &str) -> Vec<String> {
        self.pkilint_by("lint_pkix_cert", &format!("lint -s ERROR -f CSV {file}"))
    }

    /// The ids of the errors that pkilint finds in the CRL of this file.
    pub(crate) fn pkilint_crl(&self, file: &str) -> Vec<String> {
        self.pkilint_by("lint_crl", &format!("lint -p PKIX -t CRL -s ERROR -f CSV {file}"))
    }

    /// The ids of the errors that pkilint finds in the OCSP response of this file.
    pub(crate) fn pkilint_response(&self, file: &str) -> Vec<String> {
        self.pkilint_by("lint_ocsp_response", &format!("lint -s ERROR -f CSV {file}"))
    }

    fn pkilint_by(&self, program: &str, words: &str) -> Vec<String> {
        let folder = std::env::var("GIGVAULT_PKILINT")
            .expect("GIGVAULT_PKILINT must name the folder of pkilint: run through make test");
        let output = self.output(&format!("{folder}/{program}"), words);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        // A crash prints neither nothing nor a table.
        let ran = output.status.success() && printed.trim().is_empty() || printed.starts_with("node_path,");
        assert!(ran, "{}", String::from_utf8_lossy(&output.stderr));
        let rows = printed
            .lines()
            .skip(1)
            .filter(|row| !FALSE_ALARMS.iter().any(|known| row.contains(known)));
        rows.filter_map(|row| row.split(',').nth(3).map(str::to_owned))
            .collect()
    }

    fn output(&self, program: &str, words: &str) -> Output {
        Command::new(program)
            .args(words.split_whitespace())
            .current_dir(self.path())
            .output()
            .unwrap_or_else(|error| {
                panic!("{program} cannot run ({error}): install openssl, or run through make test")
            })
    }
}
