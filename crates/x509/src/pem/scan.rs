//! Finding the blocks of a text and decoding their base64.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::{BEGIN, Block, DASHES, END, LINE, MAX_BLOCKS, MAX_LEN, PemError, contains, is_blank, wide};

/// Names and values of RFC 1421 headers.
type Headers = Vec<(String, String)>;

const MARK: &[u8] = b"\xef\xbb\xbf";
/// Far more than the two headers that OpenSSL writes.
const MAX_HEADERS: usize = 16;

/// The input without UTF-8 byte order marks at its start.
pub(super) fn without_mark(mut input: &[u8]) -> &[u8] {
    while let Some(rest) = input.strip_prefix(MARK) {
        input = rest;
    }
    input
}

/// One block as it was found: its lines are not decoded yet.
pub(super) struct Frame<'a> {
    pub(super) label: &'a str,
    /// Line of BEGIN, counted from 1.
    pub(super) line: usize,
    body: &'a [u8],
}

/// An iterator over the blocks of a text.
pub(super) struct Scanner<'a> {
    rest: &'a [u8],
    /// Number of the line that `rest` begins in.
    line: usize,
    found: usize,
    /// Lines between the blocks that could have been meant as one, and what they hold.
    pub(super) odd: Vec<(usize, &'static str)>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(input: &'a [u8]) -> Result<Self, PemError> {
        if input.len() > MAX_LEN {
            return Err(PemError::TooLong { length: input.len() });
        }
        if let Some(refusal) = wide::refusal(input) {
            return Err(refusal);
        }
        Ok(Self {
            rest: input,
            line: 1,
            found: 0,
            odd: Vec::new(),
        })
    }

    /// Moves to the next BEGIN line and returns its label; the base64 may follow in the same line.
    fn begin(&mut self) -> Option<&'a str> {
        loop {
            let start = without_mark(self.rest.trim_ascii_start());
            self.advance_to(start);
            if start.is_empty() {
                return None;
            }
            if let Some((label, rest)) = boundary(start, BEGIN) {
                self.rest = rest;
                return Some(label);
            }
            let end = start
                .iter()
                .position(|octet| matches!(octet, b'\r' | b'\n'))
                .unwrap_or(start.len());
            if let Some(what) = start.get(..end).and_then(odd)
                && self.odd.len() < MAX_BLOCKS
            {
                self.odd.push((self.line, what));
            }
            self.rest = start.get(end..).unwrap_or_default();
        }
    }

    /// Takes the octets up to the END line with this label.
    fn body(&mut self, label: &str) -> Option<&'a [u8]> {
        let at = self
            .rest
            .windows(DASHES.len())
            .position(|window| window == DASHES.as_bytes())?;
        let (body, end) = self.rest.split_at_checked(at)?;
        let (found, rest) = boundary(end, END)?;
        if found != label {
            return None;
        }
        self.advance_to(end);
        self.rest = rest;
        Some(body)
    }

    /// Sets the rest to a later part of itself, counting the lines between.
    fn advance_to(&mut self, later: &'a [u8]) {
        let passed = self.rest.len().saturating_sub(later.len());
        self.line += lines(self.rest.get(..passed).unwrap_or_default());
        self.rest = later;
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Result<Frame<'a>, PemError>;

    fn next(&mut self) -> Option<Self::Item> {
        let label = self.begin()?;
        let line = self.line;
        self.found += 1;
        let result = match self.body(label) {
            _ if self.found > MAX_BLOCKS => Err(PemError::TooMany),
            Some(body) => Ok(Frame { label, line, body }),
            None => Err(PemError::Unclosed { line }),
        };
        if result.is_err() {
            self.rest = &[];
        }
        Some(result)
    }
}

