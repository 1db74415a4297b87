//! `--ready-file`: replaced at each start, and no other file of that name.

use std::path::Path;
use std::process::{Command, Output};

use testkit::system::{FREE_PORTS, System, binary};

fn up(dir: &Path, ready_file: &str) -> Output {
    Command::new("timeout")
        .arg("30")
        .arg(binary().unwrap())
        .arg("up")
        .args(FREE_PORTS)
        .args(["--data-dir", "new", "--ready-file", ready_file])
        .env(testkit::system::ALLOW_UNSAFE, "true")
        .current_dir(dir)
        .output()
        .unwrap()
}

#[test]
fn a_file_that_is_not_a_ready_file_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("notes.txt", "mine"),
        ("other.json", "{\"https\": \"https://a.example.test\"}"),
        ("list.json", "[]"),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let output = up(dir.path(), name);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("--ready-file") && said.contains(name), "{said}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        assert!(!dir.path().join("new").exists(), "nothing was made");
    }
    std::os::unix::fs::symlink("notes.txt", dir.path().join("link")).unwrap();
    let said = String::from_utf8(up(dir.path(), "link").stderr).unwrap();
    assert!(said.contains("symbolic link"), "{said}");
}

#[test]
fn the_ready_file_of_an_earlier_start_and_an_empty_file_are_replaced() {
    let mut system = System::up().unwrap();
    system.terminate().unwrap();
    let path = system.dir().join("again.json");
    for content in [
        std::fs::read(system.dir().join("ready.json")).unwrap(),
        Vec::new(),
    ] {
        std::fs::write(&path, &content).unwrap();
        let mut child = Command::new(binary().unwrap())
            .arg("up")
            .args(FREE_PORTS)
            .args(["--data-dir", "data", "--ready-file", "again.json"])
            .env(testkit::system::ALLOW_UNSAFE, "true")
            .current_dir(system.dir())
            .spawn()
            .unwrap();
        let pid = format!("\"pid\": {}", child.id());
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !std::fs::read_to_string(&path).unwrap().contains(&pid) {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            assert!(std::time::Instant::now() < deadline);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        testkit::system::terminate(&mut child).unwrap();
    }
}
