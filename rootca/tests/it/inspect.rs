//! `inspect` reads whatever a ceremony handles.

use std::fs;

use crate::world::Ceremony;

#[test]
fn inspect_reads_whatever_a_ceremony_handles() {
    let (ceremony, serial) = Ceremony::with_intermediate();
    ceremony.run(&["revoke", &serial, "--dir", "root", "--yes"]).ok();
    ceremony.run_unlocked(&["crl", "--out", "root.crl"]).ok();
    ceremony
        .openssl(&[
            "x509",
            "-in",
            "issuing.crt",
            "-outform",
            "DER",
            "-out",
            "issuing.der",
        ])
        .ok();
    let der = ["req", "-in", "issuing.csr", "-outform", "DER", "-out", "csr.der"];
    ceremony.openssl(&der).ok();
    // Text that begins with the octet of a DER SEQUENCE.
    let crt = ceremony.read("issuing.crt");
    fs::write(ceremony.path("noted.crt"), format!("0 - the issuing CA\n{crt}")).unwrap();
    for (file, kind) in [
        ("issuing.csr", "csr"),
        ("csr.der", "csr"),
        ("noted.crt", "certificate"),
        ("issuing.crt", "certificate"),
        ("issuing.der", "certificate"),
        ("root.crl", "crl"),
    ] {
        // Without a terminal it is JSON.
        let json = ceremony.run(&["inspect", file]).ok().stdout;
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            value.get("kind").and_then(|kind| kind.as_str()),
            Some(kind),
            "{json}"
        );
        assert!(
            ceremony
                .run(&["inspect", file, "-o", "table"])
                .ok()
                .stdout
                .contains("Example"),
            "{file}"
        );
    }
    let folder: serde_json::Value = serde_json::from_str(
        &ceremony
            .run(&["inspect", "--dir", "root", "-o", "json"])
            .ok()
            .stdout,
    )
    .unwrap();
    assert_eq!(
        folder
            .pointer("/issued/0/serial")
            .and_then(|serial| serial.as_str()),
        Some(serial.as_str())
    );
    assert_eq!(
        folder
            .pointer("/issued/0/status")
            .and_then(|status| status.as_str()),
        Some("revoked")
    );
    assert_eq!(
        folder
            .pointer("/crl/revoked/0/serial")
            .and_then(|serial| serial.as_str()),
        Some(serial.as_str())
    );
    let yaml = ceremony
        .run(&["inspect", "--dir", "root", "-o", "yaml"])
        .ok()
        .stdout;
    assert!(yaml.contains(&format!("serial: \"{serial}\"")), "{yaml}");
    let table = ceremony
        .run(&["inspect", "--dir", "root", "-o", "table"])
        .ok()
        .stdout;
    assert!(table.contains(&serial) && table.contains("revoked"), "{table}");
}

#[test]
fn a_malformed_signature_is_called_that() {
    let (ceremony, _) = Ceremony::with_intermediate();
    let certificate = x509::Certificate::from_pem(ceremony.read("issuing.crt").as_bytes()).unwrap();
    let mut der = certificate.der().to_vec();
    // The octet before the signature counts the bits at its end that are not used.
    let unused = der.len() - certificate.signature().len() - 1;
    *der.get_mut(unused).unwrap() = 8;
    fs::write(ceremony.path("bad.der"), der).unwrap();
    let shown = ceremony.run(&["inspect", "bad.der"]).ok().json();
    assert_eq!(
        shown["problems"],
        serde_json::json!(["signatureValue of the certificate: malformed BIT STRING"])
    );
}

/// A list of `openssl ca`, as `inspect` shows it.
fn with_invalidity(ceremony: &Ceremony) -> serde_json::Value {
    let write = |name: &str, text: &str| fs::write(ceremony.path(name), text).unwrap();
    write(
        "index.txt",
        "R\t491231235959Z\t150102000000Z,keyTime,20150101000000Z\t0A\tunknown\t/CN=x\n",
    );
    write("number", "01\n");
    write(
        "ca.cnf",
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=30\n",
    );
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let files = ["-keyout", "other.key", "-out", "other.crt", "-subj", "/CN=other"];
    ceremony
        .openssl(&[&["req", "-x509"], &key[..], &files].concat())
        .ok();
    let sign = ["ca", "-gencrl", "-config", "ca.cnf", "-cert", "other.crt"];
    ceremony
        .openssl(&[&sign[..], &["-keyfile", "other.key", "-out", "other.crl"]].concat())
        .ok();
    ceremony.run(&["inspect", "other.crl"]).ok().json()
}

#[test]
fn the_json_of_a_list_says_what_it_covers() {
    let ceremony = Ceremony::with_intermediate().0;
    let vectors = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/tools/vectors/cryptography_vectors/x509/custom");
    let inspected = |name: &str| {
        let path = vectors.join(name);
        assert!(path.is_file(), "{} is missing: run scripts/tools", path.display());
        ceremony.run(&["inspect", path.to_str().unwrap()]).ok().json()
    };
    let delta = inspected("crl_delta_crl_indicator.pem");
    assert_eq!(delta["base_number"], 12_345_678_901_234_567_890_u64, "{delta}");
    assert_eq!(delta["extensions"][1]["name"], "deltaCRLIndicator", "{delta}");
    let part = inspected("crl_idp_only_ca.pem");
    assert_eq!(part["base_number"], serde_json::Value::Null, "{part}");
    let point = &part["extensions"][0];
    assert_eq!(
        (&point["oid"], &point["critical"]),
        (&"2.5.29.28".into(), &true.into()),
        "{part}"
    );
    assert!(point["text"].as_str().unwrap().contains("CA"), "{part}");
    let list = with_invalidity(&ceremony);
    let invalidity = &list["revoked"][0]["invalidity_time"];
    assert_eq!(invalidity, "2015-01-01T00:00:00Z", "{list}");
    let root = ceremony.run(&["inspect", "--dir", "root"]).ok().json();
    assert_eq!(
        root["root"]["extensions"][0]["name"], "basicConstraints",
        "{root}"
    );
}
