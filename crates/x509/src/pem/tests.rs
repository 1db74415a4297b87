use proptest::prelude::*;

use super::*;

fn block_of(text: impl AsRef<[u8]>) -> Vec<u8> {
    decode(text.as_ref(), "X").unwrap().remove(0)
}

fn refusal(text: impl AsRef<[u8]>) -> String {
    decode(text.as_ref(), "X").unwrap_err().to_string()
}

#[test]
fn lines_are_64_wide_as_rfc_7468_generates_them() {
    let text = encode("X", &[7; 49]);
    let widths: Vec<_> = text.lines().map(str::len).collect();
    assert_eq!(widths, [17, 64, 4, 15], "{text}");
}

#[test]
fn the_lax_grammar_of_rfc_7468_is_read() {
    for text in [
        "\u{e9} subject=CN\r\n-----BEGIN X-----\r\n AQI=\r\n-----END X-----\r\nbye",
        "\u{feff}-----BEGIN X-----\nAQI=\n-----END X-----\n",
        "text\n\u{feff}-----BEGIN X-----\nAQI=\n-----END X-----\n",
        "-----BEGIN X-----\rAQI=\r-----END X-----\r",
        "-----BEGIN X-----\n\n\nA Q\tI\n =\n\n-----END X-----",
        "-----BEGIN X----- \t\nAQI= \t\n-----END X----- \t\n",
        "-----BEGIN X----- AQI= -----END X-----",
        "-----BEGIN X-----AQI=-----END X-----",
        "\t-----BEGIN X-----\n\tAQI=\n\t-----END X-----\n",
        "-----BEGIN X-----\n\u{b}AQI=\u{c}\n-----END X-----trailing text",
    ] {
        assert_eq!(block_of(text), [1, 2], "{text:?}");
    }
}

#[test]
fn blocks_with_other_labels_are_passed_over_undecoded() {
    let text = encode("A", &[1]) + &encode("B", &[2]) + &encode("A", &[3]);
    assert_eq!(decode(text.as_bytes(), "A").unwrap(), [[1], [3]]);
    let text =
        "-----BEGIN PGP MESSAGE-----\nVersion: 2\n\nnot base64!\n-----END PGP MESSAGE-----\n".to_owned();
    assert_eq!(block_of(text + &encode("X", &[1, 2])), [1, 2]);
}

#[test]
fn a_wrong_label_is_named_and_a_private_key_first_of_all() {
    let certificate = encode("CERTIFICATE", &[1]);
    let refused = decode(certificate.as_bytes(), "CERTIFICATE REQUEST").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the input is a certificate; a certificate signing request (CSR) is needed \
         (\"-----BEGIN CERTIFICATE REQUEST-----\")"
    );
    let both = certificate + &encode("EC PRIVATE KEY", &[1]);
    let refused = decode(both.as_bytes(), "CERTIFICATE REQUEST").unwrap_err();
    assert!(
        refused.to_string().starts_with("the input is a private key; "),
        "{refused}"
    );
}

fn wide(text: &str, encoding: &str) -> Vec<u8> {
    let units = text.encode_utf16();
    let letters = text.chars().map(u32::from);
    match encoding {
        "UTF-16LE" => units.flat_map(u16::to_le_bytes).collect(),
        "UTF-16BE" => units.flat_map(u16::to_be_bytes).collect(),
        "UTF-32LE" => letters.flat_map(u32::to_le_bytes).collect(),
        _ => letters.flat_map(u32::to_be_bytes).collect(),
    }
}

/// What a shell makes of a file by the command that the refusal names.
#[expect(clippy::disallowed_methods, reason = "tests")]
fn converted(input: &[u8], refusal: &PemError) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("FILE"), input).unwrap();
    let said = refusal.to_string();
    let command = said.split('`').nth(1).unwrap();
    let done = std::process::Command::new("sh")
        .args(["-c", command])
        .current_dir(dir.path())
        .status()
        .unwrap();
    assert!(done.success(), "{command}");
    std::fs::read(dir.path().join("NEW")).unwrap()
}

#[test]
fn wide_text_is_named_as_the_converter_knows_it() {
    let plain = encode("X", &[1, 2]);
    let umlaut = format!("Schl\u{fc}ssel\n{plain}");
    for text in [&plain, &umlaut] {
        for encoding in ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"] {
            let marked = wide(&format!("\u{feff}{text}"), encoding);
            let of_mark = encoding.trim_end_matches(['L', 'B', 'E']);
            for (input, name) in [(wide(text, encoding), encoding), (marked, of_mark)] {
                let refusal = PemError::Wide { encoding: name };
                assert_eq!(decode(&input, "X"), Err(refusal.clone()), "{encoding}");
                assert!(is_pem(&input));
                assert_eq!(plain_text(&input), Err(refusal.clone()));
                assert!(refusal.to_string().contains(name));
                let narrow = converted(&input, &refusal);
                assert_eq!(decode(&narrow, "X").unwrap(), [[1, 2]], "{encoding}");
            }
        }
    }
}

