//! An inventory whose certificates tell by their number what they have.

use store::bulk::Insert;
use store::{Db, Options};
use uuid::Uuid;

use crate::tables::{MIGRATIONS, names};

/// Certificates of `own` among many more of `other`, which are all alike otherwise.
pub(crate) const ALL: u128 = 20_000;
const OWN_EACH: u128 = 401;
pub(crate) const NOW: i64 = 10_000;

const CERTIFICATES: Insert = Insert::into(
    "certificates",
    &[
        "id",
        "serial",
        "ca",
        "profile",
        "subject",
        "sans",
        "requester",
        "protocol",
        "issued_at",
        "not_before",
        "not_after",
        "spki_sha256",
        "key_type",
        "key_use",
        "fingerprint_sha256",
        "der",
        "revoked_at",
        "reason",
        "replaces",
        "lint_warnings",
    ],
);
const NAMES: Insert = Insert::into("certificate_names", &["name", "id"]);

/// One key that all have, so that it leads nowhere.
pub(crate) const KEY: [u8; 32] = [7; 32];

/// A certificate, which all have too (`openssl req -x509 -newkey ed25519 -subj /CN=localhost`), in base64.
const CERTIFICATE: &str = concat!(
    "MIIBLDCB36ADAgECAgISNDAFBgMrZXAwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNzE2",
    "MjI1NloYDzIxMjYxMTAzMTYyMjU2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwKjAFBgMrZXADIQAb",
    "GwK9MjdxcxSueTlGq5l0oP2hsDOeYPx/SOqsx2rdd6NTMFEwHQYDVR0OBBYEFDAiidt2oKxg65n0",
    "u/GTR3IWZh3CMB8GA1UdIwQYMBaAFDAiidt2oKxg65n0u/GTR3IWZh3CMA8GA1UdEwEB/wQFMAMB",
    "Af8wBQYDK2VwA0EAyMqwZtkKVCKzqDeOfiTI25hUGhKS007d3ArEuUYW6qykPte/sFDjlxzbnoqa",
    "pkudnZZAYXADKs1P6DT7ClDCCw==",
);

pub(crate) async fn filled(url: &str) -> Db {
    let options = Options {
        allow_unsafe: true,
        ..Options::default()
    };
    let db = Db::open(url, "ca", options).await.unwrap();
    db.migrate(&MIGRATIONS).await.unwrap();
    let certificate = data_encoding::BASE64.decode(CERTIFICATE.as_bytes()).unwrap();
    let numbers: Vec<u128> = (0..ALL).collect();
    let serials: Vec<[u8; 16]> = numbers
        .iter()
        .map(|number| (number | 1 << 120).to_be_bytes())
        .collect();
    let prints: Vec<Vec<u8>> = serials.iter().map(|serial| serial.repeat(2)).collect();
    let rows = numbers.iter().zip(serials.iter().zip(&prints));
    let rows = rows.map(|(number, (serial, print))| {
        let reason = match number % 4 {
            // A reason that few have.
            0 if number % 400 == 0 => Some(1_i64),
            0 => Some(4),
            1 => Some(6),
            _ => None,
        };
        // Most keys were used before, so that it is worth an index which were not.
        let shared = number % 100 != 3;
        let key = if shared { KEY.as_slice() } else { print.as_slice() };
        (
            Uuid::from_u128(*number),
            serial.as_slice(),
            "issuing",
            "tls-server",
            "CN=localhost",
            r#"["dns:localhost"]"#,
            if number % OWN_EACH == 3 { "own" } else { "other" },
            "rest",
            0_i64,
            0_i64,
            i64::try_from(*number).unwrap(),
            key,
            if number % 50 == 3 { "rsa3072" } else { "p256" },
            if shared {
                i64::try_from(*number).unwrap() + 1
            } else {
                0
            },
            print.as_slice(),
            certificate.as_slice(),
            reason.map(|_| i64::try_from(*number).unwrap()),
            reason,
            // Each tenth renews the one before it.
            (number % 10 == 3).then(|| serials[usize::try_from(*number).unwrap() - 1].as_slice()),
            if number % 100 == 3 {
                r#"["some_lint"]"#
            } else {
                "[]"
            },
        )
    });
    let names = numbers
        .iter()
        .map(|number| (names::exact("dns:localhost"), Uuid::from_u128(*number)));
    let mut tx = db.begin().await.unwrap();
    store::bulk::insert(&mut tx, &CERTIFICATES, rows).await.unwrap();
    store::bulk::insert(&mut tx, &NAMES, names).await.unwrap();
    store::tx!(&mut tx, |connection| sqlx::query("ANALYZE")
        .execute(connection)
        .await
        .map(drop))
    .unwrap();
    tx.commit().await.unwrap();
    db
}

pub(crate) async fn on_sqlite() -> (tempfile::TempDir, Db) {
    let dir = tempfile::tempdir().unwrap();
    let db = filled(&format!("sqlite:{}", dir.path().join("ca.db").display())).await;
    (dir, db)
}
