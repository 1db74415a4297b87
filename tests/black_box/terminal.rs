//! `gigvault up` as a person sees it: on a terminal, made by `script`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use testkit::process::is_alive;
use testkit::system::{ServerInfo, System, binary};

use crate::judge::Killed;

const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a terminal of 80 columns, once its banner is there.
struct Watched {
    script: Killed,
    keyboard: ChildStdin,
    ready: ServerInfo,
    screen: PathBuf,
}

impl Watched {
    fn up(dir: &Path, arguments: &str) -> Self {
        let (screen, ready_file) = (dir.join("screen"), dir.join("ready.json"));
        let _of_an_earlier_start = std::fs::remove_file(&ready_file);
        let ports = "--https-port 0 --mtls-port 0 --http-port 0 --grpc-port 0 --ldap-port 0 --metrics-port 0";
        let command = format!(
            "stty cols 80 rows 50; exec {} up {ports} --ready-file ready.json {arguments}",
            binary().unwrap().display()
        );
        let mut script: Child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .current_dir(dir)
            .env("SHELL", "/bin/sh")
            .env(testkit::system::ALLOW_UNSAFE, "true")
            .stdin(Stdio::piped())
            .stdout(File::create(&screen).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let keyboard = script.stdin.take().unwrap();
        let script = Killed(script);
        let shown = || std::fs::read_to_string(&screen).unwrap_or_default();
        eventually(|| shown().contains("Ctrl-C stops"), &shown);
        let ready = serde_json::from_slice(&std::fs::read(ready_file).unwrap()).unwrap();
        Self {
            script,
            keyboard,
            ready,
            screen,
        }
    }

    fn shown(&self) -> String {
        std::fs::read_to_string(&self.screen).unwrap().replace('\r', "")
    }

    /// Ctrl-C, and everything that was shown until the end.
    fn interrupted(mut self) -> String {
        self.keyboard.write_all(b"\x03").unwrap();
        eventually(|| !is_alive(self.ready.pid), &|| self.shown());
        self.script.0.wait().unwrap();
        self.shown()
    }
}

/// What a command shows on a terminal of 80 columns.
pub(crate) fn on_80_columns(system: &System, arguments: &[&str]) -> String {
    let command = format!(
        "stty cols 80 rows 50; exec {} {}",
        binary().unwrap().display(),
        arguments.join(" ")
    );
    let mut script = Command::new("script");
    for (name, value) in system.command().unwrap().get_envs() {
        script.env(name, value.unwrap_or_default());
    }
    let shown = script
        .args(["-qec", &command, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(shown.stdout).unwrap().replace('\r', "")
}

#[track_caller]
fn eventually(done: impl Fn() -> bool, shown: &dyn Fn() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{}", shown());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_start_shows_the_banner_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    for start in ["first", "second"] {
        let watched = Watched::up(dir.path(), "");
        let url = watched.ready.https.clone();
        let shown = watched.interrupted();
        let token = std::fs::read_to_string(dir.path().join("gigvault-data/admin.token")).unwrap();
        for part in [
            "GigVault is ready.",
            &url,
            "gigvault-data/admin.token",
            "gigvault-data/root.crt",
            "  gigvault cert create web.example.test",
        ] {
            assert!(shown.contains(part), "{start}: {part} is not in {shown}");
        }
        for part in ["INFO", "correlation_id", "export ", token.trim()] {
            assert!(!shown.contains(part), "{start}: {part:?} is in {shown}");
        }
        assert!(
            shown.trim_start().starts_with("GigVault is ready."),
            "{start}: {shown}"
        );
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    }
}

/// A call in this process is a step of its own work: it is an event for those who look for a fault, whatever its outcome.
#[test]
fn calls_of_a_process_to_itself_are_logged_for_those_who_look_for_a_fault() {
    for (filter, logged) in [("info", false), ("debug", true)] {
        let system = System::up_with(&["--log", filter]).unwrap();
        system.cli_ok(&["cert", "create", "a.example.test"]).unwrap();
        let log = system.log().unwrap();
        let calls: Vec<&str> = log.lines().filter(|line| line.contains("gRPC call")).collect();
        assert_eq!(!calls.is_empty(), logged, "{filter}: {calls:#?}");
        assert!(calls.iter().all(|line| line.contains("DEBUG")), "{calls:#?}");
        for code in ["Ok", "NotFound"].iter().filter(|_| logged) {
            assert!(calls.iter().any(|line| line.contains(code)), "{code}: {calls:#?}");
        }
    }
}

#[test]
fn events_are_shown_on_a_terminal_where_they_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("c.yaml"), "telemetry: {filter: info}\n").unwrap();
    std::fs::write(dir.path().join("format.yaml"), "telemetry: {format: pretty}\n").unwrap();
    for (arguments, events) in [
        ("-v", true),
        ("--log info", true),
        ("--config c.yaml", true),
        ("--config format.yaml", false),
        ("--log error", false),
    ] {
        let shown = Watched::up(dir.path(), arguments).interrupted();
        assert_eq!(shown.contains("INFO"), events, "{arguments}: {shown}");
    }
}

#[test]
fn the_banner_says_how_commands_find_a_server_whose_data_is_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let watched = Watched::up(dir.path(), "--data-dir state");
    let shown = watched.shown();
    let typed: Vec<&str> = shown
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("export ") || line.starts_with("gigvault "))
        .collect();
    assert_eq!(typed.len(), 4, "{shown}");
    let folder = binary().unwrap().parent().unwrap().display().to_string();
    let done = Command::new("sh")
        .args(["-ec", &typed.join("\n")])
        .current_dir(dir.path())
        .env("PATH", format!("{folder}:/usr/bin:/bin"))
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{typed:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(dir.path().join("web.example.test.crt").is_file());
    watched.interrupted();
}

#[test]
fn a_server_whose_terminal_is_closed_stops() {
    let dir = tempfile::tempdir().unwrap();
    let watched = Watched::up(dir.path(), "");
    let pid = watched.ready.pid;
    assert!(is_alive(pid));
    drop(watched.script);
    eventually(|| !is_alive(pid), &|| format!("process {pid} still runs"));
}
