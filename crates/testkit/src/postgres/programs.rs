//! The programs that make up a server of a test: PostgreSQL's own, as the right user, and the watchdog.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::process::{find_program, is_root};

/// `$1` the server's data folder, `$2` the folder to remove. A recorded pid is believed only while that process
/// works in the data folder: after a `kill -9` the number may belong to another.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
read -r _
pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$1" ]; then
    kill -QUIT "$pid"
    n=0
    while [ "$n" -lt 50 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; n=$((n + 1)); done
    kill -KILL "$pid" 2>/dev/null
fi
rm -rf "$2"
"#;

/// Starts the shell that stops the server and removes the folder when its standard input closes.
pub(super) fn watchdog(data: &Path, folder: &Path) -> Result<Child> {
    // in a session of its own, so that it survives a signal to the group of the tests
    let mut command = Command::new("setsid");
    command
        .args(["sh", "-c", WATCHDOG, "gigvault-pg-watchdog"])
        .args([data, folder])
        .current_dir("/");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().context("cannot start the watchdog of PostgreSQL")
}

/// A program of PostgreSQL: from the folder in `GIGVAULT_POSTGRES_BIN`, or where Debian puts them (the newest
/// version; its wrappers on the path are slow), or from the path.
pub(super) fn program(name: &str) -> Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let wanted = std::env::var_os("GIGVAULT_POSTGRES_BIN").map(PathBuf::from);
    let folders = wanted
        .into_iter()
        .chain(versions.into_iter().map(|(_, folder)| folder));
    find_program(name, folders).with_context(|| format!("{name} not found: install postgresql"))
}

/// A command that runs as the current user, or as `postgres` for root, as whom PostgreSQL refuses to run.
pub(super) fn as_server_user(name: &str, folder: &Path) -> Result<Command> {
    let program = program(name)?;
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder);
    Ok(command)
}

/// Lets the user `postgres` make its data folder here.
pub(crate) fn make_accessible(folder: &Path) -> Result<()> {
    if is_root() {
        let status = Command::new("chown").arg("postgres").arg(folder).status()?;
        ensure!(
            status.success(),
            "cannot give {} to user postgres",
            folder.display()
        );
    }
    Ok(())
}
