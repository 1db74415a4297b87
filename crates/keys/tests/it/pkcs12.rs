//! PKCS#12 both ways: OpenSSL reads ours, we read OpenSSL's.

use keys::{KeyError, Pkcs12, Signer, SoftwareKey};
use secrecy::SecretString;
use x509::Certificate;
use x509::asn1::{Reader, Writer, tag};

use crate::openssl::OpenSsl;

/// A key and a certificate for it in `key.pem` and `crt.pem`, of a CA in `ca.pem`.
fn pair(openssl: &OpenSsl, kind: &str) -> (SoftwareKey, Vec<Certificate>) {
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl.run(&format!("req -x509 {ec} -subj /CN=ca -keyout ca.key -out ca.pem"));
    openssl.run(&format!(
        "req -new {kind} -nodes -subj /CN=leaf -keyout key.pem -out leaf.csr"
    ));
    openssl.run("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 9 -out crt.pem");
    let key = SoftwareKey::from_pem(&openssl.read("key.pem"), None).unwrap();
    let certificate = |file| Certificate::from_pem(&openssl.read(file)).unwrap();
    (key, vec![certificate("crt.pem"), certificate("ca.pem")])
}

const EC: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";

#[test]
fn openssl_reads_our_file_and_finds_modern_encryption_only() {
    let openssl = OpenSsl::new();
    for kind in [EC, "-newkey rsa:2048", "-newkey ed25519"] {
        let (key, certificates) = pair(&openssl, kind);
        let file = Pkcs12::to_der(&key, &certificates, "leaf", &"sesame ü".into()).unwrap();
        openssl.write("ours.p12", &file);
        openssl.write("pass", "sesame ü\n");
        let shown = openssl.try_run("pkcs12 -in ours.p12 -passin file:pass -nodes -info".split(' '));
        assert!(shown.status.success(), "{shown:?}");
        let (out, info) = (
            String::from_utf8(shown.stdout).unwrap(),
            String::from_utf8(shown.stderr).unwrap(),
        );
        assert!(
            out.contains("subject=CN = leaf") && out.contains("subject=CN = ca"),
            "{out}"
        );
        assert!(info.contains("MAC: sha256, Iteration 600000"), "{info}");
        let modern = "PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256";
        assert_eq!(info.matches(modern).count(), 2, "{info}");
        openssl.write("back.pem", out);
        let back = SoftwareKey::from_pem(&openssl.read("back.pem"), None).unwrap();
        assert_eq!(back.public_key(), key.public_key(), "{kind}");
        let wrong = openssl.try_run("pkcs12 -in ours.p12 -passin pass:wrong -nodes".split(' '));
        assert!(!wrong.status.success());

        let read = Pkcs12::from_der(&file, Some(&"sesame ü".into())).unwrap();
        assert_eq!(read.key.public_key(), key.public_key());
        let ders = |list: &[Certificate]| list.iter().map(|one| one.der().to_vec()).collect::<Vec<_>>();
        assert_eq!(ders(&read.certificates), ders(&certificates));
    }
}

#[test]
fn files_of_openssl_are_read_old_and_new() {
    let openssl = OpenSsl::new();
    let (key, _) = pair(&openssl, EC);
    let (right, wrong) = (SecretString::from("sesame"), SecretString::from("Sesame"));
    for options in [
        "",
        "-macalg sha512",
        "-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1",
        "-certpbe NONE -keypbe AES-128-CBC",
        "-keypbe NONE -certpbe NONE",
        "-nomac",
    ] {
        openssl.run(&format!(
            "pkcs12 -export -in crt.pem -inkey key.pem -certfile ca.pem -passout pass:sesame -out a.p12 {options}"
        ));
        let file = openssl.read("a.p12");
        let read = Pkcs12::from_der(&file, Some(&right)).unwrap();
        assert_eq!(read.key.public_key(), key.public_key(), "{options}");
        assert_eq!(read.certificates.len(), 2, "{options}");
        assert_eq!(
            keys::from_file(&file, Some(&right)).unwrap().public_key(),
            key.public_key()
        );
        assert!(
            matches!(keys::from_file(&file, None), Err(KeyError::PassphraseNeeded)),
            "{options}"
        );
        let refused = Pkcs12::from_der(&file, Some(&wrong)).unwrap_err();
        assert!(
            matches!(refused, KeyError::WrongPassphrase),
            "{options}: {refused}"
        );
    }
}

