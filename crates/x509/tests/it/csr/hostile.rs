//! Requests that must be refused: each names the part at fault, none panics.

use std::time::{Duration, Instant};

use x509::{Csr, CsrError, KeyAlgorithm, SignatureAlgorithm, pem};

use super::{
    forge::{
        CHALLENGE_PASSWORD, EXTENSION_REQUEST, Forge, MICROSOFT_EXTENSIONS, SUBJECT_ALT_NAME, attribute,
        common_name, dns_names, dns_request, extension, extensions, oid, tlv,
    },
    holder::Holder,
    tool::Tool,
};

/// The request is refused for this part, and the message says this.
#[track_caller]
fn refused(input: &[u8], field: &str, says: &str) -> CsrError {
    #[expect(clippy::expect_used, reason = "tests")]
    let error = Csr::from_pem_or_der(input).expect_err("refused");
    assert_eq!(error.field(), field, "{error}");
    assert!(error.to_string().contains(says), "{error}");
    error
}

#[test]
fn the_pieces_make_a_good_request_before_any_is_spoilt() {
    assert!(Csr::from_der(&Forge::new().sign()).is_ok());
}

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
fn repeated_attributes_and_extensions_are_refused() {
    let san = extension(SUBJECT_ALT_NAME, false, &dns_names(&["a.example.test"]));
    let other = extension(SUBJECT_ALT_NAME, false, &dns_names(&["b.example.test"]));
    let request = extensions(EXTENSION_REQUEST, &[&san]);
    let microsoft = extensions(MICROSOFT_EXTENSIONS, &[&other]);
    let password = tlv(0x0c, &[b"pass"]);
    let list = tlv(0x30, &[&san]);
    let name = attribute("1.2.840.113549.1.9.2", &[&password]);
    for (attributes, says) in [
        (
            vec![extensions(EXTENSION_REQUEST, &[&san, &other])],
            "extension 2.5.29.17 appears more than once",
        ),
        (
            vec![request.clone(), request.clone()],
            "asks for extensions twice",
        ),
        (vec![request, microsoft.clone()], "asks for extensions twice"),
        (vec![microsoft.clone(), microsoft], "asks for extensions twice"),
        (
            vec![attribute(EXTENSION_REQUEST, &[&list, &list])],
            "exactly one value",
        ),
        (vec![attribute(EXTENSION_REQUEST, &[])], "exactly one value"),
        (
            vec![attribute(CHALLENGE_PASSWORD, &[&password, &password])],
            "exactly one value",
        ),
        (
            vec![name.clone(), name],
            "attribute 1.2.840.113549.1.9.2 appears more than once",
        ),
    ] {
        let attributes: Vec<_> = attributes.iter().map(Vec::as_slice).collect();
        refused(
            &Forge::with_attributes(&attributes).sign(),
            "csr.attributes",
            says,
        );
    }
}

#[test]
fn malformed_attributes_are_refused() {
    let value = [2, 1, 0];
    for attributes in [
        tlv(0x30, &[&oid("1.2.3")]),
        tlv(0x30, &[&oid("1.2.3"), &tlv(0x30, &[&value])]),
        tlv(0x30, &[&oid("1.2.3"), &tlv(0x31, &[&value]), &value]),
        tlv(0x30, &[&oid("1.2.3"), &tlv(0x31, &[&[2, 9]])]),
        attribute(EXTENSION_REQUEST, &[&value]),
        extensions(EXTENSION_REQUEST, &[&value]),
        extensions(
            EXTENSION_REQUEST,
            &[&tlv(0x30, &[&oid("2.5.29.17"), &[1, 1, 1], &[4, 0]])],
        ),
        extensions(
            EXTENSION_REQUEST,
            &[&tlv(0x30, &[&oid("2.5.29.17"), &[4, 0], &value])],
        ),
    ] {
        refused(
            &Forge::with_attributes(&[&attributes]).sign(),
            "csr.attributes",
            "attributes of",
        );
    }
}

#[test]
fn attributes_and_extensions_are_bounded_in_number() {
    let many: Vec<_> = (0..33).map(|n| attribute(&format!("1.2.3.{n}"), &[])).collect();
    let many: Vec<_> = many.iter().map(Vec::as_slice).collect();
    refused(
        &Forge::with_attributes(&many).sign(),
        "csr.attributes",
        "more than 32 attributes",
    );
    let many: Vec<_> = (0..65)
        .map(|n| extension(&format!("1.2.3.{n}"), false, &[5, 0]))
        .collect();
    let many: Vec<_> = many.iter().map(Vec::as_slice).collect();
    let forge = Forge::with_attributes(&[&extensions(EXTENSION_REQUEST, &many)]);
    refused(&forge.sign(), "csr.attributes", "more than 64 extensions");
}

