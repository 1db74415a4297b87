//! A certificate is issued and its answer does not arrive: its owner gets it all the same, and keeps the key.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::rest::Rest;
use crate::{csr, judge};

/// A way to the server on which answers get lost: as soon as a certificate is there that was asked for, what the server
/// says next does not pass, and the connection ends.
struct Lossy {
    port: u16,
    /// Answers that were lost.
    lost: Arc<AtomicUsize>,
}

impl Lossy {
    /// `losses` answers get lost, then all pass. `is_issued` tells whether the certificate is there.
    fn before(system: &System, losses: usize, is_issued: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (_, server) = system.ready().https.rsplit_once(':').unwrap();
        let server: u16 = server.parse().unwrap();
        let (is_issued, lost) = (Arc::new(is_issued), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&lost);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || copy(from, to, || true));
                let (is_issued, lost) = (Arc::clone(&is_issued), Arc::clone(&counted));
                std::thread::spawn(move || {
                    copy(server, client, || {
                        let loses = lost.load(Ordering::SeqCst) < losses && is_issued();
                        lost.fetch_add(usize::from(loses), Ordering::SeqCst);
                        !loses
                    });
                });
            }
        });
        Self { port, lost }
    }

    fn url(&self, system: &System) -> String {
        let (host, _) = system.ready().https.rsplit_once(':').unwrap();
        format!("{host}:{}", self.port)
    }

    fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }
}

/// Passes on what comes until it ends or may not pass; then both ends are closed.
fn copy(mut from: TcpStream, mut to: TcpStream, may_pass: impl Fn() -> bool) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = match from.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(read) if read > 0 && may_pass() => read,
            _ => break,
        };
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    for end in [&from, &to] {
        let _closed_before = end.shutdown(Shutdown::Both);
    }
}

/// What `cert list` finds, asked of the server itself.
fn found(system: &System, filter: [&str; 2]) -> Vec<Value> {
    let list = system
        .cli_ok(&["cert", "list", filter[0], filter[1], "-o", "json"])
        .unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    list["items"].as_array().unwrap().clone()
}

/// Whether more than this many certificates for that name are there, as a question for [`Lossy`].
fn issued_for(
    system: &System,
    name: &'static str,
    before: usize,
) -> impl Fn() -> bool + Send + Sync + 'static {
    let root = system.ready().data_dir.join("root.crt");
    let (url, token) = (system.ready().https.clone(), system.token().unwrap());
    move || {
        let bearer = format!("Authorization: Bearer {token}");
        let url = format!("{url}/api/v1/certificates?san=dns:{name}");
        let list = judge::run(
            "curl",
            &["-sS", "--cacert", judge::text(&root), "-H", &bearer, &url],
        );
        let list: Value = serde_json::from_str(&list).unwrap();
        list["items"].as_array().unwrap().len() > before
    }
}

fn public_key(key: &Path) -> String {
    judge::run("openssl", &["pkey", "-in", judge::text(key), "-pubout"])
}

fn certified_key(certificate: &Path) -> String {
    judge::run(
        "openssl",
        &["x509", "-in", judge::text(certificate), "-noout", "-pubkey"],
    )
}

/// Files that the command left under another name than their own.
fn leftovers(dir: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    names
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with(".gigvault-") || name.contains(".kept-")
        })
        .collect()
}

/// The words that a shell makes of what the command says to add when it is run again.
fn advised(said: &str, dir: &Path) -> Vec<String> {
    let advice = said.split_once("run this command again with ").expect(said).1;
    let advice = advice.split('`').nth(1).expect(said);
    let script = format!("printf '%s\\n' {advice}");
    let shell = Command::new("sh").args(["-c", &script]).current_dir(dir).output();
    let shell = shell.unwrap();
    assert!(shell.status.success(), "{script}");
    let words = String::from_utf8(shell.stdout).unwrap();
    words.lines().map(str::to_owned).collect()
}

#[test]
fn a_command_whose_answer_is_lost_asks_again_and_gets_the_same_certificate() {
    let system = System::up().unwrap();
    let way = Lossy::before(&system, 2, issued_for(&system, "web.example.test", 0));
    let done = system
        .command()
        .unwrap()
        .args(["cert", "create", "web.example.test"])
        .env("GIGVAULT_URL", way.url(&system))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert_eq!(way.lost(), 2, "the test lost no answer");
    assert_eq!(found(&system, ["--san", "dns:web.example.test"]).len(), 1);
    let file = |end: &str| system.dir().join(format!("web.example.test.{end}"));
    assert_eq!(public_key(&file("key")), certified_key(&file("crt")));
    assert_eq!(leftovers(system.dir()), Vec::<PathBuf>::new());
}

