//! CSRs for tests, made by openssl so that they are somebody else's.

use crate::judge;

/// A P-256 CSR for one DNS name.
pub fn p256(name: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key.pem");
    let (subject, san) = (format!("/CN={name}"), format!("subjectAltName=DNS:{name}"));
    judge::run(
        "openssl",
        &[
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            judge::text(&key), "-subj", &subject, "-addext", &san,
        ],
    )
}
