//! What cannot be read of a row.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::StoreError;

/// The columns of a row that cannot be read, each once, in the order in which they were met. Nearly all rows have none.
///
/// As text it is `request, state`; in JSON it is the list of these names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage(Vec<&'static str>);

impl Damage {
    /// Whether all of the row can be read.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether that column is one of them.
    #[must_use]
    pub fn includes(&self, column: &str) -> bool {
        self.0.contains(&column)
    }

    /// Those that are in `columns`.
    #[must_use]
    pub fn among(&self, columns: &[&str]) -> Self {
        let wanted = self.0.iter().filter(|column| columns.contains(column));
        Self(wanted.copied().collect())
    }

    /// Their names.
    #[must_use]
    pub fn columns(&self) -> &[&'static str] {
        &self.0
    }

    /// Adds one.
    pub fn add(&mut self, column: &'static str) {
        if !self.includes(column) {
            self.0.push(column);
        }
    }

    /// Adds the column if what it holds has no value of its form.
    pub fn note<T>(&mut self, column: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.add(column);
        }
        value
    }

    /// Fails if there is any; `object` is what the row is about, such as `certificate 01ab`.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn check(&self, object: impl FnOnce() -> String) -> Result<(), StoreError> {
        match self.is_none() {
            true => Ok(()),
            false => Err(StoreError::damaged(self.clone(), &object())),
        }
    }
}

impl From<&'static str> for Damage {
    fn from(column: &'static str) -> Self {
        Self(vec![column])
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl Serialize for Damage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// What can be read of rows, and what is wrong with the others: they hide none of these.
#[derive(Debug)]
pub struct Rows<T> {
    /// Those that can be read, in their order.
    pub read: Vec<T>,
    /// What is wrong with each of the others.
    pub damaged: Vec<String>,
}

impl<T> Rows<T> {
    /// Reads each of them.
    ///
    /// # Errors
    /// Any of `read` but [`StoreError::Damaged`].
    pub fn of<R>(
        rows: impl IntoIterator<Item = R>,
        mut read: impl FnMut(R) -> Result<T, StoreError>,
    ) -> Result<Self, StoreError> {
        let mut all = Self {
            read: Vec::new(),
            damaged: Vec::new(),
        };
        for row in rows {
            match read(row) {
                Ok(one) => all.read.push(one),
                Err(StoreError::Damaged(problem)) => all.damaged.push(problem),
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_once_and_in_order() {
        let mut damage = Damage::default();
        assert_eq!((damage.is_none(), damage.to_string().as_str()), (true, ""));
        damage.check(|| "row 1".to_owned()).unwrap();
        assert_eq!(damage.note("state", None::<u8>), None);
        assert_eq!(damage.note("name", Some(1)), Some(1));
        damage.add("request");
        damage.add("state");
        assert_eq!(damage.to_string(), "state, request");
        assert_eq!(
            serde_json::to_value(&damage).unwrap(),
            serde_json::json!(["state", "request"])
        );
        assert!(damage.includes("state") && !damage.includes("name"));
        assert_eq!(damage.among(&["name", "request"]), Damage::from("request"));
        let refused = damage.check(|| "row 1".to_owned()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "what the database holds of row 1 is damaged: state, request cannot be read; restore it from a backup"
        );
    }

    #[test]
    fn rows_that_cannot_be_read_hide_no_others() {
        let read = |number: u8| match number {
            2 => Err(StoreError::damaged("name", "row 2")),
            number => Ok(number),
        };
        let rows = Rows::of([1, 2, 3], read).unwrap();
        assert_eq!((rows.read, rows.damaged.len()), (vec![1, 3], 1));
        let other = |_| Err::<u8, _>(StoreError::Corrupt(String::new()));
        Rows::of([1], other).unwrap_err();
    }
}
