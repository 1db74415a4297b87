//! Where no answer is there: it was lost, or a signal ended the command before it arrived. Whether a certificate was issued
//! is then not known, and what is said leads on with the key that was kept.

use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::KEY_PASSPHRASE;

/// A signal ended the command.
#[derive(Debug, thiserror::Error)]
#[error("interrupted before the answer arrived: {advice}")]
pub(crate) struct Interrupted {
    /// As a shell says it of a process that the signal ended.
    pub(crate) exit_code: u8,
    advice: String,
}

impl Interrupted {
    pub(super) fn new(exit_code: u8, advice: String) -> Self {
        Self { exit_code, advice }
    }
}

/// Ctrl-C and SIGTERM, which from then on do not end the process by themselves.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one, and answers the exit code that tells it.
    pub(super) async fn next(&mut self) -> u8 {
        const INTERRUPT: u8 = 128 + 2;
        const TERMINATE: u8 = 128 + 15;
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => TERMINATE,
        }
    }
}

/// A new key that was kept.
pub(super) struct Kept {
    pub(super) path: PathBuf,
    /// Whether it is under the passphrase of the file that was to be written, and where that was read from.
    pub(super) passphrase: Option<Option<PathBuf>>,
}

impl Kept {
    /// `--key …`, as a shell reads it, and with it what opens the key.
    pub(super) fn flags(&self) -> String {
        let key = format!("--key {}", ::files::quoted(&self.path));
        match &self.passphrase {
            Some(Some(file)) => format!("{key} --key-passphrase-file {}", ::files::quoted(file)),
            _ => key,
        }
    }

    /// What is said of its passphrase where no file holds it.
    pub(super) fn note(&self) -> String {
        match &self.passphrase {
            Some(None) => {
                format!(" under the new passphrase, which is asked for or read from {KEY_PASSPHRASE}")
            }
            Some(Some(_)) => " under the new passphrase".to_owned(),
            None => String::new(),
        }
    }
}

/// How a PKCS#12 file is made of a certificate that is there. `key`: the flags that read its key.
pub(super) fn download_pkcs12(serial: &str, key: &str, passphrase: Option<&Path>, out: &Path) -> String {
    let passphrase = passphrase.map_or_else(String::new, |file| {
        format!(" --out-passphrase-file {}", ::files::quoted(file))
    });
    format!(
        "gigvault cert download {serial} --format pkcs12 {key}{passphrase} --out {}",
        ::files::quoted(out)
    )
}
