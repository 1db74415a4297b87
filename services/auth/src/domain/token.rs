//! The text of an API key: a part that everybody may see, and a secret.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use secrecy::{ExposeSecret, SecretString};
use x509::digest::sha256;

use crate::error::Error;

const SCHEME: &str = "gv_";
const SUBJECT: &str = "apikey:";
const PREFIX_BYTES: usize = 4;
const SECRET_BYTES: usize = 32;
/// Characters of the secret part: 32 bytes in base64url without padding.
const SECRET_LEN: usize = 43;

/// The part of an API key that everybody may see: 8 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(String);

impl Prefix {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The principal: `apikey:7f3a2b1c`.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{SUBJECT}{}", self.0)
    }

    /// The key that is that principal; `None` for principals of other kinds.
    pub(crate) fn of_subject(subject: &str) -> Option<Self> {
        subject.strip_prefix(SUBJECT)?.parse().ok()
    }
}

impl FromStr for Prefix {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 2 * PREFIX_BYTES && text.bytes().all(hex) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid(
            "prefix",
            "takes the 8 hexadecimal digits between `gv_` and `_`",
        ))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An API key as its owner holds it. `Debug` shows the prefix only.
#[derive(Clone)]
pub struct Token {
    prefix: Prefix,
    text: SecretString,
}

impl Token {
    /// A new one from 256 random bits.
    ///
    /// # Errors
    /// `Common::Internal` when the generator fails, which it does only when its self-tests do.
    pub fn generate() -> Result<Self, Error> {
        let (mut prefix, mut secret) = ([0; PREFIX_BYTES], [0; SECRET_BYTES]);
        let random = SystemRandom::new();
        random
            .fill(&mut prefix)
            .and_then(|()| random.fill(&mut secret))
            .map_err(|_| Error::internal("no randomness"))?;
        let prefix = HEXLOWER.encode(&prefix);
        let text = format!("{SCHEME}{prefix}_{}", BASE64URL_NOPAD.encode(&secret));
        Ok(Self {
            prefix: Prefix(prefix),
            text: text.into(),
        })
    }

    /// Reads what came as a credential; `None` for what no API key looks like.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, secret) = text.strip_prefix(SCHEME)?.split_once('_')?;
        let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if secret.len() != SECRET_LEN || !secret.bytes().all(base64url) {
            return None;
        }
        Some(Self {
            prefix: prefix.parse().ok()?,
            text: text.into(),
        })
    }

    /// The visible part.
    #[must_use]
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The whole text, for the one answer that shows it.
    #[must_use]
    pub fn text(&self) -> &SecretString {
        &self.text
    }

    /// What is stored.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        sha256(self.text.expose_secret().as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({SCHEME}{}_…)", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_token_is_found_again_in_its_text() {
        let token = Token::generate().unwrap();
        let text = token.text().expose_secret();
        assert_eq!(text.len(), 3 + 8 + 1 + 43);
        let parsed = Token::parse(text).unwrap();
        assert_eq!(
            (parsed.prefix(), parsed.sha256()),
            (token.prefix(), token.sha256())
        );
    }

    #[test]
    fn tokens_are_never_alike() {
        let tokens: HashSet<_> = (0..1000).map(|_| Token::generate().unwrap().sha256()).collect();
        assert_eq!(tokens.len(), 1000);
    }

    #[test]
    fn debug_shows_the_prefix_only() {
        let token = Token::generate().unwrap();
        let secret = token.text().expose_secret().split_at(12).1.to_owned();
        let shown = format!("{token:?}");
        assert!(
            shown.contains(token.prefix().as_str()) && !shown.contains(&secret),
            "{shown}"
        );
    }

    #[test]
    fn what_no_key_looks_like_is_not_looked_up() {
        let good = format!("gv_0123abcd_{}", "A".repeat(43));
        assert!(Token::parse(&good).is_some());
        // The secret itself may hold an underscore.
        assert!(Token::parse(&format!("gv_0123abcd_{}", "_".repeat(43))).is_some());
        for bad in [
            "",
            "gv_",
            "gv_0123abcd",
            &good[1..],
            &good.to_uppercase(),
            &format!("{good}A"),
            &good[..good.len() - 1],
            &good.replace("0123abcd", "0123abc"),
            &good.replace("0123abcd", "0123abcg"),
            &good.replace("0123abcd", "0123abcdé"),
            &good.replacen('A', "+", 1),
            &good.replacen('A', "\0", 1),
        ] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}
