//! Octets: other versions, trailing ones, padded lengths, truncations, and what is not a request.

use x509::{Csr, SignatureAlgorithm, pem};

use super::refused;
use crate::csr::forge::{Forge, attribute, dns_request, tlv};
use crate::csr::tool::Tool;

#[test]
fn oversized_input_is_refused_whatever_it_holds() {
    let padding = attribute("1.2.3", &[&tlv(0x04, &[&vec![0; Csr::MAX_LEN]])]);
    let der = Forge::with_attributes(&[&padding]).sign();
    refused(&der, "csr", "the limit is 65536 bytes");
    refused(
        pem::encode("CERTIFICATE REQUEST", &der).as_bytes(),
        "csr",
        "the limit is 65536 bytes",
    );
    let small = pem::encode("CERTIFICATE REQUEST", &Forge::new().sign());
    let stuffed = " \n".repeat(Csr::MAX_LEN) + &small;
    refused(stuffed.as_bytes(), "csr", "the limit is 65536 bytes");
    refused(&vec![0x30; 10_000_000], "csr", "the limit is 65536 bytes");
}

#[test]
fn other_versions_are_refused() {
    for version in [
        vec![2, 1, 1],
        vec![2, 1, 2],
        vec![2, 1, 0xff],
        vec![2, 5, 1, 0, 0, 0, 0],
    ] {
        refused(
            &Forge {
                version,
                ..Forge::new()
            }
            .sign(),
            "csr",
            "version",
        );
    }
    for version in [vec![], vec![2, 0], vec![2, 2, 0, 0], vec![1, 1, 0]] {
        refused(
            &Forge {
                version,
                ..Forge::new()
            }
            .sign(),
            "csr",
            "PKCS#10",
        );
    }
}

#[test]
fn trailing_octets_are_refused_at_every_level() {
    let forge = Forge::new();
    let info = forge.info();
    let signature = forge.holder.sign(&info, SignatureAlgorithm::EcdsaSha256);
    let good = forge.close(&info, &signature);
    refused(&[&good[..], &[0]].concat(), "csr", "trailing");
    let after_signature = tlv(
        0x30,
        &[&info, &forge.algorithm, &tlv(0x03, &[&[0], &signature]), &[5, 0]],
    );
    refused(&after_signature, "csr", "trailing");
    let attributes = [&forge.attributes[..], &[5, 0]].concat();
    refused(
        &Forge {
            attributes,
            ..Forge::new()
        }
        .sign(),
        "csr",
        "trailing",
    );
    let spki = tlv(0x30, &[&forge.spki[2..], &[5, 0]]);
    refused(&Forge { spki, ..Forge::new() }.sign(), "csr.public_key", "DER");
}

#[test]
fn indefinite_and_padded_lengths_are_refused() {
    let der = Forge::new().sign();
    let body = &der[4..];
    refused(&[&[0x30, 0x80], body, &[0, 0]].concat(), "csr", "length");
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    refused(&[&[0x30, 0x84], &length[..], body].concat(), "csr", "length");
}

#[test]
fn every_truncation_is_refused() {
    let der = Forge::with_attributes(&[&dns_request(&["a.example.test"])]).sign();
    for end in 0..der.len() {
        assert!(Csr::from_pem_or_der(&der[..end]).is_err(), "first {end} octets");
    }
    let text = pem::encode("CERTIFICATE REQUEST", &der);
    // The line feed at the end may be missing; everything before it may not.
    for end in 0..text.len() - 1 {
        assert!(
            Csr::from_pem_or_der(&text.as_bytes()[..end]).is_err(),
            "first {end} characters"
        );
    }
}

#[test]
fn input_that_is_no_request_is_refused() {
    let tool = Tool::new();
    tool.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -subj /CN=x -out cert.pem");
    refused(
        &tool.read("cert.pem"),
        "csr",
        "is a certificate; a certificate signing request (CSR) is needed (\"-----BEGIN CERTIFICATE REQUEST-----\")",
    );
    tool.run("openssl x509 -in cert.pem -outform DER -out cert.der");
    refused(&tool.read("cert.der"), "csr", "is a certificate; ");
    refused(&tool.read("k"), "csr", "is a private key; ");
    tool.run("openssl genrsa -out rsa 2048");
    tool.write("index", "");
    tool.write(
        "ca.cnf",
        "[ca]\ndefault_ca=x\n[x]\ndatabase=index\ndefault_md=sha256\ndefault_crl_days=1\n",
    );
    tool.run("openssl ca -gencrl -config ca.cnf -keyfile k -cert cert.pem -out crl");
    tool.run("openssl pkey -in k -pubout -outform DER -out public.der");
    refused(&tool.read("public.der"), "csr", "is a public key; ");
    for (command, kind) in [
        ("pkcs8 -topk8 -nocrypt -in k -outform DER", "a private key"),
        ("ec -in k -outform DER", "a private key"),
        (
            "pkcs8 -topk8 -passout pass:x -in k -outform DER",
            "an encrypted private key",
        ),
        (
            "pkcs12 -export -inkey k -in cert.pem -passout pass:x",
            "a PKCS#12 file",
        ),
        (
            "crl2pkcs7 -nocrl -certfile cert.pem -outform DER",
            "a PKCS#7 bundle",
        ),
        (
            "rsa -in rsa -RSAPublicKey_out -outform DER",
            "a public key in the form of PKCS#1",
        ),
        ("crl -in crl -outform DER", "a certificate revocation list (CRL)"),
        ("ts -query -data k -sha256", "a timestamp request"),
    ] {
        tool.run(&format!("openssl {command} -out other"));
        refused(&tool.read("other"), "csr", kind);
    }
    refused(
        &[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2],
        "csr",
        "keytool -importkeystore",
    );
    let one = pem::encode("CERTIFICATE REQUEST", &Forge::new().sign());
    refused(one.repeat(2).as_bytes(), "csr", "several");
    for garbage in [
        &b""[..],
        b"0",
        b"hello",
        &[0],
        &[0x30],
        &[0x30, 0x80],
        &[0xff; 100],
    ] {
        refused(garbage, "csr", "");
    }
}
