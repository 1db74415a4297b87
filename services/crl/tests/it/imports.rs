//! Lists of issuers whose keys are elsewhere: what is taken, and that it is served.

mod scope;

use std::time::Duration;

use axum::http::{StatusCode, header};
use futures::stream;
use kit::service::Verdict;
use kit::transport::streamed;
use proto::crl::v1 as wire;
use proto::crl::v1::import_request::Part;
use rootca::Root;
use testkit::on_both_databases;
use time::OffsetDateTime;
use tonic::{Code, Status};
use x509::KeyAlgorithm;
use x509::crl::{CertificateList, CrlEntry, Reason};

use crate::world::{NOW, Process, World};

on_both_databases!(
    a_list_of_another_issuer_is_served_as_it_came,
    an_imported_list_is_shown_and_stays,
    what_relying_parties_would_not_take_is_refused,
    the_largest_list_is_counted_in_der_and_a_larger_one_names_the_setting,
    what_is_out_is_replaced_by_later_lists_only,
    a_name_belongs_to_one_issuer,
    a_dry_run_changes_nothing,
    doctor_warns_before_a_list_runs_out,
    only_ca_and_the_process_import,
);

const DAY: Duration = Duration::from_secs(24 * 3600);
const PATH: &str = "/crl/root.crl";

fn root(name: &str, algorithm: KeyAlgorithm) -> Root {
    let subject = name.parse().unwrap();
    Root::create(&subject, algorithm, None, NOW - 400 * DAY).unwrap()
}

fn signed(root: &Root, number: u64, days: u32, now: OffsetDateTime) -> CertificateList {
    let entry = CrlEntry {
        serial: "0a".parse().unwrap(),
        time: now.replace_nanosecond(0).unwrap(),
        reason: Some(Reason::Superseded),
        invalidity: None,
    };
    let now = now.replace_nanosecond(0).unwrap();
    root.crl(number, vec![entry], days * DAY, now).unwrap()
}

async fn send(
    process: &Process,
    (name, root, dry_run): (&str, &Root, bool),
    list: &[u8],
) -> Result<wire::ImportResponse, Status> {
    let start = wire::ImportStart {
        name: name.to_owned(),
        issuer_certificate: root.certificate().der().to_vec(),
        dry_run,
        below: Vec::new(),
    };
    send_from(process, start, list).await
}

async fn send_from(
    process: &Process,
    start: wire::ImportStart,
    list: &[u8],
) -> Result<wire::ImportResponse, Status> {
    let mut parts = vec![Part::Start(start)];
    parts.extend(
        list.chunks(list.len() / 1000 + 100)
            .map(|piece| Part::Octets(piece.to_vec())),
    );
    let messages = parts
        .into_iter()
        .map(|part| wire::ImportRequest { part: Some(part) });
    let sent = process
        .client("ca")
        .import(streamed(stream::iter(messages)))
        .await;
    sent.map(tonic::Response::into_inner)
}

async fn import(process: &Process, root: &Root, list: &[u8]) -> Result<wire::ImportResponse, Status> {
    send(process, ("root", root, false), list).await
}

async fn served(process: &Process) -> Vec<u8> {
    let (status, _, body) = process.get(PATH, &[]).await;
    assert_eq!(status, StatusCode::OK);
    body
}

async fn a_list_of_another_issuer_is_served_as_it_came(world: World) {
    let process = world.idle().await;
    assert_eq!(process.get(PATH, &[]).await.0, StatusCode::NOT_FOUND);
    let root = root("CN=Offline Root", KeyAlgorithm::P384);
    let list = signed(&root, 7, 180, NOW);
    let answer = import(&process, &root, list.pem().as_bytes()).await.unwrap();
    let out = answer.list.unwrap();
    assert_eq!((out.number, out.entries, out.imported), (7, 1, true));
    assert_eq!(out.url, "http://pki.example.test/crl/root.crl");
    assert!(answer.replaced.is_none() && !answer.unchanged);
    let (status, headers, body) = process.get(PATH, &[]).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, list.der()));
    assert_eq!(headers[header::CONTENT_TYPE], "application/pkix-crl");
    assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=60");
    assert!(headers.contains_key(header::ETAG));
}

