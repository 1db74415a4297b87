//! What a local data directory shows: modes, what is missing, certificates that are not valid now.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use time::OffsetDateTime;

use super::{Check, failed, ok, warning};
use crate::commands::times;
use crate::wiring::{self, Belonging};

/// Secrets must be closed to other users, and nobody else may have put them there.
pub(super) fn modes(dir: &Path) -> Check {
    let secret = ["", "admin.token", "keys", "keys/kek", "identities", "db"];
    let paths: Vec<_> = secret.iter().map(|name| dir.join(name)).collect();
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
    if let Some(path) = paths.iter().find(|path| mode(path) & 0o022 != 0) {
        return failed(
            "files",
            format!("{} can be written by other users", path.display()),
            "check that nothing in it was replaced, then chmod go= on it",
        );
    }
    match paths.iter().find(|path| mode(path) & 0o077 != 0) {
        Some(path) => failed(
            "files",
            format!("{} can be read by other users", path.display()),
            "chmod go= on it, and think of what it holds as known",
        ),
        None => below(dir),
    }
}

/// What a start would refuse anywhere below.
fn below(dir: &Path) -> Check {
    // A server that runs as another user is looked at by root too.
    let owner =
        std::fs::metadata(dir).map_or_else(|_| rustix::process::geteuid().as_raw(), |found| found.uid());
    let detail = match files::check_tree_of(dir, owner) {
        Ok(()) => return ok("files", format!("{} is closed to other users", dir.display())),
        Err(files::Error::Owner { path, owner: of, .. }) => format!(
            "{} belongs to user {of}, and the data directory to user {owner}: check that nothing in it was replaced, then \
             `chown {owner}` it",
            path.display()
        ),
        Err(error) => error.to_string(),
    };
    failed(
        "files",
        detail,
        "do that, and find out how it came there; `gigvault up` and `gigvault bootstrap` refuse to start with it",
    )
}

/// Whether what belongs together is there.
pub(super) fn installation(dir: &Path) -> Check {
    const RESTORE: &str =
        "restore it from the backup; gigvault up and gigvault bootstrap refuse to start without it";
    match wiring::belonging(dir) {
        Ok(Belonging::Whole { id }) => ok("installation", format!("{id} has its keys, its root, and its databases")),
        Ok(Belonging::Part) => ok("installation", "keys and databases are elsewhere".to_owned()),
        Ok(Belonging::Unfinished) => warning(
            "installation",
            "the first start has not ended".to_owned(),
            "run `gigvault up` again: it goes on where the first one was cut off",
        ),
        Ok(Belonging::Unrecorded) => warning(
            "installation",
            "keys/installation is missing: it was made by an earlier version, or it is not the data directory of a whole \
             installation"
                .to_owned(),
            "run `gigvault up` or `gigvault bootstrap`, which records it or says what is missing",
        ),
        Ok(Belonging::Missing { files }) => failed("installation", format!("missing or empty: {}", files.join(", ")), RESTORE),
        Err(error) => failed("installation", format!("{error:#}"), RESTORE),
    }
}

/// The certificates that the process here serves and calls with.
pub(super) fn identities(dir: &Path, now: OffsetDateTime) -> Check {
    let folders = std::fs::read_dir(dir.join("identities"))
        .into_iter()
        .flatten()
        .flatten();
    for folder in folders {
        let path = folder.path().join("tls.crt");
        let read = files::read(&path, 1024 * 1024).ok();
        let Some(certificate) = read.and_then(|pem| x509::Certificate::from_pem(&pem).ok()) else {
            continue;
        };
        if !certificate.validity().contains(now) {
            return failed(
                "identities",
                format!(
                    "{} is valid from {} to {}",
                    path.display(),
                    times::minute(certificate.not_before()),
                    times::minute(certificate.not_after())
                ),
                "set the clock of the server; a running one renews it within a minute, if its CA is valid",
            );
        }
    }
    ok(
        "identities",
        "the server's own certificates are valid now".to_owned(),
    )
}
