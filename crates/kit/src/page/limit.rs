//! Rows per page, and how they are read.

use serde::{Deserialize, Serialize};
use store::StoreError;

use crate::error::{Fault, Kind, Shown};

/// Rows per page: 1 to 500, 50 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Limit(u32);

/// The number is not a page size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit is {0}; it must be from 1 to {max}", max = Limit::MAX)]
pub struct InvalidLimit(u32);

impl Fault for InvalidLimit {
    fn shown(&self) -> Shown<'_> {
        Shown::of(Kind::Invalid).at("limit")
    }
}

impl Limit {
    /// Most rows per page.
    pub const MAX: u32 = 500;
    /// Rows per page when the caller does not say.
    pub const DEFAULT: Self = Self(50);
    /// The largest page.
    pub const LARGEST: Self = Self(Self::MAX);

    /// Rows per page.
    #[must_use]
    pub fn rows(self) -> usize {
        self.0 as usize
    }

    /// Rows to ask the database for: one more than the page holds.
    #[must_use]
    pub fn fetch(self) -> i64 {
        i64::from(self.0) + 1
    }

    /// Reads a page of rows of which some may be damaged.
    #[must_use]
    pub fn reading(self) -> Reading {
        Reading {
            limit: self,
            most: self.fetch(),
        }
    }
}

/// How the rows of a page are read, without those that cannot be: these take no place from the others.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    limit: Limit,
    most: i64,
}

impl Reading {
    /// Rows to ask the database for.
    #[must_use]
    pub const fn most(&self) -> i64 {
        self.most
    }

    /// The rows of the page and one more, where there are so many; `None` where more have to be read, as [`Self::most`] says
    /// then, from the same place.
    ///
    /// # Errors
    /// Rows that cannot be read for another reason than damage.
    pub fn take<R, T>(&mut self, rows: Vec<R>) -> Result<Option<Vec<T>>, StoreError>
    where
        T: TryFrom<R, Error = StoreError>,
    {
        let count = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
        let found = count(rows.len());
        let mut sound: Vec<T> = store::sound(rows)?;
        if found < self.most || sound.len() > self.limit.rows() {
            sound.truncate(self.limit.rows() + 1);
            return Ok(Some(sound));
        }
        self.most = self.limit.fetch() + (found - count(sound.len()));
        Ok(None)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<u32> for Limit {
    type Error = InvalidLimit;

    fn try_from(rows: u32) -> Result<Self, InvalidLimit> {
        if (1..=Self::MAX).contains(&rows) {
            Ok(Self(rows))
        } else {
            Err(InvalidLimit(rows))
        }
    }
}

impl From<Limit> for u32 {
    fn from(limit: Limit) -> Self {
        limit.0
    }
}
