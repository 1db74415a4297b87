//! A page while it is filled.

use super::Limit;

/// Bytes at which a page ends, whatever its limit says. A page is at least one row.
pub const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Rows that are asked for before their size is known.
const FIRST_ROWS: usize = 64;

/// A page while it is filled: it ends by bytes as well as by rows, and asks the database for no more rows at a time than
/// are likely to fit.
#[derive(Debug)]
pub(super) struct PageBuilder<T> {
    limit: Limit,
    rows: Vec<T>,
    bytes: usize,
    more: bool,
}

impl<T> PageBuilder<T> {
    /// An empty page.
    pub(super) const fn new(limit: Limit) -> Self {
        Self {
            limit,
            rows: Vec::new(),
            bytes: 0,
            more: false,
        }
    }

    /// How many rows to ask the database for next.
    pub(super) fn fetch(&self) -> usize {
        let rows = self.rows.len();
        let wanted = self.limit.rows() + 1 - rows;
        let likely = match self.bytes.checked_div(rows) {
            None => FIRST_ROWS,
            Some(each) => PAGE_BYTES.saturating_sub(self.bytes) / each.max(1) + 1,
        };
        // At least one: a page that is full by bytes learns from one more row that the list goes on.
        wanted.min(likely).max(1)
    }

    /// Takes a row of this many bytes; not, once the page is full. Such a row shows that the list goes on.
    pub(super) fn push(&mut self, row: T, bytes: usize) -> bool {
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
    pub(super) const fn is_full(&self) -> bool {
        self.more
    }

    /// Its rows.
    pub(super) fn into_rows(self) -> Vec<T> {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_by_bytes_as_well_as_by_rows() {
        let fill = |limit: u32, sizes: &[usize]| {
            let limit = Limit::try_from(limit).unwrap();
            let mut page = PageBuilder::new(limit);
            for (row, size) in sizes.iter().enumerate() {
                if !page.push(row, *size) {
                    break;
                }
            }
            let full = page.is_full();
            (page.into_rows().len(), full)
        };
        let half = PAGE_BYTES / 2;
        assert_eq!(fill(10, &[1; 10]), (10, false));
        assert_eq!(fill(10, &[1; 11]), (10, true));
        assert_eq!(fill(10, &[half, half, 1]), (2, true));
        assert_eq!(fill(10, &[half, half]), (2, false));
        let one_too_large = fill(10, &[2 * PAGE_BYTES, 1]);
        assert_eq!(one_too_large, (1, true), "a page goes on");
    }

    #[test]
    fn few_large_rows_are_asked_for_at_a_time() {
        let mut page = PageBuilder::new(Limit::LARGEST);
        assert_eq!(page.fetch(), FIRST_ROWS);
        for row in 0..10 {
            page.push(row, PAGE_BYTES / 20);
        }
        assert_eq!(page.fetch(), 11);
        let mut small = PageBuilder::new(Limit::LARGEST);
        for row in 0..64 {
            small.push(row, 100);
        }
        assert_eq!(small.fetch(), 501 - 64);
        assert_eq!(PageBuilder::<u8>::new(Limit::try_from(1).unwrap()).fetch(), 2);
    }
}
