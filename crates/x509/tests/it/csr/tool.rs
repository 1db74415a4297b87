//! The command-line tools that judge us, each in a folder of its own.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a tool that cannot run fails the test"
)]

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

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

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    /// Runs a tool, words separated by spaces, and answers what it printed on both streams. Fails the test if
    /// the tool fails.
    pub(crate) fn run(&self, command: &str) -> String {
        match self.attempt(command) {
            Ok(printed) => printed,
            Err(printed) => panic!("`{command}` failed:\n{printed}"),
        }
    }

    /// The same, telling success from failure.
    pub(crate) fn attempt(&self, command: &str) -> Result<String, String> {
        let mut words = command.split_whitespace();
        let output = Command::new(words.next().unwrap())
            .args(words)
            .current_dir(self.path())
            .output()
            .unwrap_or_else(|e| panic!("`{command}` cannot run ({e}): install openssl and gnutls-bin"));
        let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() {
            Ok(printed)
        } else {
            Err(printed)
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}