#[test]
fn a_key_is_kept_while_nobody_knows_whether_its_certificate_was_issued() {
    let system = System::up().unwrap();
    let way = Lossy::before(&system, usize::MAX, issued_for(&system, "web.example.test", 0));
    let failed = system
        .command()
        .unwrap()
        .args(["cert", "create", "web.example.test"])
        .env("GIGVAULT_URL", way.url(&system))
        .output()
        .unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    let kept = leftovers(system.dir());
    let [key] = kept.as_slice() else {
        panic!("{kept:?}: {said}")
    };
    assert!(
        said.contains(key.file_name().unwrap().to_str().unwrap()),
        "{said}"
    );
    let name = key.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("web.example.test.key.kept-"), "{name}");
    assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);

    // What it says to do works.
    let spki = said.split_once("--spki-sha256 ").unwrap().1;
    let spki = spki.split_once('`').unwrap().0;
    let certificates = found(&system, ["--spki-sha256", spki]);
    assert_eq!(certificates.len(), 1, "{certificates:?}");
    let serial = certificates[0]["serial"].as_str().unwrap();
    system
        .cli_ok(&["cert", "download", serial, "--chain", "--out", "web.crt"])
        .unwrap();
    assert_eq!(public_key(key), certified_key(&system.dir().join("web.crt")));
    // So does the other way on: the key serves for a certificate that is asked for again.
    let key = key.to_str().unwrap();
    system
        .cli_ok(&["cert", "create", "web.example.test", "--key", key])
        .unwrap();
    assert_eq!(found(&system, ["--spki-sha256", spki]).len(), 2);
}

#[test]
fn a_key_that_was_kept_in_the_data_directory_outlives_the_next_start() {
    let mut system = System::up().unwrap();
    let data = system.ready().data_dir.clone();
    let way = Lossy::before(&system, usize::MAX, issued_for(&system, "web.example.test", 0));
    let failed = system
        .command()
        .unwrap()
        .args(["cert", "create", "web.example.test", "--out"])
        .arg(&data)
        .env("GIGVAULT_URL", way.url(&system))
        .output()
        .unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    let words = advised(&said, system.dir());
    let [option, key] = words.as_slice() else {
        panic!("{words:?}: {said}")
    };
    assert_eq!(option, "--key");
    let before = public_key(Path::new(key));
    system.restart().unwrap();
    assert_eq!(public_key(Path::new(key)), before);
}

#[test]
fn the_key_that_was_kept_in_a_folder_of_any_name_is_named_as_a_shell_reads_it() {
    let system = System::up().unwrap();
    let folder = system.dir().join("my $(touch pwned) keys");
    let way = Lossy::before(&system, usize::MAX, issued_for(&system, "web.example.test", 0));
    let failed = system
        .command()
        .unwrap()
        .args(["cert", "create", "web.example.test", "--out"])
        .arg(&folder)
        .env("GIGVAULT_URL", way.url(&system))
        .output()
        .unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    let words = advised(&said, system.dir());
    assert!(!system.dir().join("pwned").exists(), "{said}");
    let kept = leftovers(&folder);
    assert_eq!(words, ["--key", judge::text(&kept[0])], "{said}");
    // The command that it said to run again.
    let again: Vec<&str> = ["cert", "create", "web.example.test"]
        .into_iter()
        .chain(words.iter().map(String::as_str))
        .collect();
    system.cli_ok(&again).unwrap();
    let certificate = system.dir().join("web.example.test.crt");
    assert_eq!(public_key(&kept[0]), certified_key(&certificate));
}

