//! What a process shows of itself: no memory, and a clock that is shifted.

use std::process::{Command, Stdio};

use serde_json::Value;
use testkit::system::{FREE_PORTS, System, binary, spawn, terminate};

use crate::judge;

#[test]
fn a_server_leaves_no_core_dump() {
    let system = System::up().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", system.ready().pid)).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let numbers: Vec<&str> = core
        .split_whitespace()
        .filter(|word| word.parse::<u64>().is_ok())
        .collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
    // A process that is not dumpable belongs to root in /proc; as root the kernel's flag is read where it is shown.
    let status = std::fs::read_to_string(format!("/proc/{}/status", system.ready().pid)).unwrap();
    if let Some(flags) = status.lines().find_map(|line| line.strip_prefix("CoreDumping:")) {
        assert_eq!(flags.trim(), "0");
    }
}

#[test]
fn a_shifted_clock_is_said_in_log_status_and_doctor() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary().unwrap());
    command
        .arg("up")
        .args(FREE_PORTS)
        .arg("--data-dir")
        .arg(dir.path().join("gigvault-data"))
        .env("GIGVAULT_CLOCK_OFFSET", "+30d");
    let (mut child, ready) = spawn(command, dir.path()).unwrap();
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(
        log.contains("GIGVAULT_CLOCK_OFFSET") && log.contains("2592000"),
        "{log}"
    );
    let token = std::fs::read_to_string(dir.path().join("gigvault-data/admin.token")).unwrap();
    let root = dir.path().join("gigvault-data/root.crt");
    let bearer = format!("Authorization: Bearer {}", token.trim());
    let url = format!("{}/api/v1/status", ready.https);
    // The certificate starts in 30 days.
    let status = judge::run(
        "curl",
        &["-sSk", "--cacert", judge::text(&root), "-H", &bearer, &url],
    );
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["clock_offset_seconds"], 30 * 86400);
    terminate(&mut child).unwrap();

    let system = System::up().unwrap();
    let shifted = system
        .command()
        .unwrap()
        .args(["doctor", "-o", "json"])
        .env("GIGVAULT_CLOCK_OFFSET", "+1h")
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(shifted.stdout).unwrap();
    assert!(
        said.contains("GIGVAULT_CLOCK_OFFSET shifts this machine's clock by 3600 s"),
        "{said}"
    );
    let plain = system.cli_ok(&["doctor", "-o", "json"]).unwrap();
    assert!(!plain.contains("GIGVAULT_CLOCK_OFFSET"), "{plain}");
}
