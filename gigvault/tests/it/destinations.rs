//! Where new files are to go is looked at before anything is asked of the server, and before a key is replaced;
//! and so is the passphrase that they are to have.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::harness::{Desk, Ran, Server, certificate, openssl, text};

/// What else than a regular file can have a name.
const KINDS: [&str; 4] = ["link", "dangling link", "directory", "socket"];
const PHRASE: &str = "five random words are best";

fn put(kind: &str, path: &Path) {
    match kind {
        "link" => {
            let target = path.with_file_name("target");
            std::fs::write(&target, "theirs").unwrap();
            symlink("target", path).unwrap();
        }
        "dangling link" => symlink("nowhere", path).unwrap(),
        "directory" => std::fs::create_dir(path).unwrap(),
        _ => drop(UnixListener::bind(path).unwrap()),
    }
}

fn ask(desk: &Desk, server: &Server, arguments: &[&str]) -> Ran {
    let mut command = desk.command(arguments);
    command
        .env("GIGVAULT_URL", &server.url)
        .env("GIGVAULT_TOKEN", "gv_sesame");
    command.env("GIGVAULT_OUT_PASSPHRASE", PHRASE);
    Ran::of(command.output().unwrap())
}

/// The old certificate of `a.test`, as the server answers it.
pub(crate) fn old() -> String {
    let desk = Desk::new();
    let crt = desk.path("old.crt");
    let make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a.test -keyout /dev/null -out";
    openssl(&[&make.split(' ').collect::<Vec<_>>()[..], &[text(&crt)]].concat());
    let mut old = certificate("00ab", &["dns:a.test"]);
    old["certificate"] = desk.read("old.crt").into();
    old.to_string()
}

#[test]
fn a_destination_that_is_no_file_stops_every_command_before_anything_is_issued() {
    let issued = certificate("00cd", &["dns:a.test"]).to_string();
    let old = old();
    let cases: [(&[&str], &[&str]); 5] = [
        (&["cert", "create", "a.test"], &["key", "crt", "chain.pem"]),
        (&["cert", "create", "a.test", "--format", "pkcs12"], &["p12"]),
        (
            &["cert", "renew", "00ab", "--new-key"],
            &["key", "crt", "chain.pem"],
        ),
        (
            &["cert", "renew", "00ab", "--new-key", "--format", "pkcs12"],
            &["p12"],
        ),
        (&["csr", "submit", "a.test.csr"], &["crt", "chain.pem"]),
    ];
    for (command, suffixes) in cases {
        for suffix in suffixes {
            for kind in KINDS {
                for force in [&[][..], &["--force"]] {
                    let desk = Desk::new();
                    desk.run(&["csr", "create", "a.test"]).ok();
                    if *suffix == "key" {
                        std::fs::remove_file(desk.path("a.test.key")).unwrap();
                    }
                    let name = format!("a.test.{suffix}");
                    put(kind, &desk.path(&name));
                    let (files, key) = (desk.files(), std::fs::read(desk.path("a.test.key")).ok());
                    let script = match command[1] {
                        "renew" => vec![(200, old.as_str()), (201, issued.as_str())],
                        _ => vec![(201, issued.as_str())],
                    };
                    let server = Server::answering(&script);
                    let said = ask(&desk, &server, &[command, force].concat()).failed(1);
                    let what = format!("{command:?} {force:?} with a {kind} as {name}: {said}");
                    let posted = server.asked().iter().any(|asked| asked.starts_with("POST"));
                    assert!(!posted && said.contains("nothing was done"), "{what}");
                    assert_eq!(desk.files(), files, "{what}");
                    assert_eq!(std::fs::read(desk.path("a.test.key")).ok(), key, "{what}");
                    match kind {
                        "link" => assert!(said.contains("link to target"), "{what}"),
                        "dangling link" => assert!(said.contains("link to nowhere"), "{what}"),
                        _ => assert!(said.contains(&format!("is a {kind}")), "{what}"),
                    }
                }
            }
        }
    }
}

#[test]
fn a_csr_that_cannot_be_written_leaves_the_older_key() {
    for kind in KINDS {
        let desk = Desk::new();
        desk.write("a.test.key", "precious");
        put(kind, &desk.path("a.test.csr"));
        let said = desk.run(&["csr", "create", "a.test", "--force"]).failed(1);
        assert!(said.contains("a.test.csr"), "{said}");
        assert_eq!(desk.read("a.test.key"), "precious", "{kind}");
    }
}

