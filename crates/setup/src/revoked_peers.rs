//! Which certificates of services are revoked: told by `ca`, whose word each process keeps for its connections, and for its next start.
//!
//! What is revoked for good stays so, whatever `ca` says later: one whose database was restored from an older backup does not know it any
//! more, and whoever stole that identity would be taken again. Of a hold, `ca` has the last word.

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
use crate::issuer::{Issuer, RevokedSerials};

/// First and longest pause before `ca` is asked again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Longest pause while it is not known which are revoked.
const WHILE_UNKNOWN: Duration = Duration::from_millis(100);
/// Name of the file, beside an identity.
const FILE: &str = "revoked-peers";
/// Longest file: as many serial numbers as `ca` is listened to for.
const LONGEST_FILE: u64 = 64 * 1024 * 1024;
/// Last line of the file.
const END: &str = "end 2\n";
/// That of an earlier version, which did not say what is on hold.
const END_BEFORE: &str = "end\n";
/// Behind a serial number that may be released.
const HELD: &str = " held";

/// Which are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct KnownSerials {
    /// Revoked for good.
    for_good: BTreeSet<Serial>,
    /// On hold, or it is not known whether they are.
    others: BTreeSet<Serial>,
}

impl KnownSerials {
    fn all(&self) -> BTreeSet<Serial> {
        self.for_good.union(&self.others).copied().collect()
    }

