//! Lists in pages by key: `WHERE (sort key, id) > cursor ORDER BY … LIMIT n`, never OFFSET.
//!
//! A page has a cursor for each direction: the key of its first or last row, as opaque text. So a page neither skips nor
//! repeats a row, whatever is added between two requests. A cursor is bound to its list, filters, and order, and to whose
//! rows its reader sees. It is not authenticated: it only says where to go on, every page is authorized like the first, and
//! so keys must hold nothing secret.

mod count;
mod cursor;
mod fill;
mod limit;
mod reading;
mod walk;

use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::error::{Fault, Kind, Shown};
pub use count::{Count, Counting, Precision};
pub use fill::PAGE_BYTES;
pub use limit::{InvalidLimit, Limit};
pub use walk::{Busy, Walk};

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows, in the order of the list.
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
    /// Send it as `cursor` for the page before; null on the first.
    pub prev_cursor: Option<String>,
    /// How many rows the whole list has; absent unless it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
}

impl<T> Page<T> {
    /// Turns the rows into something else, such as their wire form.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next_cursor: self.next_cursor,
            prev_cursor: self.prev_cursor,
            count: self.count,
        }
    }

    /// The same where that can fail, or has to wait for something.
    ///
    /// # Errors
    /// The first of `f`.
    pub async fn try_map<U, E, F>(self, mut f: impl FnMut(T) -> F) -> Result<Page<U>, E>
    where
        F: Future<Output = Result<U, E>>,
    {
        let mut items = Vec::with_capacity(self.items.len());
        for item in self.items {
            items.push(f(item).await?);
        }
        Ok(Page {
            items,
            next_cursor: self.next_cursor,
            prev_cursor: self.prev_cursor,
            count: self.count,
        })
    }

    /// The same with a number of rows.
    #[must_use]
    pub fn counted(self, count: Option<Count>) -> Self {
        Self { count, ..self }
    }
}

/// An order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The column, as parameter `sort` names it.
    pub column: &'static str,
    /// From the last to the first.
    pub descending: bool,
}

impl Sort {
    /// What `sort` says: a column, with `-` before it for descending.
    #[must_use]
    pub const fn of(text: &'static str) -> Self {
        match text.as_bytes() {
            [b'-', ..] => Self {
                column: text.split_at(1).1,
                descending: true,
            },
            _ => Self {
                column: text,
                descending: false,
            },
        }
    }
}

/// Which rows of a list are asked for: by the request for a page of it, by another service, by a [`Walk`], or in the background.
/// There is no other way to go on from page to page, so that none is read for a caller past the bounds on what one takes.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Rows per page.
    pub limit: Limit,
    /// The order; `None` leaves it to the list.
    pub sort: Option<Sort>,
    /// Whether it is counted too.
    pub counting: Counting,
    /// `next_cursor` or `prev_cursor` of another page.
    pub(crate) cursor: Option<String>,
    /// The list with its filters: what cursors are bound to, beside the order.
    pub(crate) list: String,
}

impl Ask {
    /// The first page of a list; `list` says which, with its filters.
    #[must_use]
    pub(crate) fn first(list: &str, limit: Limit) -> Self {
        Self {
            limit,
            list: list.to_owned(),
            ..Self::default()
        }
    }

    /// The page behind `cursor` of a list that the process reads by itself, such as the items of a job, and not while a
    /// request waits: nothing bounds how fast these are read.
    #[must_use]
    pub fn in_background(list: &str, cursor: Option<String>) -> Self {
        Self::first(list, Limit::LARGEST).at(cursor)
    }

    /// What a list over gRPC is asked for: `limit` rows per page, 0 for the usual number, and the `next_cursor` of another page,
    /// empty for the first. `list` says which list, with its filters.
    ///
    /// # Errors
    /// [`InvalidLimit`] for more rows than a page holds.
    pub fn over_grpc(list: &str, limit: u32, cursor: String) -> Result<Self, InvalidLimit> {
        let limit = match limit {
            0 => Limit::DEFAULT,
            rows => Limit::try_from(rows)?,
        };
        Ok(Self::first(list, limit).at((!cursor.is_empty()).then_some(cursor)))
    }

    /// The same behind or before a page that was answered.
    #[must_use]
    pub(crate) fn at(self, cursor: Option<String>) -> Self {
        Self { cursor, ..self }
    }

    /// The same in another order; `None` leaves it to the list.
    #[must_use]
    pub fn sorted(self, sort: Option<Sort>) -> Self {
        Self { sort, ..self }
    }

    /// The same, counted so.
    #[must_use]
    pub fn counting(self, counting: Counting) -> Self {
        Self { counting, ..self }
    }

    /// The same of the rows of `owner` alone, which is what some readers see of a list; `None`: the rows of all owners. A
    /// cursor of one reader's list is refused for another reader, whose list may have another order.
    #[must_use]
    pub fn of_owner(self, owner: Option<&str>) -> Self {
        let list = match owner {
            Some(owner) => format!("{}&of={}:{owner}", self.list, owner.len()),
            None => self.list,
        };
        Self { list, ..self }
    }

