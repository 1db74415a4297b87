//! A page of rows of which some may be damaged: these are left out, and hide none of the others.

use serde::Serialize;
use store::StoreError;

use super::{Page, Place};

/// Rows that are read for one page at most, however many of them are left out: a page that ends there has fewer rows than
/// were asked for, or none, and a cursor to where the list goes on.
pub const MOST_READ: usize = 5_000;

/// Rows that are asked for at a time at most, of a list in which many are damaged.
const MOST_AT_ONCE: usize = 1_000;

/// What became of the rows that were read.
struct Reading<K, T> {
    /// Those of the page, and one more where there is one, each with its place.
    sound: Vec<(K, T)>,
    /// The place of the last row that was read and has one, sound or not.
    reached: Option<K>,
    /// How many rows were read.
    read: usize,
    /// Rows behind that place, whose own cannot be read: to go on from there reads them again.
    unplaced: usize,
    left_out: usize,
    /// What is wrong with the first that was left out.
    problem: Option<String>,
}

impl<K: Serialize + Clone> Place<K> {
    /// The page at this place. `rows` reads at most n rows behind a place, or from the beginning, in the order of
    /// [`Self::order`]; `place_of` is the place of a row, `None` if it cannot be read.
    ///
    /// Rows that cannot be read are left out, with one line in the log for all of them. A page may end before it has as many
    /// rows as were asked for, with a cursor: see [`MOST_READ`].
    ///
    /// # Errors
    /// Those of `rows`; rows that cannot be read for another reason than damage; [`StoreError::Corrupt`] where only rows
    /// without a place are found, so that there is no way on.
    pub async fn read<R, T, F>(
        self,
        mut rows: impl FnMut(Option<K>, i64) -> F,
        place_of: impl Fn(&R) -> Option<K>,
    ) -> Result<Page<T>, StoreError>
    where
        T: TryFrom<R, Error = StoreError>,
        F: Future<Output = Result<Vec<R>, StoreError>>,
    {
        let limit = self.limit.rows();
        let mut reading = Reading::from(self.from.clone());
        let mut exhausted = false;
        while !exhausted && reading.sound.len() <= limit && reading.read < MOST_READ {
            let most = reading.next(limit + 1);
            let batch = rows(reading.reached.clone(), i64::try_from(most).unwrap_or(i64::MAX)).await?;
            exhausted = batch.len() < most;
            reading.take(batch, &place_of)?;
        }
        reading.report();
        let more = !exhausted || reading.sound.len() > limit;
        let Reading {
            mut sound,
            reached,
            read,
            unplaced,
            ..
        } = reading;
        if more && read == unplaced {
            let problem = "only rows whose place in a list cannot be read are found; ask for the other order, or restore them";
            return Err(StoreError::Corrupt(problem.to_owned()));
        }
        sound.truncate(limit);
        // A page that is not full ends where the reading ended, be it at a row that was left out.
        let last = match sound.len() == limit {
            true => sound.last().map(|(place, _)| place.clone()),
            false => reached,
        };
        let first = sound.first().map(|(place, _)| place.clone());
        let sound = sound.into_iter().map(|(_, row)| row).collect();
        let first = first.or_else(|| last.clone().filter(|_| more));
        Ok(self.page_between(sound, more, (first, last)))
    }
}

impl<K: Clone, T> Reading<K, T> {
    fn from(place: Option<K>) -> Self {
        Self {
            sound: Vec::new(),
            reached: place,
            read: 0,
            unplaced: 0,
            left_out: 0,
            problem: None,
        }
    }

    /// How many rows to ask for: as many as are wanted, and more the more had to be left out.
    fn next(&self, wanted: usize) -> usize {
        let missing = wanted - self.sound.len().min(wanted);
        self.unplaced + missing.max(self.left_out).min(MOST_AT_ONCE)
    }

    fn take<R>(&mut self, batch: Vec<R>, place_of: &impl Fn(&R) -> Option<K>) -> Result<(), StoreError>
    where
        T: TryFrom<R, Error = StoreError>,
    {
        // Those were counted before.
        let again = std::mem::take(&mut self.unplaced);
        for (number, row) in batch.into_iter().enumerate() {
            let place = place_of(&row);
            self.unplaced = if place.is_some() { 0 } else { self.unplaced + 1 };
            let reached = place.clone().or_else(|| self.reached.clone());
            match (T::try_from(row), place) {
                (Ok(row), Some(place)) => self.sound.push((place, row)),
                (Err(StoreError::Damaged(problem)), _) if number >= again => {
                    self.left_out += 1;
                    self.problem.get_or_insert(problem);
                }
                (Err(StoreError::Damaged(_)), _) => {}
                (Ok(_), None) => {
                    return Err(StoreError::Corrupt(
                        "a row of a list has no place in it".to_owned(),
                    ));
                }
                (Err(error), _) => return Err(error),
            }
            self.reached = reached;
            self.read += usize::from(number >= again);
        }
        Ok(())
    }

    fn report(&self) {
        if let Some(problem) = &self.problem {
            tracing::error!(
                rows = self.left_out,
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
            table.read.get() < MOST_READ + MOST_AT_ONCE,
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
}
