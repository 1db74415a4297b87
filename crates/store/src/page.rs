//! Lists in pages by key: `WHERE (sort key, id) > cursor ORDER BY … LIMIT n`, never OFFSET.
//!
//! A page's cursor is the key of its last row, as opaque text. It is not authenticated: it only says where to go
//! on, every page is authorized like the first, and so keys must hold nothing secret.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Longest cursor that is looked at, in bytes of text: room for a key of 3,000 bytes, such as 2,048 bytes in base64.
const MAX_CURSOR: usize = 4_096;
/// Bytes of checksum in front of the key.
const CHECKSUM: usize = 4;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The rows, in the order of the list.
    pub items: Vec<T>,
    /// What to send to get the next page; none on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of the rows of a query that asked for [`Limit::fetch`] rows: one more than fit means that
    /// there is a next page. `list` names the list and its order, `key` is the sort key of a row.
    pub fn new<K: Serialize>(mut rows: Vec<T>, limit: Limit, list: &str, key: impl Fn(&T) -> K) -> Self {
        let more = rows.len() > limit.rows();
        rows.truncate(limit.rows());
        let next_cursor = rows.last().filter(|_| more).map(|row| encode(list, &key(row)));
        Self {
            items: rows,
            next_cursor,
        }
    }

    /// A page of a list that is held in memory: `all` of it, in the order of `key`, behind the key in `cursor`.
    ///
    /// # Errors
    /// [`InvalidCursor`] if the cursor was not made for this list.
    pub fn of_all<K: Serialize + DeserializeOwned + PartialOrd>(
        all: impl IntoIterator<Item = T>,
        limit: Limit,
        cursor: Option<&str>,
        list: &str,
        key: impl Fn(&T) -> K,
    ) -> Result<Self, InvalidCursor> {
        let last: Option<K> = cursor.map(|text| decode(list, text)).transpose()?;
        let rows = all
            .into_iter()
            .filter(|row| last.as_ref().is_none_or(|last| key(row) > *last))
            .take(limit.rows() + 1)
            .collect();
        Ok(Self::new(rows, limit, list, key))
    }

    /// Turns the rows into something else, such as their wire form.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next_cursor: self.next_cursor,
        }
    }
}

/// Bytes at which a page ends, whatever its limit says. A page is at least one row.
pub const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Rows that are asked for before their size is known.
const FIRST_ROWS: i64 = 64;

/// A page while it is filled: it ends by bytes as well as by rows, and asks the database for no more rows at a time than
/// are likely to fit.
#[derive(Debug)]
pub struct PageBuilder<T> {
    limit: Limit,
    rows: Vec<T>,
    bytes: usize,
    more: bool,
}

impl<T> PageBuilder<T> {
    /// An empty page.
    #[must_use]
    pub const fn new(limit: Limit) -> Self {
        Self {
            limit,
            rows: Vec::new(),
            bytes: 0,
            more: false,
        }
    }

    /// How many rows to ask the database for next.
    #[must_use]
    pub fn fetch(&self) -> i64 {
        let rows = self.rows.len();
        let wanted = self.limit.fetch() - i64::try_from(rows).unwrap_or(i64::MAX);
        let likely = match self.bytes.checked_div(rows) {
            None => FIRST_ROWS,
            Some(each) => {
                let room = PAGE_BYTES.saturating_sub(self.bytes) / each.max(1) + 1;
                i64::try_from(room).unwrap_or(i64::MAX)
            }
        };
        wanted.min(likely).max(1)
    }

    /// Takes a row of this many bytes; not, once the page is full. Such a row shows that there is a next page.
    pub fn push(&mut self, row: T, bytes: usize) -> bool {
        let too_large = !self.rows.is_empty() && self.bytes.saturating_add(bytes) > PAGE_BYTES;
        if self.more || too_large || self.rows.len() >= self.limit.rows() {
            self.more = true;
            return false;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.rows.push(row);
        true
    }

    /// Whether it takes no more rows.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.more
    }

    /// The rows; `cursor` names the last one where there is a next page.
    pub fn finish(self, cursor: impl FnOnce(&T) -> String) -> Page<T> {
        let next_cursor = self.rows.last().filter(|_| self.more).map(cursor);
        Page {
            items: self.rows,
            next_cursor,
        }
    }
}

/// Rows a page: 1 to 500, 50 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Limit(u32);

/// The number is not a page size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit is {0}; it must be from 1 to {max}", max = Limit::MAX)]
pub struct InvalidLimit(u32);

impl Limit {
    /// Most rows a page.
    pub const MAX: u32 = 500;
    /// Rows a page when the caller does not say.
    pub const DEFAULT: Self = Self(50);