async fn an_imported_list_is_shown_and_stays(world: World) {
    let process = world.idle().await;
    let root = root("CN=Offline Root", KeyAlgorithm::P384);
    let list = signed(&root, 7, 180, NOW);
    import(&process, &root, list.der()).await.unwrap();
    // The same one again, as at each start.
    let again = import(&process, &root, list.der()).await.unwrap();
    assert!(again.unchanged);
    let told = world.published(|list| list.number == 7).await;
    assert_eq!((&*told.kind, told.entries), ("complete", 1));
    assert_eq!(world.count("publications").await, 1);
    let request = wire::ShowRequest {
        ca: "root".to_owned(),
    };
    let shown = process
        .client("ca")
        .show(request)
        .await
        .unwrap()
        .into_inner()
        .lists;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].sha256, x509::digest::sha256(list.der()));

    // It is there after a restart, stays while lists of our own are made, and when it has run out it is served all the same.
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    assert_eq!(served(&process).await, list.der());
    world.clock.set(NOW + 200 * DAY);
    assert_eq!(process.get(PATH, &[]).await.1[header::CACHE_CONTROL], "no-cache");
    process.stop().await;
}

async fn what_relying_parties_would_not_take_is_refused(world: World) {
    let process = world.idle().await;
    let ours = root("CN=Offline Root", KeyAlgorithm::P256);
    let list = signed(&ours, 1, 30, NOW);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = list.der().to_vec();
        change(&mut changed);
        changed
    };
    let same_name = root("CN=Offline Root", KeyAlgorithm::P256);
    let other_algorithm = root("CN=Offline Root", KeyAlgorithm::Ed25519);
    let other_name = root("CN=Other Root", KeyAlgorithm::P256);
    for (what, octets, text) in [
        (
            "another key",
            signed(&same_name, 1, 30, NOW).der().to_vec(),
            "another key of the issuer",
        ),
        (
            "another algorithm",
            signed(&other_algorithm, 1, 30, NOW).der().to_vec(),
            "not a list of",
        ),
        (
            "another issuer",
            signed(&other_name, 1, 30, NOW).der().to_vec(),
            "not a list of",
        ),
        (
            "another signature",
            with(&|der| *der.last_mut().unwrap() ^= 1),
            "signature",
        ),
        (
            "run out",
            signed(&ours, 1, 30, NOW - 31 * DAY).der().to_vec(),
            "has run out",
        ),
        (
            "from the future",
            signed(&ours, 1, 30, NOW + DAY).der().to_vec(),
            "in the future",
        ),
        (
            "truncated",
            with(&|der| der.truncate(der.len() - 1)),
            "cannot be read",
        ),
        ("trailing octets", with(&|der| der.push(0)), "cannot be read"),
        (
            "a certificate",
            ours.certificate().der().to_vec(),
            "a certificate",
        ),
        ("nothing", Vec::new(), "cannot be read"),
    ] {
        let refused = import(&process, &ours, &octets).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{what}: {refused:?}");
        assert!(refused.message().contains(text), "{what}: {refused:?}");
    }
    assert_eq!(process.get(PATH, &[]).await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.count("publications").await, 0);
    import(&process, &ours, list.der()).await.unwrap();
    let large = vec![b' '; 16 * 1024 * 1024 + 1];
    let refused = import(&process, &ours, &large).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
}

async fn the_largest_list_is_counted_in_der_and_a_larger_one_names_the_setting(mut world: World) {
    const MIB: usize = 1024 * 1024;
    world.config.import_limit = 1;
    let process = world.idle().await;
    let root = root("CN=Offline Root", KeyAlgorithm::P256);
    let now = NOW.replace_nanosecond(0).unwrap();
    let of = |entries: u32, number| {
        let entry = |serial| CrlEntry {
            serial: format!("1{serial:031x}").parse().unwrap(),
            time: now,
            reason: Some(Reason::Superseded),
            invalidity: None,
        };
        root.crl(number, (0..entries).map(entry).collect(), DAY, now)
            .unwrap()
    };
    let fits = of(20_000, 1);
    assert!(fits.der().len() <= MIB && fits.pem().len() > MIB);
    import(&process, &root, fits.pem().as_bytes()).await.unwrap();
    let larger = of(23_000, 2);
    assert!(larger.der().len() > MIB);
    for octets in [larger.pem().into_bytes(), larger.der().to_vec()] {
        let refused = import(&process, &root, &octets).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
        let text =
            "larger than 1 MiB; the setting crl.import_limit of processes that run crl allows up to 11";
        assert!(refused.message().contains(text), "{refused:?}");
    }
    assert_eq!(served(&process).await, fits.der());
}

