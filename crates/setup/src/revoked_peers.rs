//! Which certificates of services are revoked: told by `ca`, whose word each process keeps for its connections, and for its next start.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::error::chain;
use kit::retry::Retry;
use kit::tls::RevokedPeers;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use x509::serial::Serial;

use crate::error::Error;
use crate::issuer::Issuer;

/// First and longest pause before `ca` is asked again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Longest pause while it is not known which are revoked.
const WHILE_UNKNOWN: Duration = Duration::from_millis(100);
/// Name of the file, beside an identity.
const FILE: &str = "revoked-peers";
/// Longest file: as many serial numbers as `ca` is listened to for.
const LONGEST_FILE: u64 = 64 * 1024 * 1024;
/// Last line of the file.
const END: &str = "end\n";

/// What was told last, in a file: a start does not wait for `ca`.
#[derive(Clone, Debug)]
pub struct LastWord(PathBuf);

impl LastWord {
    /// The file in that directory.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self(directory.join(FILE))
    }

    /// None where there is none, or none that can be read whole: then it is not known which are revoked.
    #[must_use]
    pub fn read(&self) -> Option<BTreeSet<Serial>> {
        match files::read(&self.0, LONGEST_FILE) {
            Ok(octets) => {
                let serials = parse(&octets);
                if serials.is_none() {
                    tracing::warn!(file = %self.0.display(), "it does not say which services are revoked; ca is asked");
                }
                serials
            }
            Err(error) if error.is_not_found() => None,
            Err(error) => {
                tracing::warn!(
                    cause = chain(&error),
                    "which services are revoked cannot be read; ca is asked"
                );
                None
            }
        }
    }

    fn write(&self, serials: &BTreeSet<Serial>) {
        let mut text: String = serials.iter().map(|serial| format!("{serial}\n")).collect();
        text.push_str(END);

        let written = files::replace(&self.0, text.as_bytes(), 0o600);
        if let Err(error) = written {
            tracing::warn!(
                cause = chain(&error),
                "which services are revoked was not written; the next start has to wait for ca"
            );
        }
    }
}

fn parse(octets: &[u8]) -> Option<BTreeSet<Serial>> {
    let lines = std::str::from_utf8(octets).ok()?.strip_suffix(END)?;
    lines.lines().map(|line| line.parse().ok()).collect()
}

/// Writes down what `ca` says now, for the first start of a process with an identity that is new.
///
/// # Errors
/// [`Error::Call`] with what `ca` said.
pub async fn write_down(issuer: &Issuer, last: &LastWord) -> Result<(), Error> {
    last.write(&issuer.watch_revoked().await?.next().await?);
    Ok(())
}

/// What `ca` says now, for a process that runs it.
///
/// # Errors
/// [`Error::Call`] with what `ca` said.
pub async fn learn(issuer: &Issuer, peers: &RevokedPeers) -> Result<(), Error> {
    peers.replace(issuer.watch_revoked().await?.next().await?);
    peers.set_current(true);
    Ok(())
}

/// Keeps `peers` as `ca` says, until `stop`. While it does not answer, those that were known stay.
pub async fn follow(issuer: Issuer, peers: RevokedPeers, last: LastWord, stop: CancellationToken) {
    let mut retry = Retry::new("revoked services, as ca tells them", PAUSES);
    let follow = async {
        loop {
            let error = follow_once(&issuer, &peers, &last, &mut retry).await;
            peers.set_current(false);
            // At its end the process ends these streams itself.
            if stop.is_cancelled() {
                return;
            }
            let pause = retry.failed(&error);
            sleep(match peers.are_known() {
                true => pause,
                // Others wait for it.
                false => pause.min(WHILE_UNKNOWN),
            })
            .await;
        }
    };
    stop.run_until_cancelled(follow).await;
}

/// Until the stream ends, and why it did.
async fn follow_once(issuer: &Issuer, peers: &RevokedPeers, last: &LastWord, retry: &mut Retry) -> Error {
    let mut revoked = match issuer.watch_revoked().await {
        Ok(revoked) => revoked,
        Err(error) => return error,
    };
    loop {
        match revoked.next().await {
            Ok(serials) => {
                peers.replace(serials.clone());
                peers.set_current(true);
                retry.works();
                last.write(&serials);
            }
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_cut_off_says_nothing() {
        let serials =
            BTreeSet::from([[0x11; 16], [0x12; 16]].map(|octets| Serial::from_bytes(&octets).unwrap()));
        let directory = tempfile::tempdir().unwrap();
        let last = LastWord::in_directory(directory.path());
        assert_eq!(last.read(), None);
        for told in [serials, BTreeSet::new()] {
            last.write(&told);
            assert_eq!(last.read(), Some(told));
        }
        let line = format!("{}\n", "11".repeat(16));
        assert_eq!(parse(format!("{line}end\n").as_bytes()).unwrap().len(), 1);
        for cut in ["", "end", &line, &format!("{line}en"), &format!("x{line}end\n")] {
            assert_eq!(parse(cut.as_bytes()), None, "{cut:?}");
        }
    }
}