    /// Rows a page.
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

/// The text is not a cursor of this list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cursor is damaged or belongs to another list; send next_cursor of a page of this list, or none")]
pub struct InvalidCursor;

/// The cursor of a key as text. `list` names the list and its order, such as `certificates by not_after`.
#[must_use]
pub fn encode<K: Serialize>(list: &str, key: &K) -> String {
    // keys are tuples of numbers, texts and ids, which always have a JSON form
    let json = serde_json::to_vec(key).unwrap_or_default();
    let mut bytes = checksum(list, &json).to_vec();
    bytes.extend(json);
    BASE64URL_NOPAD.encode(&bytes)
}

/// The key in a cursor that [`encode`] made for the same list.
///
/// # Errors
/// [`InvalidCursor`] for anything else.
pub fn decode<K: DeserializeOwned>(list: &str, cursor: &str) -> Result<K, InvalidCursor> {
    if cursor.len() > MAX_CURSOR {
        return Err(InvalidCursor);
    }
    let bytes = BASE64URL_NOPAD
        .decode(cursor.as_bytes())
        .map_err(|_| InvalidCursor)?;
    let (sum, json) = bytes.split_first_chunk::<CHECKSUM>().ok_or(InvalidCursor)?;
    if *sum != checksum(list, json) {
        return Err(InvalidCursor);
    }
    serde_json::from_slice(json).map_err(|_| InvalidCursor)
}

/// FNV-1a: notices a truncated or mistyped cursor and one of another list, not an adversary.
fn checksum(list: &str, json: &[u8]) -> [u8; CHECKSUM] {
    let bytes = list.bytes().chain([0]).chain(json.iter().copied());
    bytes
        .fold(0x811c_9dc5_u32, |sum, byte| {
            (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        })
        .to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    type Key = (i64, String, Uuid);

    fn key() -> impl Strategy<Value = Key> {
        (any::<i64>(), ".{0,40}", any::<u128>()).prop_map(|(n, text, id)| (n, text, Uuid::from_u128(id)))
    }

    proptest! {
        #[test]
        fn a_cursor_gives_its_key_back(key in key()) {
            prop_assert_eq!(decode::<Key>("list", &encode("list", &key)), Ok(key));
        }

        #[test]
        fn a_changed_character_is_noticed(key in key(), at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_=+/ -]") {
            let cursor = encode("list", &key);
            let at = at.index(cursor.len());
            let mut damaged = cursor.clone();
            damaged.replace_range(at..=at, &to);
            prop_assume!(damaged != cursor);
            prop_assert_eq!(decode::<Key>("list", &damaged), Err(InvalidCursor));
        }

        #[test]
        fn a_truncated_cursor_is_noticed(key in key(), at in any::<prop::sample::Index>()) {
            let cursor = encode("list", &key);
            prop_assert_eq!(decode::<Key>("list", &cursor[..at.index(cursor.len())]), Err(InvalidCursor));
        }

        #[test]
        fn any_text_is_refused(text in ".{0,200}") {
            prop_assert_eq!(decode::<Key>("list", &text), Err(InvalidCursor));
        }
    }

    #[test]
    fn a_cursor_of_another_list_or_type_is_refused() {
        let cursor = encode("certificates by not_after", &(5_i64, Uuid::nil()));
        assert_eq!(
            decode::<(i64, Uuid)>("certificates by subject", &cursor),
            Err(InvalidCursor)
        );
        assert_eq!(
            decode::<(String, Uuid)>("certificates by not_after", &cursor),
            Err(InvalidCursor)
        );
    }

    #[test]
    fn an_overlong_cursor_is_refused_unread() {
        assert_eq!(
            decode::<Key>("list", &"A".repeat(MAX_CURSOR + 1)),
            Err(InvalidCursor)
        );
    }

    #[test]
    fn only_a_full_page_with_more_behind_it_has_a_cursor() {
        let limit = Limit::try_from(2).unwrap();
        let page = Page::new(vec![1, 2, 3], limit, "list", |n| *n);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(decode("list", &page.next_cursor.unwrap()), Ok(2));
        assert_eq!(Page::new(vec![1, 2], limit, "list", |n| *n).next_cursor, None);
        assert_eq!(Page::new(vec![], limit, "list", |n: &i32| *n).next_cursor, None);
    }

    #[test]
    fn a_list_in_memory_is_paged_to_its_end() {
        let limit = Limit::try_from(2).unwrap();
        let page = |cursor: Option<&str>| Page::of_all(1..=5, limit, cursor, "list", |n| *n);
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let next = page(cursor.as_deref()).unwrap();
            assert!(next.items.len() <= 2);
            seen.extend(next.items);
            match next.next_cursor {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
        assert_eq!(page(Some(&encode("other", &1))), Err(InvalidCursor));
    }

    #[test]
    fn a_page_ends_by_bytes_as_well_as_by_rows() {
        let fill = |limit: u32, sizes: &[usize]| {
            let mut page = PageBuilder::new(Limit::try_from(limit).unwrap());
            for (row, size) in sizes.iter().enumerate() {
                if !page.push(row, *size) {
                    break;
                }
            }
            let page = page.finish(|last| last.to_string());
            (page.items.len(), page.next_cursor)
        };
        let half = PAGE_BYTES / 2;
        assert_eq!(fill(10, &[1; 10]), (10, None));
        assert_eq!(fill(10, &[1; 11]), (10, Some("9".to_owned())));
        assert_eq!(fill(10, &[half, half, 1]), (2, Some("1".to_owned())));
        assert_eq!(fill(10, &[half, half]), (2, None));
        let one_too_large = fill(10, &[2 * PAGE_BYTES, 1]);
        assert_eq!(one_too_large, (1, Some("0".to_owned())), "a page goes on");
    }

    #[test]
    fn few_large_rows_are_asked_for_at_a_time() {
        let mut page = PageBuilder::new(Limit::try_from(500).unwrap());
        assert_eq!(page.fetch(), FIRST_ROWS);
        for row in 0..10 {
            page.push(row, PAGE_BYTES / 20);
        }
        assert_eq!(page.fetch(), 11);
        let mut small = PageBuilder::new(Limit::try_from(500).unwrap());
        for row in 0..64 {
            small.push(row, 100);
        }
        assert_eq!(small.fetch(), 501 - 64);
        assert_eq!(PageBuilder::<u8>::new(Limit::try_from(1).unwrap()).fetch(), 2);
    }

    #[test]
    fn limits_are_bounded() {
        assert_eq!(
            Limit::try_from(0).unwrap_err().to_string(),
            "limit is 0; it must be from 1 to 500"
        );
        assert!(Limit::try_from(501).is_err());
        assert_eq!(Limit::try_from(500).unwrap().fetch(), 501);
        assert!(serde_json::from_str::<Limit>("501").is_err());
    }
}