async fn what_is_out_is_replaced_by_later_lists_only(world: World) {
    let process = world.idle().await;
    let root = root("CN=Offline Root", KeyAlgorithm::P256);
    let first = signed(&root, 5, 30, NOW - 2 * DAY);
    import(&process, &root, first.der()).await.unwrap();
    for (what, list) in [
        ("an older number", signed(&root, 4, 30, NOW)),
        ("the same number, other octets", signed(&root, 5, 30, NOW)),
        ("an older date", signed(&root, 6, 30, NOW - 3 * DAY)),
    ] {
        let refused = import(&process, &root, list.der()).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{what}: {refused:?}");
        assert_eq!(served(&process).await, first.der(), "{what}");
    }
    let second = signed(&root, 6, 30, NOW - DAY);
    let answer = import(&process, &root, second.der()).await.unwrap();
    assert_eq!(answer.replaced.unwrap().number, 5);
    assert_eq!(served(&process).await, second.der());
    // Octets of replaced lists do not pile up.
    world.clock.set(NOW + DAY);
    let third = signed(&root, 7, 30, NOW);
    import(&process, &root, third.der()).await.unwrap();
    world.clock.set(NOW + 2 * DAY);
    let fourth = signed(&root, 8, 30, NOW + DAY);
    import(&process, &root, fourth.der()).await.unwrap();
    assert_eq!(world.count("publications").await, 2);
}

async fn a_name_belongs_to_one_issuer(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    let (first, second) = (
        root("CN=Offline Root", KeyAlgorithm::P256),
        root("CN=Second Root", KeyAlgorithm::P256),
    );
    import(&process, &first, signed(&first, 1, 30, NOW).der())
        .await
        .unwrap();
    let list = signed(&second, 9, 30, NOW);
    for (name, code) in [
        ("root", Code::FailedPrecondition),
        ("issuing", Code::FailedPrecondition),
        ("Root", Code::InvalidArgument),
        ("a/b", Code::InvalidArgument),
        ("issuing.2", Code::InvalidArgument),
        ("", Code::InvalidArgument),
    ] {
        let refused = send(&process, (name, &second, false), list.der()).await;
        assert_eq!(refused.unwrap_err().code(), code, "{name}");
    }
    send(&process, ("second", &second, false), list.der())
        .await
        .unwrap();
    process.stop().await;
}

async fn a_dry_run_changes_nothing(world: World) {
    let process = world.idle().await;
    let root = root("CN=Offline Root", KeyAlgorithm::P256);
    let list = signed(&root, 3, 30, NOW);
    let answer = send(&process, ("root", &root, true), list.der()).await.unwrap();
    assert_eq!(answer.list.unwrap().number, 3);
    assert_eq!(process.get(PATH, &[]).await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.count("publications").await, 0);
}

async fn doctor_warns_before_a_list_runs_out(world: World) {
    let process = world.start().await;
    world.published(|list| list.kind == "delta").await;
    let root = root("CN=Offline Root", KeyAlgorithm::P256);
    import(&process, &root, signed(&root, 1, 30, NOW).der())
        .await
        .unwrap();
    process.stop().await;
    let idle = world.idle().await;
    for (days, verdict) in [(19, Verdict::Ok), (21, Verdict::Warning), (31, Verdict::Failed)] {
        world.clock.set(NOW + days * DAY);
        let found = idle.doctor().await;
        let of_others = found.last().unwrap();
        assert_eq!(of_others.verdict, verdict, "{days}: {of_others:?}");
        assert_eq!(of_others.detail.contains(PATH), days > 20, "{of_others:?}");
    }
}

async fn only_ca_and_the_process_import(world: World) {
    let process = world.idle().await;
    let root = root("CN=Offline Root", KeyAlgorithm::P256);
    let list = signed(&root, 1, 30, NOW);
    for (peer, allowed) in [("ocsp", false), ("process", true)] {
        let start = Part::Start(wire::ImportStart {
            name: "root".to_owned(),
            issuer_certificate: root.certificate().der().to_vec(),
            dry_run: false,
            below: Vec::new(),
        });
        let parts = [start, Part::Octets(list.der().to_vec())];
        let messages = parts.map(|part| wire::ImportRequest { part: Some(part) });
        let sent = process
            .client(peer)
            .import(streamed(stream::iter(messages)))
            .await;
        assert_eq!(sent.is_ok(), allowed, "{peer}");
    }
}
