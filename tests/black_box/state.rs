//! What belongs together: a lost, foreign or older part of an installation is named at the start, and never made again.

mod clock;
mod copied_back;
mod directories;
mod elsewhere;
mod ends;
mod lost;
mod named;
mod own_certificates;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use testkit::system::{FREE_PORTS, ServerInfo, System, binary, spawn};

use crate::judge::{self, Killed};

fn command(dir: &Path, verb: &str) -> Command {
    let mut command = Command::new(binary().unwrap());
    command
        .current_dir(dir)
        .env(testkit::system::ALLOW_UNSAFE, "true")
        .args([verb, "--data-dir", "data"]);
    command
}

fn up(dir: &Path, arguments: &[&str]) -> Command {
    let mut up = command(dir, "up");
    up.args(FREE_PORTS);
    up.args(arguments);
    up
}

fn started(command: Command, dir: &Path) -> (Killed, ServerInfo) {
    let (child, ready) = spawn(command, dir).unwrap();
    (Killed(child), ready)
}

/// What a start says that fails.
#[track_caller]
fn refused(mut command: Command) -> String {
    // A start that succeeds would run forever.
    let output = Command::new("timeout")
        .args(["30", "env"])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(command.get_current_dir().unwrap())
        .output();
    command.env_clear();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// A stopped installation with a certificate in it; its folder holds `data`.
fn stopped(arguments: &[&str]) -> (System, Value) {
    let mut system = System::up_with(arguments).unwrap();
    let made = system
        .cli_ok(&["cert", "create", "a.example.test", "-o", "json"])
        .unwrap();
    system.terminate().unwrap();
    (system, serde_json::from_str(&made).unwrap())
}

fn copy_of(system: &System) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    judge::run(
        "cp",
        &[
            "-a",
            judge::text(&system.ready().data_dir),
            judge::text(&dir.path().join("data")),
        ],
    );
    dir
}

fn remove(path: &Path) {
    match path.is_dir() {
        true => fs::remove_dir_all(path).unwrap(),
        false => fs::remove_file(path).unwrap(),
    }
}
