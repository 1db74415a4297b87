//! How many rows a list has.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many rows a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Count {
    /// Rows of all pages together, and those that the list leaves out because they are damaged.
    #[schema(example = 1024)]
    pub rows: u64,
    /// How far the number can be relied on.
    pub precision: Precision,
}

/// How far a number of rows can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// All were counted.
    Exact,
    /// Counting stopped at this number, and there are more.
    AtLeast,
    /// The database's guess, from its statistics.
    Estimate,
}

/// Rows that are counted for `count=exact`; for more the answer says that it is a lower bound.
const EXACT_ROWS: i64 = 100_000;
/// Rows that are counted for `count=estimate` before the database is asked for a guess.
const ESTIMATED_ROWS: i64 = 1_000;

/// Whether a list is counted too. It costs extra, so it is not done unasked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Counting {
    /// It is not.
    #[default]
    None,
    /// Row by row up to 1,000; beyond them the database's guess where a list has one, else a lower bound.
    Estimate,
    /// Row by row, up to 100,000.
    Exact,
}

impl Counting {
    /// Rows to count at most; `None` where nothing is counted.
    #[must_use]
    pub const fn bound(self) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Estimate => Some(ESTIMATED_ROWS),
            Self::Exact => Some(EXACT_ROWS),
        }
    }

    /// Counts, if that is asked for. `rows` gets the number at which it may stop counting, and answers how many it counted.
    ///
    /// # Errors
    /// Those of `rows`.
    pub async fn count<E>(self, rows: impl AsyncFnOnce(i64) -> Result<i64, E>) -> Result<Option<Count>, E> {
        match self.bound() {
            Some(bound) => Ok(Some(Count::up_to(bound, rows(bound + 1).await?))),
            None => Ok(None),
        }
    }
}

impl Count {
    /// What `counted` rows say, where counting ended at one more than `bound`.
    #[must_use]
    pub const fn up_to(bound: i64, counted: i64) -> Self {
        if counted > bound {
            Self {
                rows: bound.unsigned_abs(),
                precision: Precision::AtLeast,
            }
        } else {
            Self {
                rows: counted.unsigned_abs(),
                precision: Precision::Exact,
            }
        }
    }
}
