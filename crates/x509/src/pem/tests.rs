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

#[test]
fn utf_16_is_named_at_both_ends_with_and_without_its_mark() {
    let text = encode("X", &[1, 2]);
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let marked = |mark: &[u8], rest: &[u8]| [mark, rest].concat();
    for wide in [
        little.clone(),
        big.clone(),
        marked(b"\xff\xfe", &little),
        marked(b"\xfe\xff", &big),
        // UTF-16 with its mark, read as Latin-1 and sent as UTF-8.
        marked("\u{ff}\u{fe}".as_bytes(), &little),
    ] {
        assert_eq!(decode(&wide, "X"), Err(PemError::Utf16));
        assert!(is_pem(&wide));
        assert_eq!(plain_text(&wide), Err(PemError::Utf16));
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