    /// What is known once that was told; says which of those that are revoked for good were not.
    fn after(&self, told: RevokedSerials) -> Self {
        let lost: Vec<String> = self
            .for_good
            .difference(&told.all)
            .map(Serial::to_string)
            .collect();
        if !lost.is_empty() {
            tracing::error!(
                serials = lost.join(" "),
                "ca does not know that these services are revoked: its database was restored from an older backup; they stay revoked \
                 for this process"
            );
        }
        // All of them, where it is not told which are on hold.
        let held = told.held.unwrap_or_else(|| told.all.clone());
        let mut for_good = self.for_good.clone();
        for_good.extend(told.all.difference(&held));
        Self {
            others: held.difference(&for_good).copied().collect(),
            for_good,
        }
    }
}

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
        self.known().map(|known| known.all())
    }

    fn known(&self) -> Option<KnownSerials> {
        match files::read(&self.0, LONGEST_FILE) {
            Ok(octets) => {
                let known = parse(&octets);
                if known.is_none() {
                    tracing::warn!(file = %self.0.display(), "it does not say which services are revoked; ca is asked");
                }
                known
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

    fn write(&self, known: &KnownSerials) {
        let for_good = known.for_good.iter().map(|serial| format!("{serial}\n"));
        let others = known.others.iter().map(|serial| format!("{serial}{HELD}\n"));
        let mut text: String = for_good.chain(others).collect();
        text.push_str(END);
        let written = files::replace(&self.0, text.as_bytes(), 0o600);
        if let Err(error) = written {
            tracing::warn!(
                cause = chain(&error),
                "which services are revoked was not written; the next start has to wait for ca"
            );
            // What it says is from before, and a start would go by it. Removing a file needs no space.
            if let Err(error) = files::remove(&self.0)
                && !error.is_not_found()
            {
                tracing::error!(
                    cause = chain(&error),
                    "a list of revoked services that is not the last one stays in its file; remove it before the next start"
                );
            }
        }
    }
}

fn parse(octets: &[u8]) -> Option<KnownSerials> {
    let text = std::str::from_utf8(octets).ok()?;
    let mut known = KnownSerials::default();
    let (lines, says_held) = match text.strip_suffix(END) {
        Some(lines) => (lines, true),
        None => (text.strip_suffix(END_BEFORE)?, false),
    };
    for line in lines.lines() {
        match line.strip_suffix(HELD) {
            Some(serial) if says_held => known.others.insert(serial.parse().ok()?),
            None if says_held => known.for_good.insert(line.parse().ok()?),
            _ => known.others.insert(line.parse().ok()?),
        };
    }
    Some(known)
}

/// Writes down what `ca` says now, for the first start of a process with an identity that is new, with what is known to stay revoked in
/// a file of before and in that of another process.
///
/// # Errors
/// [`Error::Call`] with what `ca` said.
pub async fn write_down(issuer: &Issuer, last: &LastWord, other: &LastWord) -> Result<(), Error> {
    let told = issuer.watch_revoked().await?.next().await?;
    let mut known = last.known().unwrap_or_default();
    known.for_good.extend(other.known().unwrap_or_default().for_good);
    last.write(&known.after(told));
    Ok(())
}

/// What `ca` says now, for a process that runs it, with what it said last.
///
/// # Errors
/// [`Error::Call`] with what `ca` said.
pub async fn learn(issuer: &Issuer, peers: &RevokedPeers, last: &LastWord) -> Result<(), Error> {
    let told = issuer.watch_revoked().await?.next().await?;
    peers.replace(last.known().unwrap_or_default().after(told).all());
    peers.set_current(true);
    Ok(())
}

/// Keeps `peers` as `ca` says, until `stop`. While it does not answer, those that were known stay.
pub async fn follow(issuer: Issuer, peers: RevokedPeers, last: LastWord, stop: CancellationToken) {
    let mut retry = Retry::new("revoked services, as ca tells them", PAUSES);
    let mut known = last.known().unwrap_or_default();
    let follow = async {
        loop {
            let error = follow_once(&issuer, (&peers, &mut known), &last, &mut retry).await;
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
async fn follow_once(
    issuer: &Issuer,
    (peers, known): (&RevokedPeers, &mut KnownSerials),
    last: &LastWord,
    retry: &mut Retry,
) -> Error {
    let mut revoked = match issuer.watch_revoked().await {
        Ok(revoked) => revoked,
        Err(error) => return error,
    };
    loop {
        match revoked.next().await {
            Ok(told) => {
                *known = known.after(told);
                peers.replace(known.all());
                peers.set_current(true);
                retry.works();
                last.write(known);
            }
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serials(octets: &[u8]) -> BTreeSet<Serial> {
        let serial = |octet: &u8| Serial::from_bytes(&[*octet; 16]).unwrap();
        octets.iter().map(serial).collect()
    }

    fn told(all: &[u8], held: Option<&[u8]>) -> RevokedSerials {
        RevokedSerials {
            all: serials(all),
            held: held.map(serials),
        }
    }

    #[test]
    fn a_file_that_was_cut_off_says_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let last = LastWord::in_directory(directory.path());
        assert_eq!(last.read(), None);
        let some = KnownSerials {
            for_good: serials(&[0x11]),
            others: serials(&[0x12]),
        };
        for known in [some, KnownSerials::default()] {
            last.write(&known);
            assert_eq!(last.known(), Some(known.clone()));
            assert_eq!(last.read(), Some(known.all()));
        }
        let line = format!("{}\n", "11".repeat(16));
        assert_eq!(
            parse(format!("{line}end 2\n").as_bytes()).unwrap().for_good.len(),
            1
        );
        for cut in [
            "",
            "end 2",
            &line,
            &format!("{line}en"),
            &format!("x{line}end 2\n"),
            &format!("{line}end 3\n"),
        ] {
            assert_eq!(parse(cut.as_bytes()), None, "{cut:?}");
        }
        // That of an earlier version, which may be of a hold.
        let before = parse(format!("{line}end\n").as_bytes()).unwrap();
        assert_eq!((before.for_good, before.others), (serials(&[]), serials(&[0x11])));
    }

    #[test]
    fn what_is_revoked_for_good_stays_so_and_a_hold_ends() {
        let known = KnownSerials::default().after(told(&[0x11, 0x12, 0x13], Some(&[0x12, 0x13])));
        assert_eq!(
            (&known.for_good, &known.others),
            (&serials(&[0x11]), &serials(&[0x12, 0x13]))
        );
        // A hold was released; the other one became final; an older database of ca has neither of the others.
        let known = known.after(told(&[0x13], Some(&[])));
        assert_eq!(
            (&known.for_good, &known.others),
            (&serials(&[0x11, 0x13]), &serials(&[]))
        );
        // A ca of before does not say which are on hold, and has the last word on those that are new.
        let known = known.after(told(&[0x14], None));
        assert_eq!(known.all(), serials(&[0x11, 0x13, 0x14]));
        assert_eq!(known.after(told(&[], None)).all(), serials(&[0x11, 0x13]));
    }
}
