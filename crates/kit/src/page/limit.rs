//! Rows per page.

use serde::{Deserialize, Serialize};

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
