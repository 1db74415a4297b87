//! What a local data directory shows: modes, what is missing, certificates that are not valid now.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use kit::clock::{SharedClock, SystemClock};
use kit::tls::{Identity, IdentityFiles, ServerFiles, ServerIdentity};
use time::OffsetDateTime;

use super::{Check, failed, fixes, ok, warning};
use crate::commands::times;
use crate::wiring::{self, Belonging, DatabaseKind};

/// What a start would refuse, in its words; then secrets that others can read, which a start closes without a word on what
/// was read.
pub(super) fn modes(dir: &Path) -> Check {
    match wiring::check_dir(dir).and_then(|()| wiring::closed_to_owner(dir)) {
        Ok(None) => readable(dir),
        Ok(Some(closed)) => {
            let detail = format!(
                "{} belongs to user {}, and user {}, whose data directory it is, may not {} it",
                closed.path.display(),
                closed.owner,
                closed.us,
                closed.action
            );
            failed("files", detail, &fixes::of_closed(dir, closed.us))
        }
        Err(error) => {
            let detail = match &error {
                // Its words are for the process that starts, and this one only looks.
                files::Error::Owner { path, owner, us } if *us != rustix::process::geteuid().as_raw() => {
                    format!(
                        "{} belongs to user {owner}, and the data directory to user {us}",
                        path.display()
                    )
                }
                error => error.to_string(),
            };
            failed("files", detail, &fixes::of_files(&error))
        }
    }
}

fn readable(dir: &Path) -> Check {
    let secret = ["", "admin.token", "keys", "keys/kek", "identities", "db"];
    let mut paths = secret.iter().map(|name| match *name {
        "" => dir.to_owned(),
        name => dir.join(name),
    });
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
    match paths.find(|path| mode(path) & 0o077 != 0) {
        Some(path) => failed(
            "files",
            format!("{} can be read by other users", path.display()),
            &format!(
                "run `chmod go= {}`, and consider what is in it as known to others",
                files::quoted(&path)
            ),
        ),
        None => ok("files", format!("{} is closed to other users", dir.display())),
    }
}

/// Whether keys, root and databases are there, belong together, and are not older than they were.
pub(super) async fn installation(dir: &Path, now: OffsetDateTime) -> Check {
    const CHECK: &str = "installation";
    match wiring::belonging(dir, now).await {
        Ok(Belonging::Whole {
            id,
            database: DatabaseKind::Sqlite,
            compared,
        }) => {
            let whole = format!(
                "{id} has its root, its CAs {} and {} with keys in keymgr, and its databases",
                setup::ISSUING_CA,
                setup::SERVICES_CA
            );
            match compared {
                true => ok(CHECK, format!("{whole}, which are not older than they were")),
                false => uncompared(dir, &whole),
            }
        }
        Ok(Belonging::Whole {
            id,
            database: DatabaseKind::Postgresql,
            ..
        }) => ok(
            CHECK,
            format!(
                "{id} has its root and the files of its keys; its databases are on PostgreSQL, and what is in them is checked at \
                 each start"
            ),
        ),
        Ok(Belonging::Part) => ok(
            CHECK,
            "no keys and no databases are here, as with a process of some services; `gigvault up` and `gigvault bootstrap` \
             start nothing new beside what is here"
                .to_owned(),
        ),
        Ok(Belonging::Unsigning(error)) => {
            warning(CHECK, crate::exit::text(&error), &fixes::of_root(&error, dir))
        }
        Ok(Belonging::Unfinished) => warning(
            CHECK,
            "the first start has not ended".to_owned(),
            &format!(
                "run `gigvault up {}` again: it goes on where the first one was cut off",
                fixes::flags(dir)
            ),
        ),
        Ok(Belonging::Unrecorded) => warning(
            CHECK,
            "keys/installation is missing: it was made by an earlier version, or it is not the data directory of a whole \
             installation"
                .to_owned(),
            &format!(
                "run `gigvault up {}`, which records it or says what is missing",
                fixes::flags(dir)
            ),
        ),
        Err(error) => failed(
            CHECK,
            crate::exit::text(&error),
            &fixes::of_installation(&error, dir),
        ),
    }
}