#[test]
fn text_that_is_wide_in_part_is_told_from_text_that_is_wide() {
    let text = encode("X", &[1, 2]);
    // UTF-16 with its mark, read as Latin-1 and sent as UTF-8; a file of each encoding, joined.
    let little = wide(&text, "UTF-16LE");
    let latin = ["\u{ff}\u{fe}".as_bytes(), &little].concat();
    let joined = ["# a comment in ASCII\n".as_bytes(), b"\xff\xfe", &little].concat();
    for input in [latin, joined] {
        assert_eq!(decode(&input, "X"), Err(PemError::Spaced));
        let narrow = converted(&input, &PemError::Spaced);
        assert_eq!(decode(&narrow, "X").unwrap(), [[1, 2]]);
    }
}

#[test]
fn what_is_missing_is_explained() {
    for (text, hint) in [
        ("", "it is empty"),
        ("---- BEGIN X ----\nAQI=\n---- END X ----", "five hyphens"),
        ("<html>login", "web page"),
        ("0\u{3}ab", "DER"),
    ] {
        assert!(refusal(text).contains(hint), "{text}: {}", refusal(text));
    }
}

#[test]
fn damaged_blocks_are_refused_with_their_line() {
    let unclosed = PemError::Unclosed { line: 1 };
    let base64 = PemError::Base64 { line: 1 };
    let octet = |line, octet| PemError::Character { line, octet };
    let cases = [
        ("-----BEGIN X-----\nAQI=\n", unclosed.clone()),
        ("-----BEGIN X-----\nAQI=\n-----END Y-----\n", unclosed.clone()),
        (
            "-----BEGIN X-----\n-----BEGIN X-----\nAQI=\n-----END X-----\n",
            unclosed,
        ),
        ("-----BEGIN X-----\nAQI\n-----END X-----\n", base64.clone()),
        ("-----BEGIN X-----\nAQ=I\n-----END X-----\n", base64.clone()),
        ("-----BEGIN X-----\nAQJ=\n-----END X-----\n", base64),
        (
            "-----BEGIN X-----\r\nAQ\r\nI\u{a0}=\r\n-----END X-----\n",
            octet(3, 0xc2),
        ),
        ("\r\r-----BEGIN X-----\rAQI_\r-----END X-----\n", octet(4, b'_')),
        (
            "-----BEGIN X-----\\nAQI=\\n-----END X-----\\n",
            PemError::Escaped { line: 1 },
        ),
        (
            "-----BEGIN X-----\nDEK-Info: a\n\nAQI=\n-----END X-----\n",
            PemError::Headers {
                line: 2,
                label: "X".to_owned(),
            },
        ),
    ];
    for (text, error) in cases {
        assert_eq!(decode(text.as_bytes(), "X"), Err(error), "{text}");
    }
}

#[test]
fn private_keys_may_have_headers() {
    let text = "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,00\r\n\r\nAQI=\r\n\
                -----END RSA PRIVATE KEY-----\r\n";
    let block = blocks(text.as_bytes()).unwrap().remove(0);
    assert_eq!(block.headers.len(), 2);
    assert_eq!(
        block.headers[1],
        ("DEK-Info".to_owned(), "AES-128-CBC,00".to_owned())
    );
    assert_eq!(*block.der, [1, 2]);
    assert_eq!(format!("{block:?}"), "Block(RSA PRIVATE KEY, 2 octets)");
}

#[test]
fn base64_without_armour_is_read() {
    assert_eq!(*bare_base64(b"\xef\xbb\xbf AQ\r\nI=\n").unwrap(), [1, 2]);
    for other in [&b""[..], b"AQI", b"hello, world", b"\x30\x03\x02\x01\x01"] {
        assert!(bare_base64(other).is_none(), "{other:?}");
    }
}

#[test]
fn a_text_file_loses_its_mark_and_its_last_line_end() {
    for text in ["secret", "secret\n", "secret\r\n", "secret\r", "\u{feff}secret\n"] {
        assert_eq!(plain_text(text.as_bytes()), Ok("secret"), "{text:?}");
    }
    assert_eq!(plain_text(b"a\n\n"), Ok("a\n"));
    assert_eq!(plain_text(b"\xff"), Err(PemError::NotUtf8));
}

#[test]
fn size_and_number_of_blocks_are_bounded() {
    assert_eq!(
        blocks(&vec![b'-'; MAX_LEN + 1]),
        Err(PemError::TooLong { length: MAX_LEN + 1 })
    );
    assert_eq!(
        blocks(encode("X", &[1]).repeat(MAX_BLOCKS + 1).as_bytes()),
        Err(PemError::TooMany)
    );
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(der in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = encode("SOME LABEL", &der);
        prop_assert!(is_pem(text.as_bytes()));
        prop_assert_eq!(decode(text.as_bytes(), "SOME LABEL").unwrap(), [der]);
    }

    #[test]
    fn no_input_makes_it_panic(input in "(-----(BEGIN|END) X-----|[a-zA-Z=:\n\r -]){0,40}") {
        let _ = (blocks(input.as_bytes()), labels(input.as_bytes()), bare_base64(input.as_bytes()));
    }
}
