//! Key files both ways: OpenSSL reads ours, we read OpenSSL's.

use keys::{KeyError, Signer, SoftwareKey};
use secrecy::SecretString;
use x509::key::KeyAlgorithm;

use crate::openssl::OpenSsl;

/// OpenSSL command that makes a key of each kind, and what we call it.
const KINDS: [(&str, KeyAlgorithm); 5] = [
    (
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        KeyAlgorithm::P256,
    ),
    (
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        KeyAlgorithm::P384,
    ),
    (
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521",
        KeyAlgorithm::P521,
    ),
    ("genpkey -algorithm ED25519", KeyAlgorithm::Ed25519),
    (
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        KeyAlgorithm::Rsa(2048),
    ),
];

/// The public key that OpenSSL sees in a private-key file.
fn openssl_public(openssl: &OpenSsl, file: &str, options: &str) -> Vec<u8> {
    openssl.run(&format!("pkey -in {file} {options} -pubout -outform DER"))
}

#[test]
fn openssl_reads_our_plain_files() {
    let openssl = OpenSsl::new();
    for (_, kind) in KINDS {
        let key = SoftwareKey::generate(kind).unwrap();
        openssl.write("key.pem", key.to_pem().unwrap().as_bytes());
        assert_eq!(
            openssl_public(&openssl, "key.pem", ""),
            key.public_key().spki(),
            "{kind}"
        );
        openssl.run("pkey -in key.pem -check -noout");
    }
}

#[test]
fn openssl_reads_our_encrypted_files() {
    let openssl = OpenSsl::new();
    for (_, kind) in KINDS {
        let key = SoftwareKey::generate(kind).unwrap();
        openssl.write("key.pem", key.to_encrypted_pem(&"sesame".into()).unwrap());
        assert_eq!(
            openssl_public(&openssl, "key.pem", "-passin pass:sesame"),
            key.public_key().spki(),
            "{kind}"
        );
        let wrong = openssl.try_run("pkey -in key.pem -passin pass:wrong -noout".split(' '));
        assert!(!wrong.status.success(), "{kind} opened with a wrong passphrase");
    }
}

#[test]
fn we_read_plain_files_of_openssl() {
    let openssl = OpenSsl::new();
    for (make, kind) in KINDS {
        openssl.run(&format!("{make} -out key.pem"));
        let key = SoftwareKey::from_pem(&openssl.read("key.pem"), None).unwrap();
        assert_eq!(key.public_key().algorithm(), kind);
        assert_eq!(key.public_key().spki(), openssl_public(&openssl, "key.pem", ""));
    }
}

#[test]
fn we_read_encrypted_files_of_openssl() {
    let openssl = OpenSsl::new();
    let passphrase = SecretString::from("sesame");
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain.pem");
    let public = openssl_public(&openssl, "plain.pem", "");
    for options in [
        "-v2 aes-256-cbc",
        "-v2 aes-192-cbc",
        "-v2 aes-128-cbc",
        "-v2 aes-256-cbc -v2prf hmacWithSHA1",
        "-v2 aes-256-cbc -v2prf hmacWithSHA384",
        "-v2 aes-256-cbc -v2prf hmacWithSHA512 -iter 5000",
        "-v2 des3",
        "-v1 PBE-SHA1-3DES",
        "-scrypt",
        "-scrypt -scrypt_N 1024 -scrypt_r 8 -scrypt_p 4",
    ] {
        openssl.run(&format!(
            "pkcs8 -topk8 -in plain.pem -out key.pem -passout pass:sesame {options}"
        ));
        let key = SoftwareKey::from_pem(&openssl.read("key.pem"), Some(&passphrase)).unwrap();
        assert_eq!(key.public_key().spki(), public, "{options}");
        openssl.run(&format!(
            "pkcs8 -topk8 -in plain.pem -outform DER -out key.der -passout pass:sesame {options}"
        ));
        let key = keys::from_file(&openssl.read("key.der"), Some(&passphrase)).unwrap();
        assert_eq!(key.public_key().spki(), public, "{options} in DER");
        let wrong = SoftwareKey::from_pem(&openssl.read("key.pem"), Some(&"Sesame".into())).unwrap_err();
        assert!(matches!(wrong, KeyError::WrongPassphrase), "{options}: {wrong}");
    }
}

