//! What to do about what a start refuses: each a command, or an action that can be done as it is said.

use std::path::{Path, PathBuf};

use files::quoted;

use crate::connection::advice::Unfound;
use crate::wiring::{self, Acceptable, Exchanged};

/// A directory as a start takes it.
pub(super) fn whole(dir: &Path) -> PathBuf {
    std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned())
}

/// The flags that name the installation of a data directory.
pub(super) fn flags(dir: &Path) -> String {
    format!("--data-dir {}{}", quoted(&whole(dir)), wiring::database_flag(dir))
}

/// For a file or directory that is not as a start takes it.
pub(super) fn of_files(error: &files::Error) -> String {
    format!(
        "{}; until then `gigvault up` and `gigvault bootstrap` refuse to start",
        command_for(error)
    )
}

fn command_for(error: &files::Error) -> String {
    use files::Error;
    match error {
        Error::Writable { path, .. } => {
            let mode = if path.is_dir() { "700" } else { "go-w" };
            format!(
                "check that nothing in it was replaced, and run `chmod {mode} {}`",
                quoted(path)
            )
        }
        Error::Owner { path, us, .. } => format!(
            "check that nothing in it was replaced, and run `chown -R {us} {}` as root",
            quoted(path)
        ),
        // A start makes it.
        Error::NotAFile { path, .. } if path.file_name().is_some_and(|name| name == "lock") => {
            format!(
                "move it out of the data directory, as with `mv {} /tmp`",
                quoted(path)
            )
        }
        Error::NotADirectory { path, .. } | Error::Foreign { path, .. } | Error::NotAFile { path, .. } => {
            let place = quoted(path);
            format!(
                "move it out of the data directory, as with `mv {place} /tmp`, and put what it stood for there itself"
            )
        }
        Error::TooMany { path, .. } => {
            format!("move what is not of GigVault out of {}", quoted(path))
        }
        Error::Io { path, source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => format!(
            "run `gigvault doctor` as the owner of the data directory; if that is you, run `chmod u+rwX {}`",
            quoted(path)
        ),
        _ => "see that the owner of the data directory can read it".to_owned(),
    }
}

/// For what is below a data directory and closed to the user whose it is.
pub(super) fn of_closed(dir: &Path, owner: u32) -> String {
    format!(
        "check that nothing in it was replaced, and run `chown -R {owner} {}` as root; until then that user cannot start it",
        quoted(&whole(dir))
    )
}

/// For a development root that will not sign.
pub(super) fn of_root(error: &anyhow::Error, dir: &Path) -> String {
    let what = match error.chain().find_map(file_in) {
        Some(file) => command_for(file),
        None => format!(
            "restore the whole of keys/root from the backup, or run `gigvault rootca verify --repair --without-key --dir {}`, \
             which says what it cannot repair",
            quoted(&dir.join("keys/root"))
        ),
    };
    format!("{what}; the server runs without, but this root signs no further CA")
}

/// For an installation that a start refuses.
pub(super) fn of_installation(error: &anyhow::Error, dir: &Path) -> String {
    if error.is::<Acceptable>() {
        return format!(
            "stop the server, and put the newest copy of each database back into {}; if there is none newer, run `gigvault \
             bootstrap --accept-restored {}`; then start the server again",
            quoted(&whole(dir).join("db")),
            flags(dir)
        );
    }
    if let Some(exchanged) = error.downcast_ref::<Exchanged>() {
        return format!("stop the server, and {}", exchanged.fix);
    }
    let file = error.chain().find_map(file_in);
    if let Some(file) = file.filter(|file| !file.is_not_found()) {
        return of_files(file);
    }
    let exposed = error.chain().find_map(|cause| match cause.downcast_ref() {
        Some(keys::KeyError::Exposed { path, .. }) => Some(path),
        _ => None,
    });
    if let Some(path) = exposed {
        return format!(
            "run `chmod 600 {}`, and consider what is in it as known to others",
            quoted(path)
        );
    }
    // A database file is named with the command that opens it to its owner.
    let said = crate::exit::text(error);
    if let Some(command) = said.split('`').find(|part| part.starts_with("chmod ")) {
        return format!("run `{command}`");
    }
    format!(
        "put what is missing, damaged, or in the wrong place back into {} from one backup (docs/guides/operating.md, \
         \"Restore\"), and run `gigvault doctor` again: keys/kek while the server runs, which still has it in memory, all else \
         after you have stopped it; until then `gigvault up` and `gigvault bootstrap` refuse to start",
        quoted(&whole(dir))
    )
}

/// The error of a file, where one of these passes it on as its own.
fn file_in<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a files::Error> {
    let of_root = cause.downcast_ref::<rootca::Error>();
    let of_root = of_root.or_else(|| cause.downcast_ref::<Box<rootca::Error>>().map(AsRef::as_ref));
    match (cause.downcast_ref(), cause.downcast_ref(), of_root) {
        (Some(keys::KeyError::File(file)), ..)
        | (_, Some(setup::Error::File(file)), _)
        | (.., Some(rootca::Error::File(file) | rootca::Error::Key(keys::KeyError::File(file)))) => {
            Some(file)
        }
        _ => cause.downcast_ref(),
    }
}

/// For a server that is not found, or that nothing can be shown to.
pub(super) fn of_connection(error: &anyhow::Error, otherwise: &str) -> String {
    match error.downcast_ref::<Unfound>() {
        Some(unfound) => unfound.fix.clone(),
        None => otherwise.to_owned(),
    }
}
