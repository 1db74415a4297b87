//! Reading the files of a data directory that was found, not named: it may have come with a download or a repository.
//!
//! Nothing in it leads elsewhere. A symbolic link could point to the token of another installation, which would be sent
//! to whatever server the directory names; a FIFO would be waited for.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::OFlags;
use secrecy::SecretString;

use super::advice::{self, Unfound};

/// Longest file that is read: a token, a pointer, a few root certificates.
const MAX_LEN: u64 = 1024 * 1024;
const MAX_TOKEN: usize = 256;
const ELSEWHERE: &str = "name the server by --url and --ca-file, or work in another folder";

/// Reads a file of this user; `None` if there is no such file.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    open(path)?.map(|file| content(file, path)).transpose()
}

/// The API key in a file that no other user can read or write; `None` if there is no such file.
pub(super) fn token(path: &Path) -> anyhow::Result<Option<SecretString>> {
    let dir = path.parent().unwrap_or(path);
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        let what = "is a directory, and the API key of an admin is a file of that name";
        let away = files::quoted(path);
        let fix = format!(
            "move it away with `mv {away} {away}.old` and write a valid API key there; {}",
            advice::new_token(dir)
        );
        return Err(unsent(path, what, fix).into());
    }
    let Some(file) = open(path)? else {
        return Ok(None);
    };
    let found = file
        .metadata()
        .with_context(|| format!("reading {}", path.display()))?;
    if found.permissions().mode() & 0o077 != 0 {
        let fix = format!(
            "close it with `chmod go= {}`, and consider what is in it as known to others",
            files::quoted(path)
        );
        return Err(unsent(path, "can be read or written by other users", fix).into());
    }
    let content = content(file, path)?;
    let text = std::str::from_utf8(&content).unwrap_or_default().trim();
    if !is_api_key(text) {
        let fix = format!("write a valid one into it; {}", advice::new_token(dir));
        return Err(unsent(path, "holds no API key, which starts with gv_", fix).into());
    }
    Ok(Some(text.into()))
}

fn unsent(path: &Path, what: &str, fix: impl Into<String>) -> Unfound {
    Unfound::new(format!("{} {what}: nothing was sent", path.display()), fix)
}

/// Whatever else a file holds is not for any server.
fn is_api_key(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() <= MAX_TOKEN
        && text
            .strip_prefix("gv_")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(plain))
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads only, with flags that the crate files does not take"
)]
fn open(path: &Path) -> anyhow::Result<Option<File>> {
    let reading = || format!("reading {}", path.display());
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(path);
    let file = match opened {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(unsent(path, "is a symbolic link, which is not followed", ELSEWHERE).into());
        }
        opened => opened.with_context(reading)?,
    };
    let found = file.metadata().with_context(reading)?;
    if !found.is_file() {
        return Err(unsent(path, "is not a regular file", ELSEWHERE).into());
    }
    let (owner, us) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != us {
        let what = format!("belongs to user {owner} and this is user {us}");
        return Err(unsent(path, &what, ELSEWHERE).into());
    }
    Ok(Some(file))
}

fn content(file: File, path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(MAX_LEN + 1)
        .read_to_end(&mut content)
        .with_context(|| format!("reading {}", path.display()))?;
    if content.len() as u64 > MAX_LEN {
        return Err(unsent(path, &format!("is longer than {MAX_LEN} bytes"), ELSEWHERE).into());
    }
    Ok(content)
}