#[test]
fn files_that_have_no_passphrase_or_the_empty_one_are_read_without_one() {
    let openssl = OpenSsl::new();
    let (key, certificates) = pair(&openssl, EC);
    for options in [
        "",
        "-macalg sha1 -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES",
        "-keypbe NONE -certpbe NONE",
        "-nomac",
        "-nomac -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES",
        "-nomac -keypbe NONE -certpbe NONE",
    ] {
        openssl.run(&format!(
            "pkcs12 -export -in crt.pem -inkey key.pem -certfile ca.pem -passout pass: -out a.p12 {options}"
        ));
        let file = openssl.read("a.p12");
        let read = keys::from_file(&file, None).unwrap();
        assert_eq!(read.public_key(), key.public_key(), "{options}");
        let read = Pkcs12::from_der(&file, None).unwrap();
        assert_eq!(read.key.public_key(), key.public_key(), "{options}");
        assert_eq!(read.certificates.len(), 2, "{options}");
    }
    // None is written like that.
    let refused = Pkcs12::to_der(&key, &certificates, "leaf", &"".into()).unwrap_err();
    assert!(matches!(refused, KeyError::EmptyPassphrase), "{refused}");
    // Only PKCS#12 has that: a key that is encrypted by itself has a passphrase.
    openssl.run("pkcs8 -topk8 -in key.pem -passout pass:sesame -out a.pem");
    let refused = keys::from_file(&openssl.read("a.pem"), None).unwrap_err();
    assert!(matches!(refused, KeyError::PassphraseNeeded), "{refused}");
}

#[test]
fn the_key_is_found_beside_certificates_in_a_cipher_that_is_not_read() {
    let openssl = OpenSsl::new();
    let (key, _) = pair(&openssl, EC);
    let export =
        "pkcs12 -export -legacy -in crt.pem -inkey key.pem -passout pass:sesame -out a.p12 -macalg sha1";
    for (options, scheme) in [
        (
            "-certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES",
            "RC2 with 40 bits",
        ),
        (
            "-certpbe PBE-SHA1-RC2-128 -keypbe AES-256-CBC",
            "RC2 with 128 bits",
        ),
        ("-certpbe PBE-SHA1-RC4-128 -keypbe PBE-SHA1-3DES", "RC4"),
    ] {
        openssl.run(&format!("{export} {options}"));
        let file = openssl.read("a.p12");
        let read = keys::from_file(&file, Some(&"sesame".into())).unwrap();
        assert_eq!(read.public_key(), key.public_key(), "{options}");
        let wrong = keys::from_file(&file, Some(&"Sesame".into())).unwrap_err();
        assert!(matches!(wrong, KeyError::WrongPassphrase), "{wrong}");
        // Whoever wants the certificates is told why there are none, and what helps with a PKCS#12 file.
        let refused = Pkcs12::from_der(&file, Some(&"sesame".into()))
            .unwrap_err()
            .to_string();
        assert!(refused.contains(scheme), "{refused}");
        assert!(
            refused.contains("openssl pkcs12") && !refused.contains(",,"),
            "{refused}"
        );
    }
    openssl.run(&format!(
        "{export} -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-RC2-40"
    ));
    let refused = keys::from_file(&openssl.read("a.p12"), Some(&"sesame".into())).unwrap_err();
    assert!(matches!(refused, KeyError::UnsupportedPkcs12(_)), "{refused}");
    // Without an integrity code it is unknown whether the content is what was written.
    openssl.run(&format!(
        "{export} -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES"
    ));
    let file = openssl.read("a.p12");
    let mut fields = Reader::within(&file, tag::SEQUENCE).unwrap();
    let kept = [fields.any().unwrap().whole, fields.any().unwrap().whole].concat();
    let file = Writer::one(tag::SEQUENCE, |out| out.raw(&kept));
    let refused = keys::from_file(&file, Some(&"sesame".into())).unwrap_err();
    assert!(matches!(refused, KeyError::UnsupportedPkcs12(_)), "{refused}");
}

#[test]
fn a_changed_file_does_not_open() {
    let openssl = OpenSsl::new();
    pair(&openssl, EC);
    openssl.run("pkcs12 -export -in crt.pem -inkey key.pem -iter 10 -passout pass:sesame -out a.p12");
    let file = openssl.read("a.p12");
    for at in (0..file.len()).step_by(7) {
        let mut changed = file.clone();
        changed[at] ^= 0x10;
        assert!(
            Pkcs12::from_der(&changed, Some(&"sesame".into())).is_err(),
            "octet {at}"
        );
        assert!(
            Pkcs12::from_der(&file[..at], Some(&"sesame".into())).is_err(),
            "{at} octets"
        );
    }
}

#[test]
fn a_file_without_a_key_says_so() {
    let openssl = OpenSsl::new();
    pair(&openssl, EC);
    openssl.run("pkcs12 -export -nokeys -in crt.pem -passout pass:sesame -out a.p12");
    let refused = Pkcs12::from_der(&openssl.read("a.p12"), Some(&"sesame".into()))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("no private key"), "{refused}");
}
