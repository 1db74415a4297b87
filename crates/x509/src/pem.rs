//! PEM text (RFC 7468): the one reader for requests, certificates, CRLs and key files.
//!
//! Reading follows the lax grammar of section 3: any line ends (LF, CR LF, CR), white space anywhere in the base64, text
//! before and after the blocks, no line end at the end, a UTF-8 byte order mark. The base64 itself is strict. UTF-16
//! and UTF-32 are not read but named. Reading is one pass over the input and bounded in size and number of blocks. No error shows
//! the content of a block: it may be a private key.

mod error;
mod scan;
mod wide;

use std::fmt;

use data_encoding::BASE64;
use zeroize::Zeroizing;

pub use error::{Artifact, PemError};
use scan::Scanner;

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

/// Whether the input is text with a BEGIN line, in whatever encoding. What begins as DER does is not, whatever is behind it:
/// no text has the second octet of a SEQUENCE of more than 127.
#[must_use]
pub fn is_pem(input: &[u8]) -> bool {
    if matches!(input, [0x30, 0x80..=0x84, ..]) {
        return false;
    }
    contains(input, BEGIN.as_bytes()) || wide::refusal(input).is_some()
}

/// The contents of all blocks with this label, in order; blocks with other labels are passed over.
///
/// # Errors
/// [`PemError`] if no block has the label, if one with the label is damaged, or if any block has no end.
pub fn decode(input: &[u8], label: &str) -> Result<Vec<Vec<u8>>, PemError> {
    let found = select(input, &[label])?;
    Ok(found.into_iter().map(|block| block.der.to_vec()).collect())
}

/// All blocks that have one of these labels, in order; blocks with other labels are passed over undecoded.
///
/// # Errors
/// As [`decode`].
pub fn select(input: &[u8], labels: &[&str]) -> Result<Vec<Block>, PemError> {
    select_each(input, labels)?.blocks.into_iter().collect()
}

/// What [`select_each`] found.
pub(crate) struct Selected {
    /// The blocks with one of the labels, a damaged one beside the good ones.
    pub(crate) blocks: Vec<Result<Block, PemError>>,
    /// What else could have been meant as one.
    pub(crate) passed: Vec<Passed>,
}

/// A block with a label that was not asked for, or a line that may have been meant as the mark of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its line, counted from 1.
    pub line: usize,
    /// What it is.
    pub what: String,
    /// Whether it precedes all blocks with the wanted labels.
    pub is_before_all: bool,
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// The same, a damaged block beside the good ones.
pub(crate) fn select_each(input: &[u8], labels: &[&str]) -> Result<Selected, PemError> {
    let (mut blocks, mut others, mut passed) = (Vec::new(), Vec::new(), Vec::new());
    let mut scanner = Scanner::new(input)?;
    loop {
        let frame = scanner.next().transpose()?;
        let is_before_all = blocks.is_empty();
        let pass = |line, what: String| Passed {
            line,
            what,
            is_before_all,
        };
        let odd = scanner.odd.drain(..);
        passed.extend(odd.map(|(line, what)| pass(line, what.to_owned())));
        match frame {
            None => break,
            Some(frame) if labels.contains(&frame.label) => blocks.push(frame.decode()),
            Some(frame) => {
                if !is_beside_certificates(frame.label) {
                    passed.push(pass(
                        frame.line,
                        format!("a block with the label {:?}", frame.label),
                    ));
                }
                others.push(frame.label.to_owned());
            }
        }
    }
    if blocks.is_empty() {
        return Err(PemError::missing(labels, &others, input));
    }
    Ok(Selected { blocks, passed })
}

/// Keys with their parameters, and requests: they are in one file with a certificate, and are never meant as one.
fn is_beside_certificates(label: &str) -> bool {
    ["PRIVATE KEY", "PUBLIC KEY", "PARAMETERS", "CERTIFICATE REQUEST"]
        .iter()
        .any(|end| label.ends_with(end))
}

/// The labels of all blocks, in order. Nothing is decoded.
///
/// # Errors
/// [`PemError`] if the input is too long, is not text, or a block has no end.
pub fn labels(input: &[u8]) -> Result<Vec<String>, PemError> {
    Scanner::new(input)?
        .map(|frame| frame.map(|frame| frame.label.to_owned()))
        .collect()
}

/// All blocks of the input, in order.
///
/// # Errors
/// [`PemError`] if the input is too long, is not text, or a block is damaged.
pub fn blocks(input: &[u8]) -> Result<Vec<Block>, PemError> {
    Scanner::new(input)?
        .map(|frame| frame.and_then(|frame| frame.decode()))
        .collect()
}

/// The octets of base64 without BEGIN and END lines; white space is passed over. `None` if the input is anything else.
#[must_use]
pub fn bare_base64(input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let input = scan::without_mark(input);
    if input.len() > MAX_LEN {
        return None;
    }
    let mut body = Zeroizing::new(Vec::with_capacity(input.len()));
    body.extend(input.iter().copied().filter(|octet| !is_blank(*octet)));
    (!body.is_empty()).then(|| BASE64.decode(&body).ok().map(Zeroizing::new))?
}

/// The text of a file that people or their editors wrote: without byte order mark and without its last line end.
///
/// # Errors
/// [`PemError::Wide`], [`PemError::Spaced`] and [`PemError::NotUtf8`].
pub fn plain_text(input: &[u8]) -> Result<&str, PemError> {
    if let Some(refusal) = wide::refusal(input) {
        return Err(refusal);
    }
    let text = std::str::from_utf8(scan::without_mark(input)).map_err(|_| PemError::NotUtf8)?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text))
}

/// One block: its label, its headers and what the base64 held. The content is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// The words after BEGIN.
    pub label: String,
    /// RFC 1421 headers, which OpenSSL's encrypted private keys have: name and value.
    pub headers: Vec<(String, String)>,
    /// The decoded content.
    pub der: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({}, {} octets)", self.label, self.der.len())
    }
}

/// White space of RFC 7468 section 3.
fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

fn contains(input: &[u8], wanted: &[u8]) -> bool {
    input.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests;
