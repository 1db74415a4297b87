//! Requests in the path of a GET (RFC 6960 appendix A.1, RFC 9919 section 6).
//!
//! Clients append the base64 of the DER to the address of the responder. Its characters `/`, `+` and `=` are percent-encoded or
//! not, and where the address ends with a slash and the client adds another one, there are two. So the octets of the path are
//! looked at as they were sent, before any server normalizes them: `//` in base64 is two digits.

use data_encoding::{BASE64, BASE64_NOPAD};

use super::{OcspRequest, RequestError};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

impl OcspRequest {
    /// Reads a request from what follows the address of the responder in the path of a GET, as it was sent: percent-encoded
    /// octets are decoded once, any number of slashes in front is passed over, padding may be missing. Only the alphabet of RFC
    /// 4648 section 4 is read, which RFC 9919 section 6 calls for: white space, the URL-safe alphabet, and a query are refused.
    ///
    /// # Errors
    /// [`RequestError::Path`], and those of [`from_der`](Self::from_der).
    pub fn from_get_path(path: &str) -> Result<Self, RequestError> {
        Self::from_der(&decode(path)?)
    }

    /// The request as the last segment of a path: base64, with `/`, `+` and `=` percent-encoded. A client appends it and a slash
    /// to the address of the responder, and sends a GET if the whole URL has at most 255 octets (RFC 9919 section 6); a POST
    /// otherwise.
    #[must_use]
    pub fn to_get_path(&self) -> String {
        let mut path = String::with_capacity(self.der.len() * 3 / 2 + 8);
        for digit in BASE64.encode(&self.der).chars() {
            match digit {
                '/' => path.push_str("%2F"),
                '+' => path.push_str("%2B"),
                '=' => path.push_str("%3D"),
                other => path.push(other),
            }
        }
        path
    }
}

fn decode(path: &str) -> Result<Vec<u8>, RequestError> {
    let octets = percent_decoded(path)?;
    // The base64 of a SEQUENCE begins with M, never with a slash.
    let slashes = octets.iter().take_while(|octet| **octet == b'/').count();
    let text = octets.get(slashes..).unwrap_or_default();
    if text.is_empty() {
        return Err(RequestError::Path("is empty; append the base64 of a request"));
    }
    if let Some(problem) = text.iter().find_map(|octet| foreign(*octet)) {
        return Err(RequestError::Path(problem));
    }
    // Padding is either as it must be or not there at all.
    let decoded = match text.contains(&b'=') {
        true => BASE64.decode(text),
        false => BASE64_NOPAD.decode(text),
    };
    decoded.map_err(|_| RequestError::Path("is not base64: it ends within an octet, or its padding is wrong"))
}

/// What a character outside the alphabet comes from.
fn foreign(octet: u8) -> Option<&'static str> {
    match octet {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => None,
        b'-' | b'_' => Some("is in the URL-safe alphabet of base64; send the standard one, percent-encoded"),
        b' ' | b'\t' | b'\r' | b'\n' => Some("has white space in its base64; send it without"),
        b'%' => Some("is percent-encoded more than once"),
        _ => Some("has a character that base64 does not have"),
    }
}

fn percent_decoded(path: &str) -> Result<Vec<u8>, RequestError> {
    let digit = |octet: u8| HEX.iter().position(|hex| *hex == octet.to_ascii_uppercase());
    let mut octets = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let octet = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                rest = after;
                let value = digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low);
                value.and_then(|value| u8::try_from(value).ok())
            }
            (b'%', _) => None,
            (octet, _) => Some(*octet),
        };
        octets.push(octet.ok_or(RequestError::Path(
            "has a % without two hexadecimal digits after it",
        ))?);
    }
    Ok(octets)
}