#[test]
fn a_dsa_key_is_called_that_in_every_form() {
    let openssl = OpenSsl::new();
    openssl.run("genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -out dsa.params");
    openssl.run("genpkey -paramfile dsa.params -out dsa.pem");
    openssl.run("pkey -in dsa.pem -traditional -out old.pem");
    openssl.run("pkey -in dsa.pem -traditional -outform DER -out old.der");
    openssl.run("pkey -in dsa.pem -outform DER -out new.der");
    for file in ["dsa.pem", "old.pem", "old.der", "new.der"] {
        let refused = keys::from_file(&openssl.read(file), None)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("DSA"), "{file}: {refused}");
    }
}

#[test]
fn encryptions_we_do_not_read_name_the_way_out() {
    let openssl = OpenSsl::new();
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain.pem");
    openssl.run("ec -in plain.pem -aes256 -passout pass:sesame -out old.pem");
    let refused = SoftwareKey::from_pem(&openssl.read("old.pem"), Some(&"sesame".into())).unwrap_err();
    assert!(matches!(refused, KeyError::UnsupportedEncryption(_)), "{refused}");
    assert!(refused.to_string().contains("openssl pkcs8 -topk8"), "{refused}");
}

#[test]
fn we_read_sec1_and_pkcs1_files() {
    let openssl = OpenSsl::new();
    for (curve, kind) in [
        ("prime256v1", KeyAlgorithm::P256),
        ("secp384r1", KeyAlgorithm::P384),
        ("secp521r1", KeyAlgorithm::P521),
    ] {
        // Writes an EC PARAMETERS block before the key.
        openssl.run(&format!("ecparam -name {curve} -genkey -out key.pem"));
        assert!(
            String::from_utf8(openssl.read("key.pem"))
                .unwrap()
                .contains("BEGIN EC PRIVATE KEY")
        );
        let key = SoftwareKey::from_pem(&openssl.read("key.pem"), None).unwrap();
        assert_eq!(key.public_key().algorithm(), kind);
        assert_eq!(key.public_key().spki(), openssl_public(&openssl, "key.pem", ""));
    }
    openssl.run("genrsa -traditional -out key.pem 2048");
    assert!(
        String::from_utf8(openssl.read("key.pem"))
            .unwrap()
            .contains("BEGIN RSA PRIVATE KEY")
    );
    let key = SoftwareKey::from_pem(&openssl.read("key.pem"), None).unwrap();
    assert_eq!(key.public_key().spki(), openssl_public(&openssl, "key.pem", ""));
}

#[test]
fn a_key_behind_a_certificate_is_found() {
    let openssl = OpenSsl::new();
    openssl.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout key.pem -out crt.pem");
    let both = [openssl.read("crt.pem"), openssl.read("key.pem")].concat();
    let key = SoftwareKey::from_pem(&both, None).unwrap();
    assert_eq!(key.public_key().spki(), openssl_public(&openssl, "key.pem", ""));
}

#[test]
fn der_files_of_every_form_are_read() {
    let openssl = OpenSsl::new();
    for (make, kind) in KINDS {
        openssl.run(&format!("{make} -outform DER -out key.der"));
        let key = keys::from_file(&openssl.read("key.der"), None).unwrap();
        assert_eq!(key.public_key().algorithm(), kind);
    }
    openssl.run("ecparam -name secp384r1 -genkey -noout -outform DER -out key.der");
    let key = keys::from_file(&openssl.read("key.der"), None).unwrap();
    assert_eq!(key.public_key().algorithm(), KeyAlgorithm::P384);
    openssl.run("genrsa -traditional -out key.pem 2048");
    openssl.run("rsa -in key.pem -traditional -outform DER -out key.der");
    let key = keys::from_file(&openssl.read("key.der"), None).unwrap();
    assert_eq!(key.public_key().algorithm(), KeyAlgorithm::Rsa(2048));
}

