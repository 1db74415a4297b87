//! Signatures: of the wrong bytes, with broken hashes, with parameters of another algorithm.

use x509::{Csr, KeyAlgorithm, SignatureAlgorithm};

use super::refused;
use crate::csr::forge::{Forge, oid, tlv};
use crate::csr::holder::Holder;
use crate::csr::tool::Tool;

#[test]
fn a_signature_that_does_not_verify_is_refused() {
    let forge = Forge::new();
    let info = forge.info();
    let mut good = forge.holder.sign(&info, SignatureAlgorithm::EcdsaSha256);
    let other = Holder::new(KeyAlgorithm::P256).sign(&info, SignatureAlgorithm::EcdsaSha256);
    let elsewhere = forge
        .holder
        .sign(b"something else", SignatureAlgorithm::EcdsaSha256);
    for signature in [
        other,
        elsewhere,
        vec![],
        vec![0; 64],
        tlv(0x30, &[&[2, 1, 0], &[2, 1, 0]]),
    ] {
        refused(
            &forge.close(&info, &signature),
            "csr.signature",
            "does not verify",
        );
    }
    *good.last_mut().unwrap() ^= 1;
    refused(&forge.close(&info, &good), "csr.signature", "does not verify");
}

#[test]
fn signed_bytes_that_change_are_refused() {
    let der = Forge::new().sign();
    let at = der.windows(3).position(|w| w == b"web").unwrap();
    let mut changed = der;
    changed[at] = b'x';
    refused(&changed, "csr.signature", "does not verify");
}

#[test]
fn broken_hashes_are_refused_by_name() {
    let tool = Tool::new();
    tool.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem");
    tool.run("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
    for (key, hash, says) in [
        ("ec", "sha1", "SHA-1"),
        ("rsa", "sha1", "SHA-1"),
        ("rsa", "md5", "MD5"),
    ] {
        tool.run(&format!(
            "openssl req -new -key {key}.pem -subj /CN=x -{hash} -out csr.pem"
        ));
        refused(&tool.read("csr.pem"), "csr.signature", says);
    }
    tool.run("openssl req -new -key rsa.pem -subj /CN=x -sha224 -out csr.pem");
    refused(&tool.read("csr.pem"), "csr.signature", "1.2.840.113549.1.1.14");
}

#[test]
fn pss_is_read_with_every_salt_length_and_refused_with_two_hashes() {
    let tool = Tool::new();
    tool.run("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
    let request =
        "openssl req -new -key rsa.pem -subj /CN=x -out csr.pem -sigopt rsa_padding_mode:pss -sigopt";
    for salt in ["digest", "max", "0", "20", "31"] {
        tool.run(&format!("{request} rsa_pss_saltlen:{salt}"));
        let pem = tool.read("csr.pem");
        let csr = Csr::from_pem_or_der(&pem).unwrap_or_else(|error| panic!("{salt}: {error}"));
        let mut changed = csr.der().to_vec();
        *changed.last_mut().unwrap() ^= 1;
        refused(&changed, "csr.signature", "does not verify");
    }
    tool.run(&format!("{request} rsa_mgf1_md:sha512"));
    refused(&tool.read("csr.pem"), "csr.signature", "another hash in its mask");
    tool.run(&format!("{request} rsa_pss_saltlen:32 -sha1"));
    refused(&tool.read("csr.pem"), "csr.signature", "SHA-1, which is broken");
}

#[test]
fn algorithms_of_another_key_and_wrong_parameters_are_refused() {
    let rsa = SignatureAlgorithm::RsaPkcs1Sha256;
    let rsa = der::Encode::to_der(&rsa.identifier()).unwrap();
    let forge = Forge {
        algorithm: rsa,
        ..Forge::new()
    };
    refused(
        &forge.sign(),
        "csr.signature",
        "p256 key cannot make rsa-pkcs1-sha256",
    );
    let with_null = tlv(0x30, &[&oid("1.2.840.10045.4.3.2"), &[5, 0]]);
    refused(
        &Forge {
            algorithm: with_null,
            ..Forge::new()
        }
        .sign(),
        "csr.signature",
        "absent",
    );
    let unknown = tlv(0x30, &[&oid("1.2.3.4")]);
    refused(
        &Forge {
            algorithm: unknown,
            ..Forge::new()
        }
        .sign(),
        "csr.signature",
        "1.2.3.4",
    );
}
