//! An API key as its row says, of which something may be impossible to read.
//!
//! Such a key opens nothing while it is so. It is revoked like any other all the same: its prefix and its maker are enough for
//! that, and once its row is restored it would open what it opened before.

use store::{Damage, StoreError};
use time::OffsetDateTime;

use super::{ApiKey, Name, Prefix, Revocation, Status};

/// What can be read of the row of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoredKey {
    /// All of it.
    Sound(ApiKey),
    /// Not all of it.
    Damaged(DamagedKey),
}

/// A key of whose row something cannot be read; what cannot is `None` here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedKey {
    /// Without it, the keys that it made cannot be found.
    pub prefix: Option<Prefix>,
    /// For people.
    pub name: Option<Name>,
    /// Names of roles.
    pub roles: Option<Vec<String>>,
    /// Patterns of the names that it may have certified.
    pub allowed_names: Option<Vec<String>>,
    /// From when on it is void; `None` for never too.
    pub expires: Option<OffsetDateTime>,
    /// Set once it is revoked.
    pub revoked: Option<Revocation>,
    /// The columns that cannot be read.
    pub damage: Damage,
}

impl DamagedKey {
    /// Whether it would open anything at `now` once it is restored. What cannot be read does not end it.
    pub(crate) fn status(&self, now: OffsetDateTime) -> Status {
        Status::of(self.revoked.as_ref(), self.expires, now)
    }
}

impl StoredKey {
    /// The key, if all of its row could be read.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] names the key and the columns.
    pub(crate) fn whole(self) -> Result<ApiKey, StoreError> {
        let object = format!("API key {self}");
        match self {
            Self::Sound(key) => Ok(key),
            Self::Damaged(key) => Err(StoreError::damaged(key.damage, &object)),
        }
    }

    pub(crate) fn prefix(&self) -> Option<&Prefix> {
        match self {
            Self::Sound(key) => Some(&key.prefix),
            Self::Damaged(key) => key.prefix.as_ref(),
        }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Sound(key) => Some(key.name.as_str()),
            Self::Damaged(key) => key.name.as_ref().map(Name::as_str),
        }
    }

    pub(crate) fn roles(&self) -> Option<&[String]> {
        match self {
            Self::Sound(key) => Some(&key.roles),
            Self::Damaged(key) => key.roles.as_deref(),
        }
    }

    /// Patterns of names; `None` if they cannot be read, and may be all.
    pub(crate) fn allowed_names(&self) -> Option<&[String]> {
        match self {
            Self::Sound(key) => Some(&key.allowed_names),
            Self::Damaged(key) => key.allowed_names.as_deref(),
        }
    }

    /// The columns that cannot be read, if there are any.
    pub(crate) fn damage(&self) -> Option<&Damage> {
        match self {
            Self::Sound(_) => None,
            Self::Damaged(key) => Some(&key.damage),
        }
    }

    /// The key, if something of its row cannot be read.
    pub(crate) fn damaged(self) -> Option<DamagedKey> {
        match self {
            Self::Sound(_) => None,
            Self::Damaged(key) => Some(key),
        }
    }

    pub(crate) fn revocation(&self) -> Option<&Revocation> {
        match self {
            Self::Sound(key) => key.revoked.as_ref(),
            Self::Damaged(key) => key.revoked.as_ref(),
        }
    }

    pub(crate) fn status(&self, now: OffsetDateTime) -> Status {
        match self {
            Self::Sound(key) => key.status(now),
            Self::Damaged(key) => key.status(now),
        }
    }

    /// The same once it is revoked.
    pub(crate) fn revoked(self, by: Revocation) -> Self {
        let revoked = Some(by);
        match self {
            Self::Sound(key) => Self::Sound(ApiKey { revoked, ..key }),
            Self::Damaged(key) => Self::Damaged(DamagedKey { revoked, ..key }),
        }
    }
}

impl std::fmt::Display for StoredKey {
    /// The prefix, or that it cannot be read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.prefix() {
            Some(prefix) => prefix.fmt(f),
            None => f.write_str("of an unreadable prefix"),
        }
    }
}
