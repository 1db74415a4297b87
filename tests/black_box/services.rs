//! The services as processes of their own: who may call what, and what happens when one is away.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::clock::SystemClock;
use kit::tls::{Identity, IdentityFiles};
use kit::transport::{Transport, channel};
use proto::ca::v1::ca_client::CaClient;
use proto::ca::v1::{IssueRequest, ListCasRequest, Protocol, Reason, RevokeRequest};
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use proto::keymgr::v1::{GenerateRequest, Purpose, SignRequest};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::Postgres;
use testkit::fleet::{Fleet, Options};
use testkit::system::binary;
use tonic::Code;

use crate::rest::{Rest, retry_after};
use crate::{csr, judge};

pub(crate) async fn fleet() -> Fleet {
    let database = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
    let options = Options {
        identities: vec!["ra".to_owned()],
        ..Options::default()
    };
    Fleet::start(&database, &options).unwrap()
}

pub(crate) fn rest(fleet: &Fleet) -> Rest {
    Rest {
        http: fleet.http().unwrap(),
        base: fleet.ready("ca").unwrap().https.clone(),
        token: fleet.token().unwrap(),
    }
}

fn identity(folder: &Path) -> Identity {
    let files = IdentityFiles::new(folder, "tls", folder.join("roots.pem"));
    Identity::from_files(files, Arc::new(SystemClock::from_env().unwrap())).unwrap()
}

/// A way to `service`, shown the identity of `caller`.
pub(crate) fn way(fleet: &Fleet, caller: &str, service: &str) -> Transport {
    let identity = identity(&fleet.identity(caller));
    channel(&fleet.ready(service).unwrap().grpc, service, &identity).unwrap()
}

