//! What `ocsp` and `crl` are told: status, snapshots, and how a snapshot and the feed behind it make the state.

mod damaged;
mod races;

use std::collections::BTreeMap;

use proto::ca::v1::snapshot_revocations_response::Part;
use proto::ca::v1::{
    Capacity, Reason, Revocation, RevokedCertificate, SerialStatus, SnapshotEnd, SnapshotRevocationsRequest,
    StatusRequest, WatchRevokedRequest,
};
use store::time::to_micros;
use testkit::on_both_databases;
use time::Duration;
use tonic::{Code, Status};
use x509::serial::Serial;

use crate::world::{NOW, World, key, server};

on_both_databases!(
    status_is_told_of_each_serial_number_of_its_issuer,
    a_snapshot_has_what_is_revoked_and_unexpired,
    a_snapshot_that_the_end_of_the_process_cuts_off_has_no_end,
    events_say_all_that_crls_need,
    what_a_ca_has_revoked_is_told_after_each_change,
);

/// All of a snapshot, in the order received.
async fn snapshot(
    world: &World,
    request: SnapshotRevocationsRequest,
) -> Result<Vec<RevokedCertificate>, Status> {
    let (items, end) = parts(world, request).await?;
    assert_eq!(end.unreadable, 0);
    Ok(items)
}

/// The same with its end.
async fn parts(
    world: &World,
    request: SnapshotRevocationsRequest,
) -> Result<(Vec<RevokedCertificate>, SnapshotEnd), Status> {
    let mut parts = world
        .client("crl")
        .snapshot_revocations(request)
        .await?
        .into_inner();
    let first = parts.message().await?.unwrap().part;
    assert!(matches!(first, Some(Part::Start(_))), "{first:?}");
    let mut items = Vec::new();
    loop {
        match parts.message().await?.unwrap().part.unwrap() {
            Part::Start(start) => panic!("{start:?}"),
            Part::Entries(entries) => {
                assert!((1..=1000).contains(&entries.items.len()));
                items.extend(entries.items);
            }
            Part::End(end) => {
                assert_eq!(end.entries, items.len() as u64);
                assert!(parts.message().await?.is_none());
                return Ok((items, end));
            }
        }
    }
}

async fn everything(world: &World) -> Vec<RevokedCertificate> {
    snapshot(world, SnapshotRevocationsRequest::default())
        .await
        .unwrap()
}

async fn statuses(
    world: &World,
    issuer: &str,
    serials: impl IntoIterator<Item = Vec<u8>>,
) -> Result<Vec<SerialStatus>, Status> {
    let request = StatusRequest {
        issuer: issuer.to_owned(),
        serials: serials.into_iter().collect(),
    };
    let answer = world.client("ocsp").status(request).await?;
    Ok(answer.into_inner().items)
}

async fn issued(world: &World, host: &str) -> Serial {
    world.issue(server(&key(), host)).await.serial
}

fn revocation(reason: Reason) -> Revocation {
    Revocation {
        time_us: to_micros(NOW),
        reason: reason.into(),
        invalidity_us: 0,
        decided_us: to_micros(NOW),
        decided_as: Capacity::Operator.into(),
    }
}

