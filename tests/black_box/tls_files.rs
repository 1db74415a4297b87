//! An HTTPS certificate from files: every form of key, and its replacement while connections are served.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use testkit::process::send_signal;
use testkit::system::{System, binary};

use crate::judge;

const PHRASE: &str = "open the door";

/// A key and a certificate for localhost that is its own root: `<name>.key`, `<name>.crt`.
fn pair(dir: &Path, name: &str) {
    self_signed(dir, name, "CA:FALSE");
}

fn self_signed(dir: &Path, name: &str, constraints: &str) {
    let (key, crt) = (dir.join(format!("{name}.key")), dir.join(format!("{name}.crt")));
    let line = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=localhost -addext \
                subjectAltName=DNS:localhost,IP:127.0.0.1 -addext";
    let arguments: Vec<&str> = line.split_whitespace().collect();
    let constraints = format!("basicConstraints=critical,{constraints}");
    judge::run(
        "openssl",
        &[
            &arguments[..],
            &[
                &constraints,
                "-keyout",
                judge::text(&key),
                "-out",
                judge::text(&crt),
            ],
        ]
        .concat(),
    );
}

fn openssl(dir: &Path, line: &str) {
    let output = Command::new("openssl")
        .args(line.split_whitespace())
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Trusts these certificates and no others. Each client has connections of its own.
fn client(dir: &Path, names: &[&str]) -> reqwest::Client {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let of = |name: &&str| {
        let pem = std::fs::read(dir.join(format!("{name}.crt"))).unwrap();
        reqwest::Certificate::from_pem(&pem).unwrap()
    };
    reqwest::Client::builder()
        .tls_certs_only(names.iter().map(of))
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

fn configured(dir: &Path, tls: &str) -> System {
    let config = dir.join("c.yaml");
    std::fs::write(&config, format!("listen:\n  tls: {tls}\n")).unwrap();
    System::up_with(&["--config", judge::text(&config)]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_any_form_serves_https_and_its_passphrase_is_in_a_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    pair(d, "a");
    std::fs::write(d.join("phrase"), PHRASE).unwrap();
    std::fs::set_permissions(d.join("phrase"), std::fs::Permissions::from_mode(0o600)).unwrap();
    openssl(d, "ec -in a.key -out sec1.key");
    openssl(d, "pkcs8 -topk8 -nocrypt -in a.key -outform DER -out plain.der");
    openssl(
        d,
        "pkcs8 -topk8 -v2 aes-256-cbc -in a.key -passout file:phrase -out encrypted.key",
    );
    openssl(
        d,
        "pkcs12 -export -in a.crt -inkey a.key -passout file:phrase -out store.p12",
    );
    for (certificate, key, encrypted) in [
        ("a.crt", "sec1.key", false),
        ("a.crt", "plain.der", false),
        ("a.crt", "encrypted.key", true),
        ("a.crt", "store.p12", true),
        ("store.p12", "store.p12", true),
    ] {
        let files = format!("certificate: {0}/{certificate}, key: {0}/{key}", d.display());
        let with_phrase = format!("{{{files}, passphrase_file: {}/phrase}}", d.display());
        let system = configured(d, &with_phrase);
        let url = format!("{}/healthz", system.ready().https);
        let answer = client(d, &["a"]).get(&url).send().await;
        assert!(answer.unwrap().status().is_success(), "{certificate} {key}");
        drop(system);
        if encrypted {
            std::fs::write(d.join("c.yaml"), format!("listen:\n  tls: {{{files}}}\n")).unwrap();
            let refused = Command::new(binary().unwrap())
                .args(["config", "validate", "c.yaml"])
                .current_dir(d)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&refused.stderr);
            assert!(
                !refused.status.success() && said.contains("listen.tls.passphrase_file"),
                "{key}: {said}"
            );
        }
    }
}

/// Requests one after the other until told to stop; how many, and what failed.
#[test]
fn a_server_that_shows_the_certificate_of_a_ca_is_told_from_one_that_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    self_signed(d, "ca", "CA:TRUE");
    let system = configured(
        d,
        &format!("{{certificate: {0}/ca.crt, key: {0}/ca.key}}", d.display()),
    );
    let root = d.join("ca.crt");
    for command in ["whoami", "doctor"] {
        let output = system
            .command()
            .unwrap()
            .args([
                command,
                "--url",
                &system.ready().https,
                "--server-identity",
                "name",
            ])
            .args(["--ca-file", judge::text(&root)])
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(!output.status.success(), "{command}: {said}");
        for part in ["the certificate of a CA", "basicConstraints CA:FALSE"] {
            assert!(said.contains(part), "{command}: {said}");
        }
        assert!(!said.contains("CaUsedAsEndEntity"), "{command}: {said}");
    }
}

async fn load(client: reqwest::Client, url: String, stop: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let (mut answered, mut failed) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        match client.get(&url).send().await {
            Ok(answer) if answer.status().is_success() => answered += 1,
            Ok(answer) => failed.push(answer.status().to_string()),
            Err(error) => failed.push(format!("{error:?}")),
        }
    }
    (answered, failed)
}

async fn hang_up(system: &System, expected: &str) {
    let before = system.log().unwrap().matches(expected).count();
    send_signal("HUP", system.ready().pid).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while system.log().unwrap().matches(expected).count() == before {
        assert!(
            Instant::now() < deadline,
            "{expected:?} is not in {}",
            system.log().unwrap()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn put(dir: &Path, name: &str) {
    for suffix in ["key", "crt"] {
        let (new, used) = (dir.join("new"), dir.join(format!("used.{suffix}")));
        std::fs::copy(dir.join(format!("{name}.{suffix}")), &new).unwrap();
        std::fs::rename(&new, &used).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_takes_new_tls_files_and_keeps_the_old_ones_where_they_cannot_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for name in ["a", "b"] {
        pair(d, name);
    }
    put(d, "a");
    let files = format!("{{certificate: {0}/used.crt, key: {0}/used.key}}", d.display());
    let system = configured(d, &files);
    let url = format!("{}/healthz", system.ready().https);
    let shows = async |name: &str| client(d, &[name]).get(&url).send().await.is_ok();
    assert!(shows("a").await && !shows("b").await);

    let stop = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn(load(client(d, &["a", "b"]), url.clone(), Arc::clone(&stop)));
    // As they are replaced, the files may be read in between as well: every five seconds they are looked at unasked.
    put(d, "b");
    hang_up(&system, "SIGHUP: ").await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while !shows("b").await {
        assert!(Instant::now() < deadline, "{}", system.log().unwrap());
    }
    assert!(!shows("a").await);

    // A key that is not the certificate's, and what is not a certificate.
    std::fs::copy(d.join("a.key"), d.join("used.key")).unwrap();
    hang_up(&system, "cannot be used; the one before stays").await;
    assert!(shows("b").await);
    std::fs::copy(d.join("b.key"), d.join("used.key")).unwrap();
    std::fs::write(d.join("used.crt"), "nothing").unwrap();
    hang_up(&system, "cannot be used; the one before stays").await;
    assert!(shows("b").await);
    std::fs::remove_file(d.join("used.crt")).unwrap();
    hang_up(&system, "cannot be used; the one before stays").await;
    assert!(shows("b").await);
    put(d, "a");
    hang_up(&system, "SIGHUP: ").await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while !shows("a").await {
        assert!(Instant::now() < deadline, "{}", system.log().unwrap());
    }

    stop.store(true, Ordering::Relaxed);
    let (answered, failed) = others.await.unwrap();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(answered > 5, "{answered}");
}