#[test]
fn keys_that_are_not_taken_are_refused_with_the_true_reason() {
    let openssl = OpenSsl::new();
    for (make, complaint) in [
        (
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
            "P-256, P-384, P-521",
        ),
        (
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
            "written out instead of named",
        ),
        ("genpkey -algorithm X25519", "cannot sign"),
        ("genpkey -algorithm ED448", "Ed448"),
        ("genpkey -algorithm RSA-PSS", "RSA-PSS"),
        (
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024",
            "1024 bits",
        ),
        (
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_primes:3",
            "two primes",
        ),
    ] {
        openssl.run(&format!("{make} -out key.pem"));
        openssl.run("pkcs8 -topk8 -in key.pem -out locked.pem -passout pass:sesame");
        for (file, passphrase) in [
            ("key.pem", None),
            ("locked.pem", Some(SecretString::from("sesame"))),
        ] {
            let refused = SoftwareKey::from_pem(&openssl.read(file), passphrase.as_ref()).unwrap_err();
            let refused = refused.to_string();
            assert!(refused.contains(complaint), "{make} {file}: {refused}");
        }
    }
    openssl.run("genrsa -traditional -out key.pem 1024");
    let refused = SoftwareKey::from_pem(&openssl.read("key.pem"), None)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("1024 bits"), "{refused}");
    openssl.run("ecparam -name secp256k1 -genkey -noout -out key.pem");
    let refused = SoftwareKey::from_pem(&openssl.read("key.pem"), None)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("P-256, P-384, P-521"), "{refused}");
    openssl.run("ecparam -name prime256v1 -param_enc explicit -genkey -noout -out key.pem");
    let refused = SoftwareKey::from_pem(&openssl.read("key.pem"), None)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("written out instead of named"), "{refused}");
}

/// The scalar of a key on a curve that is not read would be one of a curve that is.
#[test]
fn a_key_without_a_curve_is_of_none() {
    let openssl = OpenSsl::new();
    openssl.run("ecparam -name secp256k1 -genkey -noout -outform DER -out key.der");
    let key = openssl.read("key.der");
    let bare = [&[0x30, 0x25], &key[2..39]].concat();
    openssl.write("bare.der", &bare);
    let judge = openssl.try_run(["pkey", "-inform", "DER", "-in", "bare.der", "-noout"]);
    assert!(!judge.status.success(), "OpenSSL reads it");
    let refused = keys::from_file(&bare, None).unwrap_err().to_string();
    assert!(refused.contains("does not name its curve"), "{refused}");
}

#[test]
fn what_is_no_key_file_is_named() {
    let openssl = OpenSsl::new();
    openssl.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout key.pem -out crt.pem");
    openssl.run("x509 -in crt.pem -outform DER -out crt.der");
    openssl.run("pkey -in key.pem -pubout -outform DER -out pub.der");
    openssl.run("genrsa -out rsa.pem 2048");
    openssl.run("rsa -in rsa.pem -RSAPublicKey_out -outform DER -out rsapub.der");
    openssl.run("ts -query -digest 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff -sha256 -out ts.tsq");
    openssl.run("crl2pkcs7 -nocrl -certfile crt.pem -outform DER -out p7b.der");
    openssl.write("refused.tsr", [0x30, 5, 0x30, 3, 2, 1, 2]);
    openssl.write("keystore.jks", [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 0]);
    let below = x509::pem::encode("RSA PRIVATE KEY", &openssl.read("rsapub.der"));
    openssl.write("below.pem", below);
    for (file, complaint) in [
        ("rsapub.der", "a public key in the form of PKCS#1"),
        ("below.pem", "a public key in the form of PKCS#1"),
        ("ts.tsq", "a timestamp request"),
        ("refused.tsr", "a timestamp response"),
        ("p7b.der", "a PKCS#7 bundle"),
        ("keystore.jks", "keytool -importkeystore"),
        ("crt.pem", "a certificate"),
        ("crt.der", "a certificate"),
        ("pub.der", "a public key"),
    ] {
        let refused = keys::from_file(&openssl.read(file), None)
            .unwrap_err()
            .to_string();
        assert!(refused.contains(complaint), "{file}: {refused}");
    }
    let mut cut = openssl.run("pkey -in key.pem -outform DER");
    cut.truncate(60);
    assert!(keys::from_file(&cut, None).is_err());
}