async fn status_is_told_of_each_serial_number_of_its_issuer(world: World) {
    let [valid, held, revoked] = [
        issued(&world, "valid.example.test").await,
        issued(&world, "held.example.test").await,
        issued(&world, "revoked.example.test").await,
    ];
    world.hold(&held.to_string()).await.unwrap();
    let reason = x509::crl::Reason::Superseded;
    world.revoke(&revoked.to_string(), reason).await.unwrap();
    let never = Serial::from_bytes(&[7; 16]).unwrap();

    let mut asked: Vec<Vec<u8>> = [held, never, valid, revoked, held]
        .iter()
        .map(Serial::to_content)
        .collect();
    // The same octets as a number that was issued, and not the number: a needless zero, a negative one, none, one too long.
    let odd = [&[0, 0][..], valid.as_bytes()].concat();
    asked.extend([odd, vec![0xff; 16], Vec::new(), vec![1; 40]]);
    let found = statuses(&world, "issuing", asked.clone()).await.unwrap();
    let issued: Vec<bool> = found.iter().map(|status| status.issued).collect();
    assert_eq!(
        issued,
        [true, false, true, true, true, false, false, false, false]
    );
    let revocations: Vec<_> = found.iter().map(|status| status.revocation).take(5).collect();
    let on_hold = Some(revocation(Reason::CertificateHold));
    assert_eq!(
        revocations,
        [on_hold, None, None, Some(revocation(Reason::Superseded)), on_hold]
    );
    let of_valid = world.issued(&valid).await;
    assert_eq!(
        (found[2].not_before_us, found[2].not_after_us),
        (to_micros(of_valid.not_before), to_micros(of_valid.not_after))
    );
    assert_eq!(found[1], SerialStatus::default());

    // Another issuer of the same process did not issue it.
    let of_others = statuses(&world, "services", [valid.to_content()]).await.unwrap();
    assert!(!of_others[0].issued);
    for unknown in ["", "other", "issuing.2", "issuing.1", "issuing."] {
        let refused = statuses(&world, unknown, asked.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{unknown}");
    }
    let most = std::iter::repeat_n(valid.to_content(), 500);
    assert_eq!(statuses(&world, "issuing", most).await.unwrap().len(), 500);
    let more = std::iter::repeat_n(valid.to_content(), 501);
    let refused = statuses(&world, "issuing", more).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    world.release(&held.to_string()).await.unwrap();
    let found = statuses(&world, "issuing", [held.to_content()]).await.unwrap();
    assert!(found[0].issued && found[0].revocation.is_none());
}

async fn a_snapshot_has_what_is_revoked_and_unexpired(world: World) {
    assert_eq!(everything(&world).await, []);
    world.add_authority("second", ca::USER_PROFILES).await;
    let mut expected: BTreeMap<(String, Vec<u8>), Reason> = BTreeMap::new();
    let mut last_second = i64::MAX;
    for number in 0..12 {
        let mut request = server(&key(), &format!("a{number}.example.test"));
        let ca = if number % 3 == 0 { "second" } else { "issuing" };
        request.ca = Some(ca.to_owned());
        let issued = world.issue(request).await;
        let serial = issued.serial.to_string();
        let reason = match number % 4 {
            0 => Reason::CertificateHold,
            1 => Reason::Superseded,
            _ => continue,
        };
        match reason {
            Reason::CertificateHold => world.hold(&serial).await.unwrap(),
            _ => world
                .revoke(&serial, x509::crl::Reason::Superseded)
                .await
                .unwrap(),
        };
        last_second = last_second.min(to_micros(issued.not_after));
        expected.insert((ca.to_owned(), issued.serial.as_bytes().to_vec()), reason);
    }
    let all = everything(&world).await;
    let found = all.iter().map(|item| {
        let serial = Serial::from_content(&item.serial).unwrap();
        assert_eq!(item.crl_shard, 0);
        let reason = item.revocation.unwrap().reason();
        assert_eq!(item.revocation, Some(revocation(reason)));
        ((item.issuer.clone(), serial.as_bytes().to_vec()), reason)
    });
    assert_eq!(
        found.collect::<Vec<_>>(),
        expected.clone().into_iter().collect::<Vec<_>>()
    );

    let of = |issuer: &str| SnapshotRevocationsRequest {
        issuer: issuer.to_owned(),
        ..SnapshotRevocationsRequest::default()
    };
    for issuer in ["issuing", "second", "services"] {
        let found = snapshot(&world, of(issuer)).await.unwrap();
        let expected = expected.keys().filter(|(of, _)| of == issuer).count();
        assert_eq!(found.len(), expected, "{issuer}");
        assert!(found.iter().all(|item| item.issuer == issuer));
    }
    let refused = snapshot(&world, of("other")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);

    // In its last second a certificate is valid; after it, it is left out unless it is asked for.
    let end = store::time::from_micros(last_second).unwrap();
    world.clock.set(end + Duration::milliseconds(999));
    assert_eq!(everything(&world).await.len(), expected.len());
    world.clock.set(end + Duration::SECOND);
    assert_eq!(everything(&world).await.len(), 0);
    let expired_too = SnapshotRevocationsRequest {
        not_after_from_us: last_second,
        ..SnapshotRevocationsRequest::default()
    };
    let found = snapshot(&world, expired_too).await.unwrap();
    assert_eq!(found.len(), expected.len());
}

async fn a_snapshot_that_the_end_of_the_process_cuts_off_has_no_end(world: World) {
    let serial = issued(&world, "a.example.test").await;
    world.hold(&serial.to_string()).await.unwrap();
    let request = SnapshotRevocationsRequest::default();
    let answer = world.client("ocsp").snapshot_revocations(request).await;
    let mut parts = answer.unwrap().into_inner();
    world.stop.cancel();
    while let Some(part) = parts.message().await.unwrap() {
        assert!(!matches!(part.part, Some(Part::End(_))));
    }
}

async fn events_say_all_that_crls_need(world: World) {
    let serial = issued(&world, "a.example.test").await.to_string();
    world.hold(&serial).await.unwrap();
    world.release(&serial).await.unwrap();
    let at = NOW - Duration::MINUTE;
    let request = ca::RevokeRequest {
        serial: serial.clone(),
        reason: x509::crl::Reason::KeyCompromise,
        invalidity: Some(at),
        same_key: false,
        descendants: false,
    };
    let app = world.ca.app();
    app.revoke(&crate::world::anyone(), &request, &kit::dry_run::Commit)
        .await
        .unwrap();
    let not_after = world.issued(&serial.parse().unwrap()).await.not_after;
    let events = world.events().await;
    let data: Vec<serde_json::Value> = events.iter().map(|event| event.parse_data().unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    let expected = ["issued", "held", "released", "revoked"].map(|kind| format!("certificate.{kind}"));
    assert_eq!(kinds, expected);
    let stored = world.issued(&serial.parse().unwrap()).await;
    for (member, time) in [("not_before", stored.not_before), ("not_after", not_after)] {
        assert_eq!(data[0][member], kit::clock::rfc3339(time));
    }
    let now = to_micros(NOW);
    for (data, revoked, invalid) in [
        (&data[1], Some(now), None),
        (&data[2], None, None),
        (&data[3], Some(now), Some(to_micros(at))),
    ] {
        assert_eq!(data["serial"], serial);
        assert_eq!(data["issuer"], "issuing");
        assert_eq!(data["crl_shard"], 0);
        assert_eq!(data["not_after"], kit::clock::rfc3339(not_after));
        assert_eq!(data["not_after_us"], to_micros(not_after));
        assert_eq!(data["revocation_time_us"], serde_json::json!(revoked));
        assert_eq!(data["invalidity_time_us"], serde_json::json!(invalid));
    }
}

async fn what_a_ca_has_revoked_is_told_after_each_change(world: World) {
    let watch = |ca: &str| WatchRevokedRequest {
        ca: ca.to_owned(),
        parts: true,
    };
    let unknown = world
        .client("ocsp")
        .watch_revoked(watch("unknown"))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);

    let [held, revoked] = [
        issued(&world, "held.example.test").await,
        issued(&world, "revoked.example.test").await,
    ];
    let answer = world
        .client("keymgr")
        .watch_revoked(watch("issuing"))
        .await
        .unwrap();
    let mut told = answer.into_inner();
    let mut next = async || told.message().await.unwrap().unwrap().serials;
    assert_eq!(next().await, Vec::<Vec<u8>>::new());

    world.hold(&held.to_string()).await.unwrap();
    assert_eq!(next().await, [held.to_content()]);
    let reason = x509::crl::Reason::KeyCompromise;
    world.revoke(&revoked.to_string(), reason).await.unwrap();
    let mut both = [held.to_content(), revoked.to_content()];
    both.sort();
    let mut found = next().await;
    found.sort();
    assert_eq!(found, both);
    world.release(&held.to_string()).await.unwrap();
    assert_eq!(next().await, [revoked.to_content()]);

    // What has expired stays: by a clock that jumped ahead, everything has.
    world.clock.advance(Duration::days(3650));
    let again = world
        .client("keymgr")
        .watch_revoked(watch("issuing"))
        .await
        .unwrap();
    let told = again.into_inner().message().await.unwrap().unwrap();
    assert_eq!(told.serials, [revoked.to_content()]);

    // Not what another CA has revoked.
    let mut others = world
        .client("ca")
        .watch_revoked(watch("services"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        others.message().await.unwrap().unwrap().serials,
        Vec::<Vec<u8>>::new()
    );
}
