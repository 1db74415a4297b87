//! A page of rows of which some may be damaged: these are left out, and hide none of the others.

use serde::Serialize;
use store::StoreError;

use super::fill::PageBuilder;
use super::{Page, Place};

/// Rows that are left out of one page at most: a page that ends there has fewer rows than were asked for, or none, and a
/// cursor to where the list goes on.
const MOST_LEFT_OUT: usize = 5_000;

/// Rows that are asked for at a time at most, of a list in which many are damaged.
const MOST_AT_ONCE: usize = 1_000;

impl<K: Serialize + Clone + PartialEq> Place<K> {
    /// The page at this place. `rows` reads at most n rows behind a place, or from the beginning, in the order of
    /// [`Self::order`]; `place_of` is the place of a row, `None` if it cannot be read.
    ///
    /// Rows that cannot be read are left out, with one line in the log for all of them. Where very many are, a page ends before
    /// it has as many rows as were asked for, with a cursor.
    ///
    /// # Errors
    /// Those of `rows`; rows that cannot be read for another reason than damage; [`StoreError::Corrupt`] where only rows
    /// without a place are found, so that there is no way on.
    pub async fn read<R, T, F>(
        self,
        rows: impl FnMut(Option<K>, i64) -> F,
        place_of: impl Fn(&R) -> Option<K>,
    ) -> Result<Page<T>, StoreError>
    where
        T: TryFrom<R, Error = StoreError>,
        F: Future<Output = Result<Vec<R>, StoreError>>,
    {
        let all = self.limit.rows() + 1;
        let small = |row| T::try_from(row).map(|row| Some((row, 0)));
        self.read_each(all, rows, place_of, small).await
    }

    /// The same of rows that may be large. `read` gives what a row is turned into and about how many bytes that takes in an
    /// answer, and nothing for a row that is passed over. The page ends at [`PAGE_BYTES`](super::PAGE_BYTES) too. At least
    /// `least` rows are asked for at a time: where most are passed over, few of them would be too few.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_each<R, T, F>(
        self,
        least: usize,
        mut rows: impl FnMut(Option<K>, i64) -> F,
        place_of: impl Fn(&R) -> Option<K>,
        read: impl Fn(R) -> Result<Option<(T, usize)>, StoreError>,
    ) -> Result<Page<T>, StoreError>
    where
        F: Future<Output = Result<Vec<R>, StoreError>>,
    {
        let mut page = PageBuilder::new(self.limit);
        let mut reading = Reading::from(self.from.clone());
        while !page.is_full() && !reading.ends() {
            let most = reading.next(page.fetch().max(least));
            let batch = rows(reading.reached.clone(), i64::try_from(most).unwrap_or(i64::MAX)).await?;
            reading.begin(batch.len(), most);
            for row in batch {
                let place = place_of(&row);
                let Some((item, bytes)) = reading.take(place, read(row))? else {
                    continue;
                };
                if !page.push((reading.reached.clone(), item), bytes) {
                    break;
                }
            }
        }
        reading.left_out.report();
        self.end(page, reading)
    }

    fn end<T>(self, page: PageBuilder<(Option<K>, T)>, reading: Reading<K>) -> Result<Page<T>, StoreError> {
        let more = page.is_full() || !reading.exhausted;
        let full = page.is_full();
        let rows = page.into_rows();
        // A page that is not full ends where the reading ended, be it at a row that was left out.
        let last = match full {
            true => rows.last().and_then(|(place, _)| place.clone()),
            false => reading.reached,
        };
        // A cursor to where this page begins would lead here again and again.
        if more && (last.is_none() || last == self.from) {
            let problem = "only rows whose place in a list cannot be read are found; ask for the other order, or restore them";
            return Err(StoreError::Corrupt(problem.to_owned()));
        }
        let first = rows.first().and_then(|(place, _)| place.clone());
        let first = first.or_else(|| last.clone().filter(|_| more));
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        Ok(self.page_between(rows, more, (first, last)))
    }
}

/// How far a list was read.
struct Reading<K> {
    /// The place of the last row that was read and has one, whatever became of the row.
    reached: Option<K>,
    /// Rows behind that place, whose own cannot be read: to go on from there reads them again.
    unplaced: usize,
    /// Rows at the beginning of this batch that the one before had too.
    again: usize,
    left_out: LeftOut,
    /// The list has no more rows.
    exhausted: bool,
}

