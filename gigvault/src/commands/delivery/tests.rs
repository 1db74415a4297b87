//! What a failure after the certificate was issued costs.

use x509::key::KeyAlgorithm;

use super::*;

fn issued() -> Certificate {
    serde_json::from_value(serde_json::json!({
        "serial": "00ab", "status": "valid", "subject": "CN=a.test", "san": [], "ca": "issuing",
        "profile": "tls-server", "not_before": "2026-01-01T00:00:00Z", "not_after": "2099-12-31T23:59:59Z",
        "issued_at": "2026-01-01T01:00:00Z", "certificate": "LEAF\n", "chain": "ISSUER\n",
        "fingerprint_sha256": "aa", "spki_sha256": "bb", "requester": "x", "protocol": "rest", "revocation": null,
    }))
    .unwrap()
}

/// The file that the complaint names as that of the new key.
fn kept(said: &str) -> String {
    assert!(said.contains("certificate 00ab was issued"), "{said}");
    let at = said.find(".kept-").unwrap();
    let start = said[..at].rfind(' ').unwrap() + 1;
    let end = said[start..].find([' ', ',']).unwrap() + start;
    std::fs::read_to_string(&said[start..end]).unwrap()
}

#[tokio::test]
async fn a_place_that_is_taken_after_the_certificate_was_issued_costs_no_key() {
    for (taken, force) in [
        ("crt", true),
        ("chain.pem", true),
        ("key", true),
        ("chain.pem", false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let bundle = Bundle::new(dir.path(), "a.test").unwrap().forced(force);
        std::fs::write(&bundle.key, "old").unwrap();
        let file = NewFile {
            format: FileFormat::Pem,
            out_passphrase_file: None,
        };
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let pem = keys::to_pem(&key).unwrap();
        let delivery = Delivery::stage(bundle, [0; 32], Some(Key::New(key)), &file).unwrap();
        let place = dir.path().join(format!("a.test.{taken}"));
        if taken == "key" {
            std::fs::remove_file(&place).unwrap();
        }
        std::fs::create_dir(&place).unwrap();
        let said = write(&delivery.bundle, delivery.form, &issued()).unwrap_err();
        assert_eq!(kept(&format!("{said:#}")), *pem, "{taken}");
        if taken != "key" {
            assert_eq!(std::fs::read_to_string(&delivery.bundle.key).unwrap(), "old");
        }
    }
}

#[test]
fn a_pkcs12_file_that_cannot_be_made_costs_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let bundle = Bundle::new(dir.path(), "a.test").unwrap();
    let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
    let passphrase: SecretString = "five random words are best".into();
    let alone = keys::to_encrypted_pem(&key, &passphrase).unwrap();
    let form = Form::Pkcs12 {
        key: Box::new(key),
        passphrase_file: None,
        own: None,
        staged: ::files::stage(&bundle.pkcs12, alone.as_bytes(), OWNER_ONLY).unwrap(),
        passphrase,
    };
    // The chain of this one cannot be read.
    let said = write(&bundle, form, &issued()).unwrap_err();
    assert_eq!(kept(&format!("{said:#}").replace('`', " ")), *alone);
}