#[test]
fn what_a_command_reads_is_not_what_it_overwrites() {
    let server = Server::answering(&[]);
    let desk = Desk::new();
    for (command, file) in [
        (&["cert", "create", "a.test", "--key"][..], "a.test.crt"),
        (&["cert", "create", "a.test", "--key"], "./a.test.chain.pem"),
        (&["csr", "create", "a.test", "--key"], "a.test.csr"),
        (&["csr", "submit"], "a.test.crt"),
    ] {
        let content = match command[1] {
            "submit" => {
                desk.run(&["csr", "create", "b.test"]).ok();
                desk.read("b.test.csr")
            }
            _ => openssl(&["genpkey", "-algorithm", "ED25519"]),
        };
        desk.write(file, &content);
        let said = desk
            .ask(&server, &[command, &[file, "--force"]].concat())
            .failed(1);
        assert!(said.contains("is the file that is read"), "{said}");
        assert_eq!(desk.read(file), content);
        std::fs::remove_file(desk.path(file)).unwrap();
    }
    assert!(server.asked().is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_in_stops_the_request() {
    let issued = certificate("00cd", &["dns:a.test"]).to_string();
    let (desk, server) = (Desk::new(), Server::answering(&[(201, &issued)]));
    desk.run(&["csr", "create", "a.test"]).ok();
    // No user, root included, can make files there.
    let said = desk
        .ask(&server, &["csr", "submit", "a.test.csr", "--out", "/proc"])
        .failed(1);
    assert!(said.contains("/proc"), "{said}");
    assert!(server.asked().is_empty());
}

#[test]
fn a_download_overwrites_nothing_unasked_and_never_the_key_that_it_reads() {
    let issued = certificate("00ab", &["dns:a.test"]).to_string();
    let server = Server::answering(&[(200, &issued)]);
    let desk = Desk::new();
    let key = openssl(&["genpkey", "-algorithm", "ED25519"]);
    desk.write("a.test.key", &key);
    let download = ["cert", "download", "00ab", "--out", "a.test.key"];
    let said = desk.ask(&server, &download).failed(1);
    assert!(
        said.contains("a.test.key is there already") && said.contains("--force"),
        "{said}"
    );
    for (own, format) in [
        ("a.test.key", "pkcs12"),
        ("./a.test.key", "pkcs12"),
        ("a.test.key", "pem"),
    ] {
        let more = ["--force", "--key", own, "--format", format];
        let said = ask(&desk, &server, &[&download[..], &more].concat()).failed(1);
        assert!(said.contains("is the file that is read"), "{said}");
    }
    for kind in KINDS {
        let place = desk.path("place");
        put(kind, &place);
        let said = desk
            .ask(
                &server,
                &["cert", "download", "00ab", "--force", "--out", "place"],
            )
            .failed(1);
        assert!(said.contains("nothing was done"), "{said}");
        let _removed = std::fs::remove_file(&place).or_else(|_| std::fs::remove_dir(&place));
    }
    assert_eq!(desk.read("a.test.key"), key);
    assert!(server.asked().is_empty());
    desk.ask(&server, &[&download[..], &["--force"]].concat()).ok();
    assert_eq!(desk.read("a.test.key"), "LEAF\n");
}

#[test]
fn a_passphrase_that_is_quickly_guessed_protects_no_new_file() {
    let issued = certificate("00cd", &["dns:a.test"]).to_string();
    for weak in ["1", "aaaaaaaaaaaaaaaa", "password1234"] {
        for from_file in [false, true] {
            let (desk, server) = (Desk::new(), Server::answering(&[(201, &issued)]));
            let create = ["cert", "create", "a.test", "--format", "pkcs12"];
            let mut command = desk.command(&create);
            command
                .env("GIGVAULT_URL", &server.url)
                .env("GIGVAULT_TOKEN", "gv_sesame");
            match from_file {
                true => {
                    let phrase = desk.path("phrase");
                    desk.write("phrase", weak);
                    std::fs::set_permissions(&phrase, std::fs::Permissions::from_mode(0o600)).unwrap();
                    command.arg("--out-passphrase-file").arg(phrase)
                }
                false => command.env("GIGVAULT_OUT_PASSPHRASE", weak),
            };
            let said = Ran::of(command.output().unwrap()).failed(2);
            assert!(said.contains("too easy to guess"), "{weak}: {said}");
            assert!(
                server.asked().is_empty() && !desk.path("a.test.p12").exists(),
                "{weak}"
            );
        }
    }
}
