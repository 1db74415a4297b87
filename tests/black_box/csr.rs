//! CSRs for tests, made by openssl and not by our own code.

use crate::judge;

/// A P-256 CSR for one DNS name.
pub(crate) fn p256(name: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key.pem");
    let (subject, san) = (format!("/CN={name}"), format!("subjectAltName=DNS:{name}"));
    judge::run(
        "openssl",
        &[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            judge::text(&key),
            "-subj",
            &subject,
            "-addext",
            &san,
        ],
    )
}

/// A P-256 CSR with this subject (`/CN=…`) and these names as openssl writes them (`DNS:a,URI:b`).
pub(crate) fn with_san(subject: &str, san: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    with_key(&dir.path().join("key.pem"), subject, san)
}

/// As [`with_san`], for the key in that file, which is made if it is missing.
pub(crate) fn with_key(key: &std::path::Path, subject: &str, san: &str) -> String {
    if !key.exists() {
        let curve = "ec_paramgen_curve:P-256";
        let key = judge::text(key);
        judge::run(
            "openssl",
            &["genpkey", "-algorithm", "EC", "-pkeyopt", curve, "-out", key],
        );
    }
    with_extension(key, subject, &format!("subjectAltName={san}"))
}

/// As [`with_key`], with that extension (`name=value`) instead.
pub(crate) fn with_extension(key: &std::path::Path, subject: &str, extension: &str) -> String {
    let arguments = [
        "req",
        "-new",
        "-key",
        judge::text(key),
        "-subj",
        subject,
        "-addext",
        extension,
    ];
    judge::run("openssl", &arguments)
}