fn der(pem: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("csr.pem"), dir.path().join("csr.der"));
    std::fs::write(&from, pem).unwrap();
    judge::run(
        "openssl",
        &[
            "req",
            "-in",
            judge::text(&from),
            "-outform",
            "DER",
            "-out",
            judge::text(&to),
        ],
    );
    std::fs::read(to).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_issue_over_rest_and_grpc() {
    let fleet = fleet().await;
    let rest = rest(&fleet);
    let made = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let leaf = fleet.dir().join("leaf.crt");
    std::fs::write(&leaf, made["certificate"].as_str().unwrap()).unwrap();
    let data = fleet.bootstrapped();
    judge::openssl_verify(&data.join("root.crt"), &data.join("chain.pem"), &leaf, &[]);

    let mut ca = CaClient::new(way(&fleet, "ra", "ca"));
    let request = IssueRequest {
        csr: der(&csr::p256("b.example.test")),
        profile: "tls-server".to_owned(),
        requester: "acme:ada".to_owned(),
        protocol: Protocol::Acme.into(),
        ..IssueRequest::default()
    };
    let issued = ca.issue(request).await.unwrap().into_inner();
    assert_eq!(issued.requester, "acme:ada");
    assert_eq!(issued.protocol(), Protocol::Acme);
    assert_eq!(rest.all("requester=acme:ada", 50).await, [issued.serial]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_not_on_the_list_is_denied() {
    let fleet = fleet().await;
    for caller in ["auth", "ra", "keymgr"] {
        let mut keymgr = KeymgrClient::new(way(&fleet, caller, "keymgr"));
        let sign = SignRequest {
            name: "ca-issuing".to_owned(),
            message: vec![0x30, 0x00].into(),
            algorithm: String::new(),
        };
        let refused = keymgr.sign(sign).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{caller}: {refused}");
        let generate = GenerateRequest {
            name: "mine".to_owned(),
            algorithm: "p256".to_owned(),
            purpose: Purpose::CertificateAuthority.into(),
        };
        let refused = keymgr.generate(generate).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{caller}: {refused}");
    }
    // `auth` may ask for its own identity, and for nothing else.
    let mut ca = CaClient::new(way(&fleet, "auth", "ca"));
    ca.list_cas(ListCasRequest {}).await.unwrap();
    let revoke = RevokeRequest {
        serial: "01".to_owned(),
        reason: Reason::Superseded.into(),
        ..RevokeRequest::default()
    };
    assert_eq!(
        ca.revoke(revoke).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    for (profile, csr) in [
        ("tls-server", csr::p256("a.example.test")),
        (
            "service-identity",
            csr::with_san("/", "URI:spiffe://gigvault.internal/svc/ca"),
        ),
    ] {
        let request = IssueRequest {
            csr: der(&csr),
            profile: profile.to_owned(),
            requester: "ada".to_owned(),
            ..IssueRequest::default()
        };
        let refused = ca.issue(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{profile}: {refused}");
    }
}

/// Calls a method of the CA with curl; the exit code, and what came before the body.
fn curl(fleet: &Fleet, identity: Option<(&Path, &Path)>) -> (Option<i32>, String) {
    let empty = fleet.dir().join("empty.grpc");
    std::fs::write(&empty, [0; 5]).unwrap();
    let data = format!("@{}", empty.display());
    let url = format!("{}/gigvault.ca.v1.Ca/ListCas", fleet.ready("ca").unwrap().grpc);
    let mut arguments = vec![
        "-sSk",
        "--http2",
        "--max-time",
        "20",
        "-D",
        "-",
        "-o",
        "/dev/null",
    ];
    arguments.extend(["-H", "content-type: application/grpc", "-H", "te: trailers"]);
    arguments.extend(["--data-binary", &data]);
    if let Some((certificate, key)) = identity {
        arguments.extend(["--cert", judge::text(certificate), "--key", judge::text(key)]);
    }
    arguments.push(&url);
    let output = judge::try_run("curl", &arguments);
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// A certificate for the SPIFFE id of `ra` that this test signed by itself.
fn self_made(fleet: &Fleet) -> (PathBuf, PathBuf) {
    let (certificate, key) = (fleet.dir().join("forged.crt"), fleet.dir().join("forged.key"));
    let mut arguments = vec![
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ];
    arguments.extend([
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=GigVault Services CA/O=GigVault",
    ]);
    arguments.extend(["-addext", "subjectAltName=URI:spiffe://gigvault.internal/svc/ra"]);
    arguments.extend(["-addext", "extendedKeyUsage=clientAuth,serverAuth"]);
    arguments.extend(["-keyout", judge::text(&key), "-out", judge::text(&certificate)]);
    judge::run("openssl", &arguments);
    (certificate, key)
}

/// A certificate that a user got from the issuing CA, under the same root as the services CA.
async fn of_a_user(fleet: &Fleet) -> (PathBuf, PathBuf) {
    let rest = rest(fleet);
    let key = fleet.dir().join("user.key");
    let uri = "URI:spiffe://gigvault.internal/svc/ra";
    let csr = csr::with_key(&key, "/CN=user-7", &format!("{uri},DNS:user.example.test"));
    let with_uri = rest
        .try_issue(&json!({"csr": csr, "profile": "tls-client"}))
        .await;
    let made = if with_uri.status() == StatusCode::CREATED {
        with_uri.json().await.unwrap()
    } else {
        let plain = csr::with_key(&key, "/CN=user-7", "DNS:user.example.test");
        rest.issue(&json!({"csr": plain, "profile": "tls-client"})).await
    };
    let certificate = fleet.dir().join("user.crt");
    let chain = format!(
        "{}{}",
        made["certificate"].as_str().unwrap(),
        made["chain"].as_str().unwrap()
    );
    std::fs::write(&certificate, chain).unwrap();
    (certificate, key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_identity_of_the_services_ca_gets_through_the_handshake() {
    let fleet = fleet().await;
    let ra = fleet.identity("ra");
    let (code, head) = curl(&fleet, Some((&ra.join("tls.crt"), &ra.join("tls.key"))));
    assert_eq!(code, Some(0), "the control must get through: {head}");
    assert!(head.contains("HTTP/2 200"), "{head}");
    let forged = self_made(&fleet);
    let user = of_a_user(&fleet).await;
    let refused = [
        ("no certificate", None),
        ("a self-made certificate", Some(&forged)),
        ("a user's certificate", Some(&user)),
    ];
    for (what, identity) in refused {
        let identity = identity.map(|(certificate, key)| (certificate.as_path(), key.as_path()));
        let (code, head) = curl(&fleet, identity);
        // curl: 35 the handshake failed; 55, 56 the alert came with the first bytes, as TLS 1.3 has it.
        assert!(matches!(code, Some(35 | 55 | 56)), "{what}: {code:?} {head}");
        assert!(!head.contains("HTTP/"), "{what} was answered: {head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keymgr_issuing_waits_and_listing_works_until_it_is_back() {
    let mut fleet = fleet().await;
    let rest = rest(&fleet);
    let body = json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"});
    let made = rest.issue(&body).await;
    fleet.kill("keymgr").unwrap();
    let begun = Instant::now();
    let refused = rest.try_issue(&body).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(retry_after(&refused) > 0);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let serial = made["serial"].as_str().unwrap();
    assert_eq!(rest.all("protocol=rest", 50).await, [serial]);
    fleet.launch("keymgr").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = rest.try_issue(&body).await;
        if answer.status() == StatusCode::CREATED {
            break;
        }
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(Instant::now() < deadline, "ca does not find keymgr again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(
        rest.all("protocol=rest", 50).await.len(),
        2,
        "a refused request left something"
    );
}

#[tokio::test]
async fn doctor_beside_a_service_without_an_api_looks_at_what_it_serves() {
    let fleet = fleet().await;
    let dir = tempfile::tempdir().unwrap();
    let data = &fleet.ready("keymgr").unwrap().data_dir;
    std::os::unix::fs::symlink(data, dir.path().join("gigvault-data")).unwrap();
    let doctor = |output: &str| {
        let mut command = Command::new(binary().unwrap());
        command.current_dir(dir.path()).args(["doctor", "-o", output]);
        command.output().unwrap()
    };
    let report: Value = serde_json::from_slice(&doctor("json").stdout).unwrap();
    let result = |name: &str| {
        let mut checks = report["checks"].as_array().unwrap().iter();
        checks
            .find(|check| check["check"] == name)
            .map(|check| check["result"].clone())
    };
    assert_eq!(result("server"), Some(json!("warning")), "{report:#}");
    assert_eq!(result("grpc"), Some(json!("ok")), "{report:#}");
    assert_eq!(result("metrics"), Some(json!("ok")), "{report:#}");
}

/// What `doctor` says of the folder that ca is told by `identity.directory`.
async fn identity_directory(rest: &Rest) -> (String, String) {
    let run: Value = rest
        .post("/api/v1/doctor/runs", &json!({}))
        .await
        .json()
        .await
        .unwrap();
    let mut checks = run["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["check"] == "identity directory");
    let check = check.unwrap_or_else(|| panic!("{run:#}"));
    let text = |member: &str| check[member].as_str().unwrap().to_owned();
    (text("result"), text("detail"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_looks_at_an_identity_outside_of_the_data_directory() {
    let fleet = fleet().await;
    let (rest, folder) = (rest(&fleet), fleet.identity("ca"));
    let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let failed = async |what: &str| {
        let (result, detail) = identity_directory(&rest).await;
        assert!(
            result == "failed" && detail.contains(what),
            "{what}: {result}, {detail}"
        );
    };
    assert_eq!(identity_directory(&rest).await.0, "ok");
    mode(&folder, 0o777);
    failed(folder.to_str().unwrap()).await;
    mode(&folder, 0o755);
    mode(&folder.join("tls.key"), 0o644);
    failed("tls.key can be read by other users").await;
    mode(&folder, 0o700);
    assert_eq!(
        identity_directory(&rest).await.0,
        "ok",
        "no other user can enter the directory"
    );
    let (roots, kept) = (folder.join("roots.pem"), folder.join("kept.pem"));
    std::fs::rename(&roots, &kept).unwrap();
    let other = self_made(&fleet).0;
    std::fs::copy(&other, &roots).unwrap();
    failed("does not lead to roots.pem").await;
    std::fs::rename(&kept, &roots).unwrap();
    // What a start would refuse.
    let others = fleet.identity("auth");
    for (file, content) in [
        ("tls.key", None),
        ("tls.key", Some(b"x".to_vec())),
        ("tls.key", Some(std::fs::read(others.join("tls.key")).unwrap())),
        ("tls.crt", Some(std::fs::read(others.join("tls.crt")).unwrap())),
    ] {
        let (path, kept) = (folder.join(file), folder.join("kept"));
        std::fs::rename(&path, &kept).unwrap();
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
            mode(&path, 0o600);
        }
        failed("").await;
        std::fs::rename(&kept, &path).unwrap();
    }
    let own = ["tls.crt", "tls.key"].map(|file| (file, std::fs::read(folder.join(file)).unwrap()));
    for (file, _) in &own {
        std::fs::copy(others.join(file), folder.join(file)).unwrap();
    }
    failed("it holds the identity of spiffe://gigvault.internal/svc/auth").await;
    for (file, content) in own {
        std::fs::write(folder.join(file), content).unwrap();
    }
    let away = folder.with_extension("away");
    std::fs::rename(&folder, &away).unwrap();
    failed(folder.to_str().unwrap()).await;
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(identity_directory(&rest).await.0, "ok");
}
