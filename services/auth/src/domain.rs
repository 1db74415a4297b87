//! What an API key is, and the text that stands for it.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use kit::auth::roles;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
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
    /// [`Error::Internal`] when the generator fails, which it does only when its self-tests do.
    pub fn generate() -> Result<Self, Error> {
        let (mut prefix, mut secret) = ([0; PREFIX_BYTES], [0; SECRET_BYTES]);
        let random = SystemRandom::new();
        random
            .fill(&mut prefix)
            .and_then(|()| random.fill(&mut secret))
            .map_err(|_| Error::Internal("no randomness"))?;
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

/// What a person calls an API key: 1 to 100 characters, none of them a control character, no blank at the ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = (1..=100).contains(&text.chars().count()) && text.trim() == text;
        if fits && x509::unicode::unfit(text).is_none() {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid(
            "name",
            "takes 1 to 100 characters without control and invisible characters, and no blanks at the ends",
        ))
    }
}

/// Whether an API key opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl Status {
    /// The name in REST.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// When a key stops opening anything by itself. Ordered: what never ends is later than any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// From this moment on it is void.
    At(OffsetDateTime),
    /// Only a revocation ends it.
    Never,
}

impl End {
    /// Whether it is over at `now`.
    pub(crate) fn is_over(self, now: OffsetDateTime) -> bool {
        matches!(self, Self::At(end) if end <= now)
    }

    /// The moment, if there is one.
    pub(crate) fn time(self) -> Option<OffsetDateTime> {
        match self {
            Self::At(end) => Some(end),
            Self::Never => None,
        }
    }
}

impl From<Option<OffsetDateTime>> for End {
    fn from(end: Option<OffsetDateTime>) -> Self {
        end.map_or(Self::Never, Self::At)
    }
}

/// Whether an installation whose keys may make keys until `before` can do with keys that may until `after`: it never has
/// an admin for a shorter time than it had. A key of a few seconds does not replace one without an end, and whichever
/// key leaves, one that lives at least as long stays.
pub(crate) fn keeps_an_admin(before: Option<End>, after: Option<End>, now: OffsetDateTime) -> bool {
    match before {
        None => true,
        Some(end) => end.is_over(now) || after >= before,
    }
}

/// When a key was taken back, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub time: OffsetDateTime,
    /// Subject of who did it.
    pub by: String,
}

/// What is known about an API key. Its text is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Unique.
    pub prefix: Prefix,
    /// For people; two keys may share it.
    pub name: Name,
    /// Names of roles.
    pub roles: Vec<String>,
    /// When it was made.
    pub created: OffsetDateTime,
    /// Subject of who made it.
    pub created_by: String,
    /// From when on it is void; `None` for never.
    pub expires: Option<OffsetDateTime>,
    /// Patterns of the names that it may have certified ([`rules::NameLimits`]); all if empty.
    pub allowed_names: Vec<String>,
    /// When it was last used, to the minute.
    pub last_used: Option<OffsetDateTime>,
    /// Set once it is revoked.
    pub revoked: Option<Revocation>,
}

impl ApiKey {
    /// The key that made it, if a key did.
    pub(crate) fn maker(&self) -> Option<Prefix> {
        Prefix::of_subject(&self.created_by)
    }

    /// Whether it opens anything at `now`.
    #[must_use]
    pub fn status(&self, now: OffsetDateTime) -> Status {
        if self.revoked.is_some() {
            Status::Revoked
        } else if self.expires.is_some_and(|expires| expires <= now) {
            Status::Expired
        } else {
            Status::Active
        }
    }

    /// `resource:verb`, all roles' together, each once. A role that this version does not know gives nothing.
    #[must_use]
    pub fn permissions(&self) -> Vec<String> {
        permissions(&self.roles)
    }
}

/// What these roles may do together.
pub(crate) fn permissions(names: &[String]) -> Vec<String> {
    let all = names
        .iter()
        .filter_map(|role| roles::permissions_of(role))
        .flatten();
    let mut all: Vec<String> = all.map(|name| (*name).to_owned()).collect();
    all.sort();
    all.dedup();
    all
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

    #[test]
    fn names_that_would_confuse_a_terminal_are_refused() {
        for good in ["ci", "Ada's laptop", "ключ", &"x".repeat(100)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            " ",
            " ci",
            "ci ",
            "a\nb",
            "a\u{1b}[2J",
            "a\0",
            "a\u{202e}b",
            "a\u{200b}b",
            &"x".repeat(101),
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_admin_is_kept_for_as_long_as_there_was_one() {
        let now = time::macros::datetime!(2027-01-02 03:04:05 UTC);
        let at = |seconds| Some(End::At(now + time::Duration::seconds(seconds)));
        for (before, after, kept) in [
            (Some(End::Never), Some(End::Never), true),
            (Some(End::Never), at(1_000_000), false),
            (Some(End::Never), None, false),
            (at(60), at(60), true),
            (at(60), at(61), true),
            (at(60), at(59), false),
            (at(60), None, false),
            // There was no admin before.
            (at(0), None, true),
            (at(-1), at(-2), true),
            (None, None, true),
        ] {
            assert_eq!(keeps_an_admin(before, after, now), kept, "{before:?} {after:?}");
        }
    }

    #[test]
    fn permissions_of_several_roles_are_joined() {
        let both = permissions(&["developer".to_owned(), "auditor".to_owned(), "nosuch".to_owned()]);
        assert!(both.contains(&"certificates:issue-development".to_owned()));
        assert!(both.contains(&"api-keys:read".to_owned()));
        assert!(both.is_sorted() && both.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(permissions(&[]).is_empty());
    }
}