    /// Where the page begins in a list that is sorted so, if nothing else is asked for.
    ///
    /// # Errors
    /// [`InvalidCursor`] if the cursor is not one of this list, these filters and this order.
    pub fn place<K: DeserializeOwned>(&self, unless_said: Sort) -> Result<Place<K>, InvalidCursor> {
        let sort = self.sort.unwrap_or(unless_said);
        // The order that was decided, not the one that was asked for: a list may decide by more than its parameters.
        let direction = if sort.descending { "-" } else { "" };
        let list = format!("{} by {direction}{}", self.list, sort.column);
        let cursor = self.cursor.as_deref();
        let cursor = cursor.map(|text| cursor::decode::<(bool, K)>(&list, text));
        let (backward, from) = match cursor.transpose()? {
            Some((backward, key)) => (backward, Some(key)),
            None => (false, None),
        };
        Ok(Place {
            list,
            limit: self.limit,
            sort,
            backward,
            from,
        })
    }

    /// A page of a list that is held in memory and has one order, that of `key`.
    ///
    /// # Errors
    /// As [`Self::place`].
    pub fn of_all<T, K: Serialize + DeserializeOwned + Ord>(
        &self,
        all: impl IntoIterator<Item = T>,
        unless_said: Sort,
        key: impl Fn(&T) -> K,
    ) -> Result<Page<T>, InvalidCursor> {
        let place = self.place::<K>(unless_said)?;
        let mut all: Vec<(K, T)> = all.into_iter().map(|row| (key(&row), row)).collect();
        let count = self.counting.bound().map(|_all| Count {
            rows: all.len() as u64,
            precision: Precision::Exact,
        });
        all.sort_by(|(one, _), (other, _)| match place.reads_down() {
            true => other.cmp(one),
            false => one.cmp(other),
        });
        let behind = |(key, _): &(K, T)| {
            let from = place.from.as_ref();
            from.is_none_or(|from| {
                if place.reads_down() {
                    key < from
                } else {
                    key > from
                }
            })
        };
        let rows: Vec<T> = all
            .into_iter()
            .filter(behind)
            .map(|(_, row)| row)
            .take(self.limit.rows() + 1)
            .collect();
        Ok(place.page(rows, key).counted(count))
    }
}

/// Where a page begins, and in which direction its rows are read.
#[derive(Clone, Debug)]
pub struct Place<K> {
    list: String,
    limit: Limit,
    /// The order of the list.
    pub sort: Sort,
    backward: bool,
    /// The key of the row behind which to read; `None` for the first page.
    pub from: Option<K>,
}

impl<K: Serialize> Place<K> {
    /// Whether rows are read from the last to the first: the order of the list, the other way round for a page before.
    #[must_use]
    pub const fn reads_down(&self) -> bool {
        self.sort.descending != self.backward
    }

    /// How a row's key compares with [`Self::from`], in SQL.
    #[must_use]
    pub const fn compare(&self) -> &'static str {
        if self.reads_down() { "<" } else { ">" }
    }

    /// The order in which rows are read, in SQL.
    #[must_use]
    pub const fn order(&self) -> &'static str {
        if self.reads_down() { "DESC" } else { "ASC" }
    }

    /// The page of the rows of a query that asked for [`Limit::fetch`] rows: one more than fit means that the list goes on
    /// there. `key` is the sort key of a row.
    pub fn page<T>(self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let more = rows.len() > self.limit.rows();
        rows.truncate(self.limit.rows());
        self.page_of(rows, more, key)
    }

    /// The page of these rows, in the order in which they were read; `more` says whether the list goes on there.
    pub fn page_of<T>(self, rows: Vec<T>, more: bool, key: impl Fn(&T) -> K) -> Page<T> {
        let (first, last) = (rows.first().map(&key), rows.last().map(&key));
        self.page_between(rows, more, (first, last))
    }

    /// The same of rows that were read between these two places.
    fn page_between<T>(
        self,
        mut rows: Vec<T>,
        more: bool,
        (mut first, mut last): (Option<K>, Option<K>),
    ) -> Page<T> {
        if self.backward {
            rows.reverse();
            std::mem::swap(&mut first, &mut last);
        }
        // What a cursor was made behind or before is still there: the page that it came from.
        let (before, behind) = match self.backward {
            true => (more, true),
            false => (self.from.is_some(), more),
        };
        let cursor =
            |place: Option<K>, backward: bool| place.map(|key| cursor::encode(&self.list, &(backward, key)));
        Page {
            items: rows,
            next_cursor: cursor(last.filter(|_| behind), false),
            prev_cursor: cursor(first.filter(|_| before), true),
            count: None,
        }
    }
}

/// The text is not a cursor of this list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cursor is damaged or belongs to another list, other filters, another order or another caller; send next_cursor or \
     prev_cursor of a page of this very query, or none"
)]
pub struct InvalidCursor;

impl Fault for InvalidCursor {
    fn shown(&self) -> Shown<'_> {
        Shown::of(Kind::Invalid).at("cursor")
    }
}

#[cfg(test)]
mod tests;
