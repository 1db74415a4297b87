//! One process per data directory: the lock, and the number of the process that holds it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::bail;

use super::layout::DataDir;

/// Held while the file lives.
pub(super) fn lock(data: &DataDir) -> anyhow::Result<File> {
    let path = data.lock();
    let Some(mut held) = ::files::try_lock(&path)? else {
        let holder = holder(&path);
        let process = holder.map_or_else(String::new, |pid| format!(", process {pid},"));
        let stop = holder.map_or_else(String::new, |pid| format!(" with `kill {pid}`"));
        bail!(
            "another gigvault process{process} works on this data directory ({} is locked); use that one, or stop \
             it{stop} and start again",
            path.display()
        );
    };
    // A full disk does not prevent a start: the number is only for the message above.
    let _told = held
        .set_len(0)
        .and_then(|()| held.write_all(std::process::id().to_string().as_bytes()));
    data.sweep()?;
    Ok(held)
}

/// Who wrote its number into the lock file.
fn holder(lock: &Path) -> Option<u32> {
    const LONGEST: u64 = 32;
    let text = ::files::read(lock, LONGEST).ok()?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}
