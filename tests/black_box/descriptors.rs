//! A process that may open few files.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use testkit::hostile::{Abuse, Attack, targets};
use testkit::system::{FREE_PORTS, ServerInfo, System, binary, spawn};

use crate::judge::{self, Killed};
use crate::procfs::cpu_time;

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// Changes the limits of a running process.
fn limit(pid: u32, soft: usize) {
    let limit = format!("--nofile={soft}:");
    judge::run("prlimit", &["--pid", &pid.to_string(), &limit]);
}

/// The status of a health check.
fn health(ready: &ServerInfo) -> String {
    let url = format!("{}/healthz", ready.http);
    judge::run(
        "curl",
        &[
            "-sS",
            "--max-time",
            "20",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            &url,
        ],
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_free_descriptors_it_waits_and_goes_on_when_there_are_some() {
    let system = System::up().unwrap();
    let pid = system.ready().pid;
    // Fewer than are open.
    limit(pid, 8);
    let found = targets(system.dir(), None).unwrap();
    let attacks: Vec<_> = found
        .iter()
        .map(|target| Attack::with(target, Abuse::Connections, ELSEWHERE, 20))
        .collect();
    for attack in &attacks {
        // The kernel takes them; the process cannot.
        attack.stands(20).await.unwrap();
    }
    let complaints = || {
        let log = std::fs::read_to_string(system.dir().join("log")).unwrap();
        log.matches("a connection could not be accepted").count()
    };
    for _ in 0..100 {
        if complaints() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let before = complaints();
    assert!(before > 0, "it does not say so");
    let (begun, used) = (Instant::now(), cpu_time(pid));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let used = cpu_time(pid) - used;
    assert!(
        used.as_secs_f64() / begun.elapsed().as_secs_f64() < 0.2,
        "it spins: {used:?} in {:?}",
        begun.elapsed()
    );
    let more = complaints() - before;
    assert!(more < 4 * 5, "{more} lines");
    drop(attacks);
    limit(pid, 1024);
    assert_eq!(health(system.ready()), "200");
}

/// A server in `dir` under a soft and a hard limit.
fn limited(dir: &Path, soft: usize, hard: usize) -> (Killed, ServerInfo) {
    let mut command = Command::new("prlimit");
    command
        .arg(format!("--nofile={soft}:{hard}"))
        .arg(binary().unwrap());
    command
        .arg("up")
        .args(FREE_PORTS)
        .arg("--data-dir")
        .arg(dir.join("data"));
    let (child, ready) = spawn(command, dir).unwrap();
    (Killed(child), ready)
}

/// Many systems give a program 1024 of which it may take many more.
#[test]
fn it_takes_as_many_descriptors_as_it_may_have() {
    let dir = tempfile::tempdir().unwrap();
    let (_killed, ready) = limited(dir.path(), 128, 3000);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", ready.pid)).unwrap();
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let files: Vec<_> = files.unwrap().split_whitespace().collect();
    assert_eq!(files, ["3000", "3000", "files"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_up_to_the_limit_leave_descriptors_for_the_databases() {
    let dir = tempfile::tempdir().unwrap();
    let (_killed, ready) = limited(dir.path(), 256, 256);
    let mut attacks = Vec::new();
    for target in targets(dir.path(), None).unwrap() {
        // Half of a listener's connections each.
        for last in 1..=2 {
            let from = Ipv4Addr::new(127, 0, 3, last);
            let attack = Attack::with(&target, Abuse::Connections, from, 60);
            attack.stands(60).await.unwrap();
            attacks.push(attack);
        }
    }
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(!log.contains("could not be accepted"), "{log}");
    drop(attacks);
    assert_eq!(health(&ready), "200");
}