/// Where nothing says how far the databases were.
fn uncompared(dir: &Path, whole: &str) -> Check {
    let file = dir.join("high-water");
    let what = match file.is_file() {
        true => "does not say how far each of them was",
        false => "is missing",
    };
    warning(
        "installation",
        format!(
            "{whole}; whether these are older than they were is not known, since {} {what}",
            file.display()
        ),
        &format!(
            "if no database was restored from a backup, start the server, which writes it: `gigvault up {0}`; if one was, run \
             `gigvault bootstrap --accept-restored {0}` first",
            fixes::flags(dir)
        ),
    )
}

/// The certificates that the process here serves and calls with.
pub(super) fn identities(dir: &Path, now: OffsetDateTime) -> Check {
    const CHECK: &str = "identities";
    let folders = match std::fs::read_dir(dir.join("identities")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let place = dir.join("identities");
            return failed(
                CHECK,
                format!("cannot read {}: {error}", place.display()),
                "run `gigvault doctor` as the owner of the data directory",
            );
        }
        folders => folders.into_iter().flatten().flatten(),
    };
    let mut looked_at = 0;
    for folder in folders {
        let (path, again) = (folder.path().join("tls.crt"), made_again(&folder.file_name()));
        // Whose it is was judged before.
        if let Err(error @ files::Error::NotADirectory { .. }) = files::check_dir_of(&folder.path(), 0) {
            let fix = format!("move it out of the data directory; {again}");
            return failed(CHECK, error.to_string(), &fix);
        }
        let pem = match files::read(&path, 1024 * 1024) {
            Err(error) if error.is_not_found() => continue,
            Err(error @ files::Error::TooLong { .. }) => return failed(CHECK, error.to_string(), &again),
            Err(error @ files::Error::NotAFile { .. }) => {
                let fix = format!("move it away; {again}");
                return failed(CHECK, error.to_string(), &fix);
            }
            Err(error) => {
                return failed(
                    CHECK,
                    error.to_string(),
                    "see that the owner of the data directory can read it, and run `gigvault doctor` again as that user",
                );
            }
            Ok(pem) => pem,
        };
        let certificate = match x509::Certificate::from_pem(&pem) {
            Ok(certificate) => certificate,
            Err(error) => {
                return failed(
                    CHECK,
                    format!("{} cannot be read: {error}", path.display()),
                    &again,
                );
            }
        };
        if !certificate.validity().contains(now) {
            return failed(
                CHECK,
                format!(
                    "{} is valid from {} to {}",
                    path.display(),
                    times::minute(certificate.not_before()),
                    times::minute(certificate.not_after())
                ),
                &format!(
                    "set the clock of the server if it is wrong; a running one renews it within a minute, if its CA is valid; \
                     {again}"
                ),
            );
        }
        looked_at += 1;
        if let Some(cause) = unusable(&folder.path(), &folder.file_name()) {
            let detail = format!("what is in {} cannot be used: {cause}", folder.path().display());
            return failed(CHECK, detail, &again);
        }
    }
    let found = match looked_at {
        0 => "there is none in this data directory; identity.directory may name another place",
        _ => "the server's own certificates are valid now",
    };
    ok(CHECK, found.to_owned())
}

/// Why a start would refuse an identity.
fn unusable(folder: &Path, name: &OsStr) -> Option<String> {
    let clock: SharedClock = Arc::new(SystemClock::from_env().ok()?);
    let files = IdentityFiles::new(folder, "tls", folder.join("roots.pem"));
    let checked = match name == "https" {
        true => {
            let files = ServerFiles {
                certificate: files.certificate,
                key: files.key,
                passphrase: None,
            };
            ServerIdentity::from_files(files, clock).map(drop)
        }
        false => Identity::check_files(&files, &clock).map(drop),
    };
    checked.err().map(|error| kit::error::chain(&error))
}

/// How a certificate of the process is made again: no backup is needed for it.
pub(super) fn made_again(name: &OsStr) -> String {
    if name == "https" {
        return "a server makes it again when it starts: start it, or start it again".to_owned();
    }
    format!(
        "`gigvault up` makes it again when it starts; that of a `gigvault serve` is made by `gigvault bootstrap --identity {}`",
        files::quoted(Path::new(name))
    )
}