impl<K: Clone> Reading<K> {
    fn from(place: Option<K>) -> Self {
        Self {
            reached: place,
            unplaced: 0,
            again: 0,
            left_out: LeftOut::default(),
            exhausted: false,
        }
    }

    fn ends(&self) -> bool {
        self.exhausted || self.left_out.rows >= MOST_LEFT_OUT
    }

    /// How many rows to ask for: as many as are wanted, and more the more had to be left out, so that many damaged rows cost
    /// few statements.
    fn next(&self, wanted: usize) -> usize {
        self.unplaced + wanted.max(self.left_out.rows.min(MOST_AT_ONCE))
    }

    fn begin(&mut self, found: usize, asked: usize) {
        self.exhausted = found < asked;
        self.again = std::mem::take(&mut self.unplaced);
    }

    /// What was read of the next row of the batch; nothing of one that is left out, or was met in the batch before.
    fn take<T>(
        &mut self,
        place: Option<K>,
        read: Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let met = self.again > 0 && place.is_none();
        self.again = self.again.saturating_sub(1);
        match place {
            Some(place) => {
                self.reached = Some(place);
                self.unplaced = 0;
            }
            None => self.unplaced += 1,
        }
        match read {
            Ok(_) | Err(StoreError::Damaged(_)) if met => Ok(None),
            Err(StoreError::Damaged(problem)) => {
                self.left_out.note(problem);
                Ok(None)
            }
            read => read,
        }
    }
}

/// Rows of a page that cannot be read: the log has one line for all of them.
#[derive(Default)]
struct LeftOut {
    rows: usize,
    /// What is wrong with the first.
    problem: Option<String>,
}

impl LeftOut {
    fn note(&mut self, problem: String) {
        self.rows += 1;
        self.problem.get_or_insert(problem);
    }

