//! What is known about an API key, and what it may do.

use std::str::FromStr;

use kit::auth::roles;
use time::OffsetDateTime;

use super::Prefix;
use crate::error::Error;

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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Expired, Self::Revoked];

    /// That of a key with this revocation and this end.
    pub(super) fn of(
        revoked: Option<&Revocation>,
        expires: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Self {
        if revoked.is_some() {
            Self::Revoked
        } else if expires.is_some_and(|expires| expires <= now) {
            Self::Expired
        } else {
            Self::Active
        }
    }

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

/// When a key was revoked, and by whom.
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
        Status::of(self.revoked.as_ref(), self.expires, now)
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
    use super::*;

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
    fn permissions_of_several_roles_are_joined() {
        let both = permissions(&["developer".to_owned(), "auditor".to_owned(), "nosuch".to_owned()]);
        assert!(both.contains(&"certificates:issue-development".to_owned()));
        assert!(both.contains(&"api-keys:read".to_owned()));
        assert!(both.is_sorted() && both.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(permissions(&[]).is_empty());
    }
}