#[test]
fn the_key_of_a_pkcs12_file_is_kept_with_what_opens_it() {
    let system = System::up().unwrap();
    let phrase = system.dir().join("my phrase");
    fs::write(&phrase, "five random words are best\n").unwrap();
    fs::set_permissions(&phrase, fs::Permissions::from_mode(0o600)).unwrap();
    let way = Lossy::before(&system, usize::MAX, issued_for(&system, "web.example.test", 0));
    let create = ["cert", "create", "web.example.test", "--format", "pkcs12"];
    let failed = system
        .command()
        .unwrap()
        .args(create)
        .args(["--out-passphrase-file", "my phrase"])
        .env("GIGVAULT_URL", way.url(&system))
        .output()
        .unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    let words = advised(&said, system.dir());
    let kept = leftovers(system.dir());
    let name = kept[0].file_name().unwrap().to_str().unwrap();
    let key = format!("./{name}");
    assert_eq!(words, ["--key", &key, "--key-passphrase-file", "my phrase"]);
    // What was issued is written as it was wanted, by the command that is named.
    let spki = said.split_once("--spki-sha256 ").unwrap().1;
    let spki = spki.split_once('`').unwrap().0;
    let issued = found(&system, ["--spki-sha256", spki]);
    let download = said
        .split('`')
        .find(|part| part.contains("cert download"))
        .unwrap();
    let download = download.replacen("gigvault", judge::text(&testkit::system::binary().unwrap()), 1);
    let download = download.replace("SERIAL", issued[0]["serial"].as_str().unwrap());
    let like = system.command().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &download]).current_dir(system.dir());
    shell.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let done = shell.output().unwrap();
    assert!(done.status.success(), "{download}: {done:?}");
    assert!(system.dir().join("web.example.test.p12").is_file());
    // And the command itself runs again, as it was said.
    let again: Vec<&str> = create
        .into_iter()
        .chain(["--out-passphrase-file", "my phrase", "--force"])
        .chain(words.iter().map(String::as_str))
        .collect();
    system.cli_ok(&again).unwrap();
}

#[test]
fn a_renewal_with_a_new_key_loses_no_key_either() {
    let system = System::up().unwrap();
    system.cli_ok(&["cert", "create", "web.example.test"]).unwrap();
    let old = found(&system, ["--san", "dns:web.example.test"]);
    let serial = old[0]["serial"].as_str().unwrap();
    let way = Lossy::before(&system, usize::MAX, issued_for(&system, "web.example.test", 1));
    let failed = system
        .command()
        .unwrap()
        .args(["cert", "renew", serial, "--new-key", "--force"])
        .env("GIGVAULT_URL", way.url(&system))
        .output()
        .unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(1), "{said}");
    let kept = leftovers(system.dir());
    assert_eq!(kept.len(), 1, "{said}");
    let spki = said.split_once("--spki-sha256 ").unwrap().1;
    let spki = spki.split_once('`').unwrap().0;
    let renewed = found(&system, ["--spki-sha256", spki]);
    assert_eq!(renewed.len(), 1, "{said}");
    assert_eq!(renewed[0]["replaces"], serial);
}

#[test]
fn a_key_whose_certificate_was_refused_leaves_nothing_behind() {
    let system = System::up().unwrap();
    let refused = system
        .cli(&[
            "cert",
            "create",
            "web.example.test",
            "--profile",
            "no-such-profile",
        ])
        .unwrap();
    assert!(!refused.status.success());
    assert_eq!(leftovers(system.dir()), Vec::<PathBuf>::new());
    // Nothing was sent: nothing can have been issued.
    let unreachable = system
        .command()
        .unwrap()
        .args(["cert", "create", "web.example.test"])
        .env("GIGVAULT_URL", "https://localhost:1")
        .output()
        .unwrap();
    assert!(!unreachable.status.success());
    assert_eq!(leftovers(system.dir()), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_repeats_with_its_idempotency_key_gets_what_was_lost() {
    let system = System::up().unwrap();
    let way = Lossy::before(&system, 1, issued_for(&system, "api.example.test", 0));
    let rest = Rest::of(&system);
    let body = json!({"csr": csr::p256("api.example.test"), "profile": "tls-server"});
    let ask = |base: &str| {
        let request = rest.http.post(format!("{base}/api/v1/certificates"));
        let request = request.header("idempotency-key", "order-7");
        request.bearer_auth(&rest.token).json(&body).send()
    };
    let lost = ask(&way.url(&system)).await.unwrap_err();
    assert!(!lost.is_connect(), "{lost}");
    assert_eq!(way.lost(), 1);
    let again = ask(&way.url(&system)).await.unwrap();
    assert_eq!(again.status(), StatusCode::CREATED);
    let again: Value = again.json().await.unwrap();
    let known = found(&system, ["--san", "dns:api.example.test"]);
    assert_eq!(known.len(), 1);
    assert_eq!(known[0]["serial"], again["serial"]);
}