    fn report(&self) {
        if let Some(problem) = &self.problem {
            tracing::error!(
                rows = self.rows,
                problem,
                "rows are left out of a list; the first is named"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::page::{Ask, Limit, Sort};

    /// A row of a list of numbers.
    #[derive(Clone, Copy)]
    enum Row {
        Sound(i64),
        Damaged(i64),
        /// Behind all numbers, as SQLite sorts what is not a number.
        Unplaced,
    }

    impl Row {
        fn place(&self) -> Option<i64> {
            match self {
                Self::Sound(place) | Self::Damaged(place) => Some(*place),
                Self::Unplaced => None,
            }
        }
    }

    impl TryFrom<Row> for i64 {
        type Error = StoreError;

        fn try_from(row: Row) -> Result<Self, StoreError> {
            match row {
                Row::Sound(number) => Ok(number),
                Row::Damaged(_) | Row::Unplaced => Err(StoreError::damaged("it", "row")),
            }
        }
    }

    /// A list, and how it was read.
    struct Table {
        rows: Vec<Row>,
        statements: Cell<usize>,
        read: Cell<usize>,
    }

    impl Table {
        fn of(rows: impl IntoIterator<Item = Row>) -> Self {
            Self {
                rows: rows.into_iter().collect(),
                statements: Cell::new(0),
                read: Cell::new(0),
            }
        }

        fn select(&self, from: Option<i64>, down: bool, most: i64) -> Vec<Row> {
            let mut rows = self.rows.clone();
            if down {
                rows.reverse();
            }
            // What is not a number is greater than every number.
            let behind = |row: &Row| match (from, row.place()) {
                (None, _) => true,
                (Some(from), Some(place)) => {
                    if down {
                        place < from
                    } else {
                        place > from
                    }
                }
                (Some(_), None) => !down,
            };
            rows.retain(behind);
            rows.truncate(usize::try_from(most).unwrap());
            self.statements.set(self.statements.get() + 1);
            self.read.set(self.read.get() + rows.len());
            rows
        }

        async fn page(&self, ask: &Ask) -> Result<Page<i64>, StoreError> {
            let place: Place<i64> = ask.place(Sort::of("number")).unwrap();
            let down = place.reads_down();
            let rows = |from, most| std::future::ready(Ok(self.select(from, down, most)));
            place.read(rows, Row::place).await
        }

        /// All numbers, from the first page to the last or, with `back`, to the first again.
        async fn walk(&self, limit: u32, sort: &'static str, back: bool) -> Vec<i64> {
            let mut ask = Ask::first("list", Limit::try_from(limit).unwrap()).sorted(Some(Sort::of(sort)));
            let (seen, mut turned) = (RefCell::new(Vec::new()), false);
            for _ in 0..200 {
                let page = self.page(&ask).await.unwrap();
                assert!(page.items.len() <= limit as usize);
                if turned {
                    seen.borrow_mut().splice(0..0, page.items);
                } else {
                    seen.borrow_mut().extend(page.items);
                }
                let cursor = match (turned, page.next_cursor) {
                    (false, Some(cursor)) => Some(cursor),
                    (false, None) if back => {
                        turned = true;
                        seen.borrow_mut().clear();
                        page.prev_cursor
                    }
                    (false, None) => None,
                    (true, _) => page.prev_cursor,
                };
                match cursor {
                    Some(cursor) => ask = ask.at(Some(cursor)),
                    None => return seen.into_inner(),
                }
            }
            panic!("the list has no end");
        }
    }

    fn mixed() -> Vec<Row> {
        let row = |number: i64| match number % 7 {
            0 => Row::Sound(number),
            _ => Row::Damaged(number),
        };
        (0..700).map(row).collect()
    }

    #[tokio::test]
    async fn damaged_rows_hide_no_sound_one() {
        let table = Table::of(mixed().into_iter().chain([Row::Unplaced; 30]));
        let sound: Vec<i64> = (0..700).step_by(7).collect();
        for limit in [1, 2, 7, 50, 100, 101, 500] {
            assert_eq!(table.walk(limit, "number", false).await, sound, "{limit}");
            let mut down = table.walk(limit, "-number", false).await;
            down.reverse();
            assert_eq!(down, sound, "{limit}");
        }
        // The way back shows what was shown on the way, but for the last page.
        let last = 100 - 100 % 30;
        assert_eq!(table.walk(30, "number", true).await, sound[..last]);
    }

    #[tokio::test]
    async fn a_page_reads_each_row_about_once_and_ends() {
        let table = Table::of((0..12_000).map(Row::Damaged).chain([Row::Sound(12_000)]));
        let ask = Ask::first("list", Limit::try_from(1).unwrap());
        let page = table.page(&ask).await.unwrap();
        assert!(page.items.is_empty() && page.next_cursor.is_some());
        assert!(
            table.read.get() < MOST_LEFT_OUT + MOST_AT_ONCE,
            "{}",
            table.read.get()
        );
        assert!(table.statements.get() < 20, "{}", table.statements.get());
        assert_eq!(table.walk(1, "number", false).await, [12_000]);
        assert_eq!(table.walk(1, "-number", false).await, [12_000]);
    }

    #[tokio::test]
    async fn rows_without_a_place_are_passed_over_as_long_as_there_is_a_way_on() {
        let few = Table::of([Row::Sound(1)].into_iter().chain([Row::Unplaced; 600]));
        assert_eq!(few.walk(1, "-number", false).await, [1]);
        assert!(few.read.get() < 3 * 600, "{}", few.read.get());
        let many = Table::of([Row::Sound(1)].into_iter().chain([Row::Unplaced; 9_000]));
        let down = Ask::first("list", Limit::DEFAULT).sorted(Some(Sort::of("-number")));
        let refused = many.page(&down).await.unwrap_err();
        assert!(refused.to_string().contains("other order"), "{refused}");
    }

    #[tokio::test]
    async fn rows_without_a_place_that_are_shown_are_shown_once() {
        let table = Table::of((0..200).map(Row::Sound).chain([Row::Unplaced; 30]));
        let place: Place<i64> = Ask::first("list", Limit::try_from(50).unwrap())
            .place(Sort::of("number"))
            .unwrap();
        let rows = |from, most| std::future::ready(Ok(table.select(from, false, most)));
        let each_fiftieth = |row: Row| match row {
            Row::Sound(number) if number % 50 != 0 => Ok(None),
            row => Ok(Some((row.place(), 1))),
        };
        let page = place.read_each(7, rows, Row::place, each_fiftieth).await.unwrap();
        let shown: Vec<i64> = page.items.iter().copied().flatten().collect();
        assert_eq!(shown, [0, 50, 100, 150]);
        assert_eq!((page.items.len(), page.next_cursor), (34, None));
    }
}
