//! Revocations beside rows that cannot be read: they become no smaller, and name what they could not do.

use ca::Issued;
use kit::dry_run::Commit;
use kit::error::Kind;
use kit::service::Verdict;
use testkit::on_both_databases;
use x509::crl::Reason;

use crate::damaged_rows::{DAMAGES, check, damage};
use crate::turns::execute;
use crate::world::{World, anyone, key, refused, server};

on_both_databases!(a_start_records_the_key_of_a_damaged_certificate_and_names_those_it_cannot,);

/// As an earlier version left it: revoked, and its key not recorded.
async fn revoked_by_an_earlier_version(world: &World, of: &Issued) {
    world
        .revoke(&of.serial.to_string(), Reason::KeyCompromise)
        .await
        .unwrap();
    for sql in [
        "UPDATE certificates SET key_recorded = FALSE WHERE id = $1",
        "DELETE FROM compromised_keys WHERE certificate = $1",
    ] {
        execute(&world.db, sql, of.id).await;
    }
}

async fn a_start_records_the_key_of_a_damaged_certificate_and_names_those_it_cannot(world: World) {
    let is_sqlite = matches!(world.db.pools(), store::Pools::Lite { .. });
    let of_sqlite: &[_] = if is_sqlite { &[("reason", "'zz'")] } else { &[] };
    let needed = [
        ("der", "substr(der, 1, 5)"),
        ("reason", "99"),
        ("reason", "-1"),
        ("reason", "7"),
    ];
    let other = DAMAGES
        .iter()
        .filter(|(column, _)| !["reason", "der"].contains(column));
    let mut revoked = Vec::new();
    for (recorded, of) in other
        .map(|of| (true, of))
        .chain(needed.iter().chain(of_sqlite).map(|of| (false, of)))
    {
        let key = key();
        let one = world.issue(server(&key, "a.example.test")).await;
        revoked_by_an_earlier_version(&world, &one).await;
        damage(&world, one.id, *of).await;
        revoked.push((key, one, recorded, of));
    }
    let ca = world.replica().await;
    for (key, one, recorded, of) in &revoked {
        let sql = "SELECT key_recorded FROM certificates WHERE id = $1";
        let stored: bool = store::read!(world.db, |c| sqlx::query_scalar(sql)
            .bind(one.id)
            .fetch_one(c)
            .await)
        .unwrap();
        assert_eq!(stored, *recorded, "{of:?}");
        if *recorded {
            let again = ca
                .app()
                .issue(&anyone(), server(key, "b.example.test"), &Commit)
                .await;
            let error = refused(again, Kind::Unprocessable);
            assert!(error.to_string().contains("compromised"), "{of:?}: {error}");
        }
    }
    let found = check(&world, "compromised keys").await;
    assert_eq!(found.verdict, Verdict::Failed, "{found:?}");
    let number = needed.len() + of_sqlite.len();
    assert!(
        found.detail.starts_with(&format!(
            "the keys of {number} revoked certificates are not recorded"
        )),
        "{found:?}"
    );
    let (_, first, ..) = revoked.iter().find(|(_, _, recorded, _)| !recorded).unwrap();
    let named = format!("certificate {} is damaged: der cannot be read", first.serial);
    assert!(found.detail.contains(&named), "{found:?}");
}
