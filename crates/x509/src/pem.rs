//! PEM text encoding (RFC 7468): strict base64 between the lines, any text around the blocks.
//!
//! Reading is one pass over the input and bounded in size and number of blocks. RFC 1421 headers, as in old
//! encrypted private keys, are refused.

use data_encoding::BASE64;

/// Longest input, in bytes.
pub const MAX_LEN: usize = 16 * 1024 * 1024;
/// Most blocks in one input.
pub const MAX_BLOCKS: usize = 1000;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const LINE: usize = 64;

/// Wraps DER in one block with the given label, such as `CERTIFICATE`; ends with a line feed.
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = BASE64.encode(der);
    let mut text = String::with_capacity(body.len() + body.len() / LINE + 2 * label.len() + 40);
    text.extend([BEGIN, label, DASHES, "\n"]);
    let mut rest = body.as_str();
    while let Some((line, after)) = rest.split_at_checked(LINE) {
        text.extend([line, "\n"]);
        rest = after;
    }
    if !rest.is_empty() {
        text.extend([rest, "\n"]);
    }
    text.extend([END, label, DASHES, "\n"]);
    text
}

/// Whether the input looks like PEM rather than DER: it holds a BEGIN line.
#[must_use]
pub fn is_pem(input: &[u8]) -> bool {
    input
        .windows(BEGIN.len())
        .any(|window| window == BEGIN.as_bytes())
}

/// The contents of all blocks with this label, in order; blocks with other labels are passed over.
///
/// # Errors
/// [`PemError`] if no block has the label, or if any block is damaged.
pub fn decode(input: &[u8], label: &str) -> Result<Vec<Vec<u8>>, PemError> {
    let found: Vec<_> = blocks(input)?
        .into_iter()
        .filter(|block| block.label == label)
        .collect();
    if found.is_empty() {
        return Err(PemError::Missing(label.to_owned()));
    }
    Ok(found.into_iter().map(|block| block.der).collect())
}

/// One block: its label and what the base64 held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The words after BEGIN.
    pub label: String,
    /// The decoded content.
    pub der: Vec<u8>,
}

/// All blocks of the input, in order.
///
/// # Errors
/// [`PemError`] if the input is too long, is not text, or a block is damaged.
pub fn blocks(input: &[u8]) -> Result<Vec<Block>, PemError> {
    if input.len() > MAX_LEN {
        return Err(PemError::TooLong { length: input.len() });
    }
    // Text around the blocks may be in any encoding; the lines of a block are ASCII.
    let mut lines = input
        .split(|b| *b == b'\n')
        .enumerate()
        .map(|(n, line)| (n + 1, line.trim_ascii()));
    let mut found = Vec::new();
    while let Some((number, line)) = lines.next() {
        let Some(label) = boundary(line, BEGIN) else {
            continue;
        };
        if found.len() == MAX_BLOCKS {
            return Err(PemError::TooMany);
        }
        let der = block(&mut lines, label, number)?;
        found.push(Block {
            label: label.to_owned(),
            der,
        });
    }
    Ok(found)
}

/// Reads the body up to the END line that matches the label of the BEGIN line in line `start`.
fn block<'a>(
    lines: &mut impl Iterator<Item = (usize, &'a [u8])>,
    label: &str,
    start: usize,
) -> Result<Vec<u8>, PemError> {
    let mut body = Vec::new();
    for (number, line) in lines {
        if let Some(end) = boundary(line, END) {
            if end != label {
                return Err(PemError::Unclosed { line: start });
            }
            return BASE64.decode(&body).map_err(|_| PemError::Base64 { line: start });
        }
        if line.contains(&b':') {
            return Err(PemError::Headers { line: number });
        }
        body.extend_from_slice(line);
    }
    Err(PemError::Unclosed { line: start })
}

