//! Private keys of the field: the test vectors of the Python package `cryptography`, which `scripts/tools` installs.

use std::path::{Path, PathBuf};

use keys::{KeyError, SoftwareKey};

use crate::openssl::OpenSsl;

fn vectors() -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/vectors");
    let folder = tools.join("cryptography_vectors/asymmetric");
    assert!(
        folder.is_dir(),
        "{} is missing: run scripts/tools",
        folder.display()
    );
    folder
}

fn read(path: &Path) -> Result<SoftwareKey, KeyError> {
    keys::from_file(&std::fs::read(path).unwrap(), None)
}

#[test]
fn broken_keys_of_the_field_are_refused_with_the_true_reason() {
    let folder = vectors();
    for (file, reason) in [
        ("EC/ec-missing-curve.pem", "does not name its curve"),
        ("EC/secp256r1-explicit-seed.pem", "written out instead of named"),
        (
            "EC/secp384r1-explicit-no-seed.pem",
            "written out instead of named",
        ),
        ("EC/ec_private_key_non_zero_unused_bits.der", "unused bits"),
        (
            "PKCS8/ec-invalid-version.pem",
            "the version of the EC key must be 1",
        ),
        ("PKCS8/ec-inconsistent-curve.pem", "two curves"),
        ("PKCS8/ec-inconsistent-curve2.pem", "two curves"),
        ("PKCS8/ec-invalid-private-scalar.pem", "the order of its curve"),
        (
            "Traditional_OpenSSL_Serialization/rsa-wrong-version.pem",
            "the version of the RSA key must be 0",
        ),
    ] {
        let refused = read(&folder.join(file)).unwrap_err().to_string();
        assert!(refused.contains(reason), "{file}: {refused}");
    }
}

#[test]
fn a_label_of_an_older_form_does_not_hide_what_is_below_it() {
    read(&vectors().join("PKCS8/wrong-pem-delimiter-rsa.pem")).unwrap();
}

#[test]
fn every_key_that_is_read_is_the_one_that_openssl_reads() {
    let (openssl, folder) = (OpenSsl::new(), vectors());
    let mut count = 0;
    for part in [
        "EC",
        "PKCS8",
        "Traditional_OpenSSL_Serialization",
        "DER_Serialization",
    ] {
        for entry in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let Ok(key) = read(&path) else { continue };
            let path = path.to_str().unwrap();
            let public = openssl.try_run(["pkey", "-in", path, "-pubout", "-outform", "DER"]);
            let public = (public.status.success(), public.stdout);
            assert_eq!(
                public,
                (true, keys::Signer::public_key(&key).spki().to_vec()),
                "{path}"
            );
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} keys were read");
}
