//! The backup that the guide describes, and what a restore of it goes on with.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::system::{FREE_PORTS, System, binary};

use crate::rest::Rest;
use crate::{csr, judge};

/// Reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// The commands of the guide that copy the databases of a running server, as they are there.
fn commands() -> String {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/operating.md");
    let guide = fs::read_to_string(guide).unwrap();
    let mut blocks = guide
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let block = blocks.find(|block| block.contains("mkdir -m 700 backup"));
    block.expect("the guide has the commands of a backup").to_owned()
}

/// Runs them beside the data directory, and answers where the backup is.
fn back_up(system: &System) -> PathBuf {
    let beside = system.dir().join("gigvault-data");
    if !beside.exists() {
        std::os::unix::fs::symlink(&system.ready().data_dir, &beside).unwrap();
    }
    let mut shell = Command::new("sh");
    let output = shell
        .args(["-euc", &commands()])
        .current_dir(system.dir())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    system.dir().join("backup")
}

/// Puts the databases of the backup where the server has its own, which has stopped; without those of `lost`.
fn restore(system: &System, backup: &Path, lost: &[&str]) {
    let databases = system.ready().data_dir.join("db");
    for old in fs::read_dir(&databases).unwrap() {
        let old = old.unwrap();
        fs::remove_file(old.path()).unwrap();
        let name = old.file_name().into_string().unwrap();
        let Some(service) = name.strip_suffix(".db") else {
            continue;
        };
        assert!(backup.join(&name).exists(), "the backup has no {name}");
        if !lost.contains(&service) {
            fs::copy(backup.join(&name), old.path()).unwrap();
            fs::set_permissions(old.path(), fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

fn gigvault(system: &System, arguments: &[&str]) -> Output {
    Command::new("timeout")
        .arg("30")
        .arg(binary().unwrap())
        .args(arguments)
        .args(["--data-dir", "data"])
        .current_dir(system.dir())
        .env(testkit::system::ALLOW_UNSAFE, "true")
        .output()
        .unwrap()
}

/// Answers what was told of it.
fn accept(system: &System) -> String {
    let accepted = gigvault(system, &["bootstrap", "--accept-restored", "-o", "table"]);
    let said = String::from_utf8_lossy(&accepted.stderr);
    assert!(accepted.status.success(), "{said}");
    String::from_utf8_lossy(&accepted.stdout).into_owned()
}

/// What openssl says of the list at that path.
fn list(system: &System, path: &str) -> String {
    let file = system.dir().join("list.der");
    let url = format!("{}{path}", system.ready().http);
    judge::run("curl", &["-sSf", "-o", judge::text(&file), &url]);
    judge::run(
        "openssl",
        &[
            "crl",
            "-inform",
            "DER",
            "-in",
            judge::text(&file),
            "-noout",
            "-text",
        ],
    )
}

fn number(system: &System) -> u64 {
    number_of(system, "/crl/issuing.crl")
}

fn number_of(system: &System, path: &str) -> u64 {
    let said = list(system, path);
    let mut lines = said
        .lines()
        .skip_while(|line| !line.contains("X509v3 CRL Number"));
    let number = lines.nth(1).unwrap().trim();
    let hex = number.strip_prefix("0x");
    hex.map_or_else(|| number.parse(), |hex| u64::from_str_radix(hex, 16))
        .unwrap()
}

async fn revoked(system: &System) -> String {
    let rest = Rest::of(system);
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    let serial = rest.issue(&body).await["serial"].as_str().unwrap().to_owned();
    rest.revoke(&serial, "superseded").await;
    let begun = Instant::now();
    while !list(system, "/crl/issuing.crl").to_lowercase().contains(&serial) {
        assert!(begun.elapsed() < PATIENCE, "no list has {serial}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    serial
}

#[tokio::test]
async fn a_backup_by_the_commands_of_the_guide_is_accepted_and_crl_numbers_go_on_above_those_that_were_out() {
    let mut system = System::up().unwrap();
    let kept = revoked(&system).await;
    let backup = back_up(&system);
    let mut lost = String::new();
    for _ in 0..3 {
        lost = revoked(&system).await;
    }
    let before = number(&system);
    system.terminate().unwrap();
    restore(&system, &backup, &[]);
    let refused = gigvault(&system, &[&["up"][..], &FREE_PORTS].concat());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("CRL numbers go on above all"), "{said}");
    accept(&system);
    system.restart().unwrap();
    let after = number(&system);
    assert!(after > before, "{after} is not above {before}");
    let listed = list(&system, "/crl/issuing.crl").to_lowercase();
    assert!(listed.contains(&kept) && !listed.contains(&lost), "{listed}");
    revoked(&system).await;
    assert!(number(&system) > after);
}

#[tokio::test]
async fn databases_of_ocsp_and_crl_that_are_lost_are_made_again_where_that_is_accepted() {
    let mut system = System::up().unwrap();
    let serial = revoked(&system).await;
    let before = number(&system);
    let backup = back_up(&system);
    system.terminate().unwrap();
    restore(&system, &backup, &["ocsp", "crl"]);
    let refused = gigvault(&system, &[&["up"][..], &FREE_PORTS].concat());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("crl.db") && said.contains("--accept-restored"),
        "{said}"
    );
    let accepted = accept(&system);
    assert!(accepted.contains("crl: made again"), "{accepted}");
    system.restart().unwrap();
    assert!(
        number(&system) > before,
        "{} is not above {before}",
        number(&system)
    );
    assert!(list(&system, "/crl/issuing.crl").to_lowercase().contains(&serial));
    let data = system.ready().data_dir.clone();
    let (root, issuer) = (data.join("root.crt"), data.join("ca.crt"));
    let url = format!("{}/ocsp", system.ready().http);
    let said = judge::run(
        "openssl",
        &[
            "ocsp",
            "-CAfile",
            judge::text(&root),
            "-issuer",
            judge::text(&issuer),
            "-verify_other",
            judge::text(&issuer),
            "-serial",
            &format!("0x{serial}"),
            "-url",
            &url,
        ],
    );
    assert!(said.contains(": revoked"), "{said}");
    // Again, while nothing but the databases says how often.
    let before = number(&system);
    system.terminate().unwrap();
    fs::remove_file(data.join("high-water")).unwrap();
    fs::remove_file(data.join("db/crl.db")).unwrap();
    accept(&system);
    system.restart().unwrap();
    assert!(
        number(&system) > before,
        "{} is not above {before}",
        number(&system)
    );
}

#[tokio::test]
async fn revocations_that_the_database_of_crl_alone_has_are_not_given_up_without_a_word() {
    let mut system = System::up().unwrap();
    let backup = back_up(&system);
    let lost = revoked(&system).await;
    system.terminate().unwrap();
    let databases = system.ready().data_dir.join("db");
    fs::copy(backup.join("ca.db"), databases.join("ca.db")).unwrap();
    accept(&system);
    system.restart().unwrap();
    assert!(list(&system, "/crl/issuing.crl").to_lowercase().contains(&lost));

    // A backup that is made now has them, and is restored as any other.
    fs::remove_dir_all(&backup).unwrap();
    let later = back_up(&system);
    revoked(&system).await;
    system.terminate().unwrap();
    for name in ["ca.db", "crl.db"] {
        fs::copy(later.join(name), databases.join(name)).unwrap();
    }
    accept(&system);
    system.restart().unwrap();
    assert!(list(&system, "/crl/issuing.crl").to_lowercase().contains(&lost));

    system.terminate().unwrap();
    fs::rename(databases.join("crl.db"), databases.join("kept")).unwrap();
    let refused = gigvault(&system, &["bootstrap", "--accept-restored"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("crl.db") && said.contains("--accept-lost-revocations"),
        "{said}"
    );
    fs::rename(databases.join("kept"), databases.join("crl.db")).unwrap();
    system.restart().unwrap();
    assert!(list(&system, "/crl/issuing.crl").to_lowercase().contains(&lost));

    system.terminate().unwrap();
    fs::remove_file(databases.join("crl.db")).unwrap();
    let arguments = ["bootstrap", "--accept-restored", "--accept-lost-revocations"];
    let accepted = gigvault(&system, &arguments);
    let said = String::from_utf8_lossy(&accepted.stderr);
    assert!(accepted.status.success(), "{said}");
    system.restart().unwrap();
    assert!(!list(&system, "/crl/issuing.crl").to_lowercase().contains(&lost));
}

#[tokio::test]
async fn no_other_database_is_made_again() {
    let mut system = System::up().unwrap();
    system.terminate().unwrap();
    let data = system.ready().data_dir.clone();
    for service in ["ca", "keymgr", "auth"] {
        let (file, kept) = (data.join(format!("db/{service}.db")), data.join("kept.db"));
        fs::rename(&file, &kept).unwrap();
        let refused = gigvault(&system, &["bootstrap", "--accept-restored"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(
            said.contains("missing or empty") && !said.contains("made again"),
            "{said}"
        );
        fs::rename(&kept, &file).unwrap();
    }
    system.restart().unwrap();
}

#[tokio::test]
async fn the_root_of_an_older_backup_goes_on_above_the_crl_numbers_that_were_out() {
    let mut system = System::up().unwrap();
    assert_eq!(number_of(&system, "/crl/root.crl"), 1);
    system.terminate().unwrap();
    let root = system.ready().data_dir.join("keys/root");
    fs::remove_file(root.join("root.crl")).unwrap();
    fs::write(root.join("crl-number"), "0\n").unwrap();
    let refused = gigvault(&system, &[&["up"][..], &FREE_PORTS].concat());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("keys/root is older") && said.contains("--accept-restored"),
        "{said}"
    );
    for restores in 1..=2_u64 {
        accept(&system);
        system.restart().unwrap();
        assert_eq!(number_of(&system, "/crl/root.crl"), (restores << 32) + 1);
        system.terminate().unwrap();
        // The same backup once more.
        fs::remove_file(root.join("root.crl")).unwrap();
        fs::write(root.join("crl-number"), "0\n").unwrap();
    }
}