/// The label of a BEGIN or END line. RFC 7468 §3: printable ASCII without a hyphen at either end.
fn boundary<'a>(line: &'a [u8], start: &str) -> Option<&'a str> {
    let label = line
        .strip_prefix(start.as_bytes())?
        .strip_suffix(DASHES.as_bytes())?;
    let plain = label.iter().all(|b| matches!(b, b' '..=b'~'));
    let framed = label.first() == Some(&b'-') || label.last() == Some(&b'-');
    if plain && !framed && label.len() <= LINE {
        std::str::from_utf8(label).ok()
    } else {
        None
    }
}

/// Why PEM text is refused. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// Longer than [`MAX_LEN`].
    #[error("the PEM input has {length} bytes; the limit is {MAX_LEN}")]
    TooLong {
        /// Length of the input in bytes.
        length: usize,
    },
    /// More than [`MAX_BLOCKS`].
    #[error("the PEM input has more than {MAX_BLOCKS} blocks")]
    TooMany,
    /// No block with the label.
    #[error("the input has no PEM block \"-----BEGIN {0}-----\"")]
    Missing(String),
    /// The END line is missing or has another label.
    #[error("the PEM block that begins in line {line} has no END line with the same label")]
    Unclosed {
        /// Line of BEGIN.
        line: usize,
    },
    /// The body is not padded base64.
    #[error("the PEM block that begins in line {line} is not valid base64")]
    Base64 {
        /// Line of BEGIN.
        line: usize,
    },
    /// RFC 1421 headers.
    #[error("line {line} is an old-style PEM header, which is not supported; convert the file to PKCS#8")]
    Headers {
        /// Line of the header.
        line: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block_of(text: &str) -> Vec<u8> {
        decode(text.as_bytes(), "X").unwrap().remove(0)
    }

    #[test]
    fn lines_are_64_wide_as_rfc_7468_generates_them() {
        let text = encode("X", &[7; 49]);
        let widths: Vec<_> = text.lines().map(str::len).collect();
        assert_eq!(widths, [17, 64, 4, 15], "{text}");
    }

    #[test]
    fn text_around_blocks_line_ends_and_indentation_do_not_matter() {
        assert_eq!(
            block_of("\u{e9} subject=CN\r\n-----BEGIN X-----\r\n AQI=\r\n-----END X-----\r\nbye"),
            [1, 2]
        );
    }

    #[test]
    fn blocks_with_other_labels_are_passed_over() {
        let text = encode("A", &[1]) + &encode("B", &[2]) + &encode("A", &[3]);
        assert_eq!(decode(text.as_bytes(), "A").unwrap(), [[1], [3]]);
        assert_eq!(decode(text.as_bytes(), "C"), Err(PemError::Missing("C".into())));
    }

    #[test]
    fn damaged_blocks_are_refused() {
        let unclosed = PemError::Unclosed { line: 1 };
        let base64 = PemError::Base64 { line: 1 };
        let cases = [
            ("-----BEGIN X-----\nAQI=\n", unclosed.clone()),
            ("-----BEGIN X-----\nAQI=\n-----END Y-----\n", unclosed),
            ("-----BEGIN X-----\nAQI\n-----END X-----\n", base64.clone()),
            ("-----BEGIN X-----\nAQ=I\n-----END X-----\n", base64.clone()),
            ("-----BEGIN X-----\nAQJ=\n-----END X-----\n", base64.clone()),
            (
                "-----BEGIN X-----\n-----BEGIN X-----\nAQI=\n-----END X-----\n",
                base64,
            ),
            (
                "-----BEGIN X-----\nDEK-Info: a\n\nAQI=\n-----END X-----\n",
                PemError::Headers { line: 2 },
            ),
        ];
        for (text, error) in cases {
            assert_eq!(decode(text.as_bytes(), "X"), Err(error), "{text}");
        }
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
        fn no_input_makes_it_panic(input in "(-----(BEGIN|END) X-----|[a-zA-Z=:\n -]){0,40}") {
            let _ = blocks(input.as_bytes());
        }
    }
}
