//! Commands of one name that run at once: no key is lost, and what is there belongs together.

use crate::harness::{Desk, Ran, certificate, holding, openssl, text};

const COMMANDS: usize = 4;

/// Begins all, and answers each with its own CSR in the place of a certificate once every request is there. How they ended.
fn at_once(desk: &Desk, arguments: &[&str]) -> Vec<Ran> {
    let (url, arrived) = holding();
    let begun: Vec<_> = (0..COMMANDS).map(|_| desk.begin(&url, arguments)).collect();
    let held: Vec<_> = (0..COMMANDS).map(|_| arrived.recv().unwrap()).collect();
    for (number, held) in held.into_iter().enumerate() {
        let mut issued = certificate(&format!("00{number}"), &["dns:a.test"]);
        issued["certificate"] = held.csr().into();
        held.answer(201, &issued.to_string());
    }
    let ended = begun.into_iter().map(|child| child.wait_with_output().unwrap());
    ended.map(Ran::of).collect()
}

fn key(desk: &Desk, name: &str) -> String {
    openssl(&["pkey", "-in", text(&desk.path(name)), "-pubout"])
}

/// The public key of the certificate that [`at_once`] answered.
fn certified(desk: &Desk, name: &str) -> String {
    openssl(&["req", "-in", text(&desk.path(name)), "-noout", "-pubkey"])
}

fn with(desk: &Desk, part: &str) -> Vec<String> {
    let files = desk.files();
    files.into_iter().filter(|name| name.contains(part)).collect()
}

#[test]
fn each_keeps_its_key_and_one_has_its_files() {
    let desk = Desk::new();
    let ended = at_once(&desk, &["cert", "create", "a.test"]);
    let (done, failed): (Vec<_>, Vec<_>) = ended.into_iter().partition(|ran| ran.code == 0);
    assert_eq!((done.len(), failed.len()), (1, COMMANDS - 1), "{failed:?}");
    assert_eq!(key(&desk, "a.test.key"), certified(&desk, "a.test.crt"));
    assert_eq!(key(&desk, "a.test.key"), certified(&desk, "a.test.chain.pem"));
    let mut keys = vec![key(&desk, "a.test.key")];
    for ran in failed {
        let said = ran.failed(1);
        let kept = with(&desk, "a.test.key.kept-");
        let kept = kept.iter().find(|name| said.contains(*name)).expect(&said);
        let download = |name| format!("certificate 00{name} was issued and not all of it was written");
        assert!((0..COMMANDS).any(|name| said.contains(&download(name))), "{said}");
        assert!(
            said.contains("a.test.key exists") && !said.contains("hint:"),
            "{said}"
        );
        keys.push(key(&desk, kept));
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), COMMANDS);
    assert_eq!(with(&desk, ".gigvault-"), [""; 0]);
    assert_eq!(desk.files().len(), 3 + COMMANDS - 1);
}

#[test]
fn by_force_the_last_one_has_all_of_its_files() {
    for round in 0..6 {
        let desk = Desk::new();
        if round % 2 == 0 {
            for end in ["key", "crt", "chain.pem"] {
                desk.write(&format!("a.test.{end}"), "older");
            }
        }
        for ran in at_once(&desk, &["cert", "create", "a.test", "--force"]) {
            ran.ok();
        }
        assert_eq!(key(&desk, "a.test.key"), certified(&desk, "a.test.crt"));
        assert_eq!(key(&desk, "a.test.key"), certified(&desk, "a.test.chain.pem"));
        assert_eq!(desk.files().len(), 3);
    }
}

#[test]
fn a_place_that_was_taken_in_the_meantime_is_left_alone() {
    for (command, taken) in [
        (&["cert", "create", "a.test"][..], "a.test.crt"),
        (&["cert", "create", "a.test"], "a.test.chain.pem"),
        (&["csr", "submit", "a.test.csr"], "a.test.chain.pem"),
    ] {
        let (desk, (url, arrived)) = (Desk::new(), holding());
        if command[0] == "csr" {
            desk.run(&["csr", "create", "a.test"]).ok();
        }
        let before = desk.files().len();
        let child = desk.begin(&url, command);
        let held = arrived.recv().unwrap();
        desk.write(taken, "theirs");
        held.answer(201, &certificate("00ab", &["dns:a.test"]).to_string());
        let said = Ran::of(child.wait_with_output().unwrap()).failed(1);
        assert!(said.contains("certificate 00ab was issued"), "{said}");
        assert!(said.contains("cert download 00ab --chain --out FILE"), "{said}");
        assert_eq!(desk.read(taken), "theirs");
        let kept = with(&desk, ".kept-");
        assert!(kept.iter().all(|name| said.contains(name)), "{said}");
        assert_eq!(kept.len(), usize::from(command[0] == "cert"));
        assert_eq!(desk.files().len(), before + 1 + kept.len(), "{:?}", desk.files());
    }
}

#[test]
fn a_pkcs12_file_that_was_made_in_the_meantime_costs_no_key() {
    let (desk, (url, arrived)) = (Desk::new(), holding());
    desk.write("phrase", "five random words are best\n");
    let phrase = desk.path("phrase");
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&phrase, closed).unwrap();
    let make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a.test -keyout /dev/null -out";
    openssl(
        &[
            &make.split(' ').collect::<Vec<_>>()[..],
            &[text(&desk.path("crt"))],
        ]
        .concat(),
    );
    let create = ["cert", "create", "a.test", "--format", "pkcs12"];
    let child = desk.begin(
        &url,
        &[&create[..], &["--out-passphrase-file", "phrase"]].concat(),
    );
    let held = arrived.recv().unwrap();
    desk.write("a.test.p12", "theirs");
    let mut issued = certificate("00ab", &["dns:a.test"]);
    issued["certificate"] = desk.read("crt").into();
    issued["chain"] = "".into();
    held.answer(201, &issued.to_string());
    let said = Ran::of(child.wait_with_output().unwrap()).failed(1);
    assert_eq!(desk.read("a.test.p12"), "theirs", "{said}");
    let kept = with(&desk, "a.test.p12.kept-");
    assert!(kept.len() == 1 && said.contains(&kept[0]), "{said}");
    let passphrase = format!("file:{}", text(&phrase));
    openssl(&[
        "pkey",
        "-in",
        text(&desk.path(&kept[0])),
        "-passin",
        &passphrase,
        "-noout",
    ]);
}
