//! Keys: weak, unsupported, off the curve, and private ones beside the request.

use x509::{Csr, CsrError, pem};

use super::refused;
use crate::csr::forge::Forge;
use crate::csr::tool::Tool;

#[test]
fn weak_and_unsupported_keys_are_refused() {
    let tool = Tool::new();
    for (key, says) in [
        (
            "RSA -pkeyopt rsa_keygen_bits:1024",
            "1024 bits is below the minimum",
        ),
        ("RSA -pkeyopt rsa_keygen_bits:2050", "not a multiple of 8"),
        (
            "RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3",
            "exponent is below 65537",
        ),
        ("EC -pkeyopt ec_paramgen_curve:secp256k1", "secp256k1"),
        (
            "EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
            "named curve",
        ),
        ("ED448", "Ed448"),
        ("RSA-PSS -pkeyopt rsa_keygen_bits:2048", "restricted to PSS"),
    ] {
        tool.run(&format!("openssl genpkey -algorithm {key} -out key.pem"));
        tool.run("openssl req -new -key key.pem -subj /CN=x -out csr.pem");
        refused(&tool.read("csr.pem"), "csr.public_key", says);
    }
}

#[test]
fn a_point_off_the_curve_is_refused() {
    let mut forge = Forge::new();
    *forge.spki.last_mut().unwrap() ^= 1;
    refused(&forge.sign(), "csr.public_key", "not on the curve p256");
}

#[test]
fn a_private_key_beside_a_request_is_refused_and_not_shown() {
    let request = pem::encode("CERTIFICATE REQUEST", &Forge::new().sign());
    let secret = [0x5a; 40];
    for label in [
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
    ] {
        let key = pem::encode(label, &secret);
        for text in [
            format!("{request}{key}"),
            format!("{key}{request}"),
            format!("\u{feff}{key}\r{request}"),
        ] {
            let error = Csr::from_pem_or_der(text.as_bytes()).unwrap_err();
            assert!(matches!(error, CsrError::PrivateKey), "{error}");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("generate a new key"), "{shown}");
            assert!(!shown.contains("Wlpa"), "{shown}");
        }
        refused(key.as_bytes(), "csr", "private key; ");
    }
}