impl Frame<'_> {
    pub(super) fn decode(&self) -> Result<Block, PemError> {
        let (headers, body) = self.headers()?;
        let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
        let mut line = self.line + lines(self.body) - lines(body);
        for (at, octet) in body.iter().enumerate() {
            match octet {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => base64.push(*octet),
                b'\\' => return Err(PemError::Escaped { line }),
                octet if !is_blank(*octet) => return Err(PemError::Character { line, octet: *octet }),
                _ => line += usize::from(ends_line(body, at)),
            }
        }
        let der = BASE64
            .decode(&base64)
            .map_err(|_| PemError::Base64 { line: self.line })?;
        Ok(Block {
            label: self.label.to_owned(),
            headers,
            der: Zeroizing::new(der),
        })
    }

    /// RFC 1421 headers end with an empty line. Only private keys have them.
    fn headers(&self) -> Result<(Headers, &[u8]), PemError> {
        let mut headers = Headers::new();
        if !self.body.contains(&b':') {
            return Ok((headers, self.body));
        }
        let refused = || PemError::Headers {
            line: self.line + 1,
            label: self.label.to_owned(),
        };
        if !self.label.ends_with("PRIVATE KEY") {
            return Err(refused());
        }
        let mut rest = self.body.trim_ascii_start();
        loop {
            let end = rest
                .iter()
                .position(|octet| matches!(octet, b'\r' | b'\n'))
                .ok_or_else(refused)?;
            let (line, after) = rest.split_at_checked(end).ok_or_else(refused)?;
            let after = after
                .strip_prefix(b"\r\n")
                .or_else(|| after.get(1..))
                .unwrap_or_default();
            let text = std::str::from_utf8(line).map_err(|_| refused())?;
            match text.split_once(':') {
                Some(_) if headers.len() == MAX_HEADERS => return Err(refused()),
                Some((name, value)) => headers.push((name.trim().to_owned(), value.trim().to_owned())),
                None if text.trim().is_empty() => return Ok((headers, after)),
                None => return Err(refused()),
            }
            rest = after;
        }
    }
}

/// What a line between blocks holds that its author may have meant as a block: a damaged mark, or a block without marks.
fn odd(line: &[u8]) -> Option<&'static str> {
    const SHORTEST_DER: usize = 40;
    if matches!(line, [0x30, 0x80..=0x84, ..]) {
        return Some("binary data");
    }
    let is_base64 = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/=".contains(octet);
    let bare = line.trim_ascii();
    if bare.iter().all(is_base64) {
        return (bare.starts_with(b"MI") && bare.len() >= SHORTEST_DER)
            .then_some("base64 without a BEGIN line");
    }
    let graphic: Vec<u8> = line.iter().copied().filter(u8::is_ascii_graphic).collect();
    let upper = graphic.to_ascii_uppercase();
    let is_mark = contains(&graphic, b"BEGIN")
        || (contains(&upper, b"BEGIN") && (contains(&upper, b"--") || contains(&upper, b"CERTIFICATE")))
        || contains(&upper, b"--END");
    is_mark.then_some("a damaged BEGIN or END line")
}

/// Whether the line end that `octets` holds at `at` is complete: the CR of CR LF is not counted.
fn ends_line(octets: &[u8], at: usize) -> bool {
    match octets.get(at) {
        Some(b'\n') => true,
        Some(b'\r') => octets.get(at + 1) != Some(&b'\n'),
        _ => false,
    }
}

fn lines(octets: &[u8]) -> usize {
    (0..octets.len()).filter(|at| ends_line(octets, *at)).count()
}

/// The label of the BEGIN or END mark that the octets start with, and what follows. RFC 7468 section 3: printable ASCII
/// without a hyphen at either end.
fn boundary<'a>(octets: &'a [u8], start: &str) -> Option<(&'a str, &'a [u8])> {
    let after = octets.strip_prefix(start.as_bytes())?;
    let window = after.get(..(LINE + DASHES.len()).min(after.len()))?;
    let end = window
        .windows(DASHES.len())
        .position(|part| part == DASHES.as_bytes())?;
    let (label, rest) = after.split_at_checked(end)?;
    let plain = label.iter().all(|octet| matches!(octet, b' '..=b'~'));
    let framed = label.first() == Some(&b'-') || label.last() == Some(&b'-');
    let rest = rest.strip_prefix(DASHES.as_bytes())?;
    if !plain || framed {
        return None;
    }
    Some((std::str::from_utf8(label).ok()?, rest))
}
