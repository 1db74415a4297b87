//! What an item is.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;

use crate::error::Error;

/// Name of an item: 1 to 64 lower-case letters, digits, and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("name", "takes 1 to 64 lower-case letters, digits, and `-`"))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What this service keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Unique.
    pub name: Name,
    /// When it was added.
    pub created: OffsetDateTime,
}
