//! A part of a sorted list.

/// Which rows of a list to read: those behind a key, in one direction.
#[derive(Clone, Copy, Debug)]
pub struct Slice<K> {
    /// The key behind which they are; the list is read from its beginning if there is none.
    pub behind: Option<K>,
    /// From the greatest key to the least.
    pub down: bool,
    /// At most so many.
    pub rows: i64,
}

impl<K> Slice<K> {
    /// How a row's key compares with [`Self::behind`], in SQL.
    pub(super) const fn compare(&self) -> &'static str {
        if self.down { "<" } else { ">" }
    }

    /// The order in which rows are read, in SQL.
    pub(super) const fn order(&self) -> &'static str {
        if self.down { "DESC" } else { "ASC" }
    }
}