#[test]
fn unknown_critical_extensions_are_refused_and_known_ones_are_not() {
    let ask = |kind: &str, critical| {
        let wanted = extension(kind, critical, &[5, 0]);
        Csr::from_der(&Forge::with_attributes(&[&extensions(EXTENSION_REQUEST, &[&wanted])]).sign())
    };
    for kind in ["1.2.3.4", "2.5.29.99", "1.3.6.1.5.5.7.1.99"] {
        assert!(ask(kind, false).is_ok());
        let error = ask(kind, true).unwrap_err();
        assert_eq!(
            (error.field(), error.to_string().contains(kind)),
            ("csr.attributes", true),
            "{error}"
        );
    }
    for kind in ["2.5.29.15", "2.5.29.19", "2.5.29.37", "1.3.6.1.5.5.7.1.24"] {
        assert!(ask(kind, true).is_ok(), "{kind}");
    }
}

#[test]
fn nul_control_and_invisible_characters_are_refused_everywhere() {
    for text in [
        &b"bank.example.test\0.evil.test"[..],
        b"\0",
        b"a\nb",
        b"a\x7fb",
        "a\u{200b}b".as_bytes(),
        "a\u{202e}b".as_bytes(),
        "a\u{61c}b".as_bytes(),
        "a\u{2028}b".as_bytes(),
        "a\u{3164}b".as_bytes(),
    ] {
        refused(
            &Forge {
                subject: common_name(text),
                ..Forge::new()
            }
            .sign(),
            "csr.subject",
            "invisible character",
        );
        refused(
            &Forge::with_attributes(&[&dns_request(&[text])]).sign(),
            "csr.san",
            "",
        );
        // A password is not a name: invisible characters in it mislead no reader.
        if !text.is_ascii() {
            continue;
        }
        let password = attribute(CHALLENGE_PASSWORD, &[&tlv(0x0c, &[text])]);
        refused(
            &Forge::with_attributes(&[&password]).sign(),
            "csr.attributes",
            "challengePassword",
        );
    }
    for kind in [0x81u8, 0x86] {
        let name = tlv(0x30, &[&tlv(kind, &[b"a\0@example.test"])]);
        let san = extension(SUBJECT_ALT_NAME, false, &name);
        refused(
            &Forge::with_attributes(&[&extensions(EXTENSION_REQUEST, &[&san])]).sign(),
            "csr.san",
            "",
        );
    }
}

#[test]
fn subjects_that_could_not_be_issued_are_refused() {
    let long = "x".repeat(65);
    for (subject, says) in [
        (common_name(long.as_bytes()), "at most 64"),
        (common_name(b""), "empty"),
        (common_name(b"."), "filler"),
        (common_name(&[0xff, 0xfe]), ""),
        (tlv(0x31, &[]), "not a distinguished name"),
        (tlv(0x30, &[&tlv(0x31, &[])]), ""),
    ] {
        refused(
            &Forge {
                subject,
                ..Forge::new()
            }
            .sign(),
            "csr.subject",
            says,
        );
    }
}

#[test]
fn names_that_could_not_be_issued_are_refused() {
    for name in [
        "a.*.example.test",
        "*a.example.test",
        "*.*.example.test",
        "*",
        "192.0.2.1",
        "::1",
        "a_b.example.test",
        "example.test.",
        "a..example.test",
        "",
        "-a.example.test",
        "xn--\u{e9}.test",
        &format!("{}.test", "a".repeat(64)),
    ] {
        refused(
            &Forge::with_attributes(&[&dns_request(&[name])]).sign(),
            "csr.san",
            "",
        );
    }
    for name in [
        tlv(0x87, &[&[1, 2, 3]]),
        tlv(0x87, &[&[0; 8]]),
        tlv(0x83, &[]),
        tlv(0xa5, &[]),
        vec![],
    ] {
        let san = extension(SUBJECT_ALT_NAME, false, &tlv(0x30, &[&name]));
        refused(
            &Forge::with_attributes(&[&extensions(EXTENSION_REQUEST, &[&san])]).sign(),
            "csr.san",
            "",
        );
    }
}

#[test]
fn ten_thousand_names_are_refused_cheaply_and_the_limit_is_named() {
    let short: Vec<_> = (0..10_000)
        .map(|n| format!("{:03x}{}", n % 4096, ["g", "h", "i"][n / 4096]))
        .collect();
    let long: Vec<_> = (0..10_000).map(|n| format!("host-{n}.example.test")).collect();
    for (names, field) in [(short, "csr.san"), (long, "csr")] {
        let der = Forge::with_attributes(&[&dns_request(&names)]).sign();
        for input in [der.clone(), pem::encode("CERTIFICATE REQUEST", &der).into_bytes()] {
            let start = Instant::now();
            refused(&input, field, "100 subject alternative names");
            // A debug build on a busy machine; the work itself is well under a millisecond.
            assert!(
                start.elapsed() < Duration::from_millis(500),
                "{:?}",
                start.elapsed()
            );
        }
    }
    let hundred: Vec<_> = (0..100).map(|n| format!("host-{n}.example.test")).collect();
    let der = Forge::with_attributes(&[&dns_request(&hundred)]).sign();
    assert_eq!(Csr::from_der(&der).unwrap().sans().len(), 100);
}

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
    ] {
        tool.run(&format!("openssl {command} -out other"));
        refused(&tool.read("other"), "csr", kind);
    }
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
