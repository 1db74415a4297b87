//! Lists of keys in the text of a query that is written once for both databases.
//!
//! PostgreSQL gets a list as one array: one text and one plan whatever its length, where a list of parameters is planned
//! again for each statement. SQLite gets one parameter per key, the last repeated up to the next power of two: few texts,
//! whose statements stay prepared.

use sqlx::{Database, Postgres, QueryBuilder, Sqlite};

/// A database that takes a list of keys as part of a query.
pub trait KeyList: Database {
    /// Writes what follows a column to ask whether its value is one of the keys: `serial` + ` IN (…)`.
    fn push_among<'a>(sql: &mut QueryBuilder<Self>, keys: impl IntoIterator<Item = &'a [u8]>);

    /// Writes a query whose rows are the keys, one column wide: `WITH k(serial) AS (` + … + `)`. The last key may come more
    /// than once: for statements where that does not matter.
    fn push_rows<'a>(sql: &mut QueryBuilder<Self>, keys: impl IntoIterator<Item = &'a [u8]>);
}

impl KeyList for Postgres {
    fn push_among<'a>(sql: &mut QueryBuilder<Self>, keys: impl IntoIterator<Item = &'a [u8]>) {
        let keys: Vec<&[u8]> = keys.into_iter().collect();
        sql.push(" = ANY (").push_bind(keys).push(")");
    }

    fn push_rows<'a>(sql: &mut QueryBuilder<Self>, keys: impl IntoIterator<Item = &'a [u8]>) {
        let keys: Vec<&[u8]> = keys.into_iter().collect();
        sql.push("SELECT * FROM UNNEST(").push_bind(keys).push(")");
    }
}

impl KeyList for Sqlite {
    fn push_among<'a>(sql: &mut QueryBuilder<Self>, keys: impl IntoIterator<Item = &'a [u8]>) {
        sql.push(" IN (");
        let mut list = sql.separated(", ");
        for key in padded(keys) {
            list.push_bind(key);
        }
        sql.push(")");
    }

    fn push_rows<'a>(sql: &mut QueryBuilder<Self>, keys: impl IntoIterator<Item = &'a [u8]>) {
        let keys = padded(keys);
        if keys.is_empty() {
            sql.push("SELECT NULL WHERE FALSE");
            return;
        }
        sql.push("VALUES ");
        let mut list = sql.separated(", ");
        for key in keys {
            list.push("(").push_bind_unseparated(key).push_unseparated(")");
        }
    }
}

fn padded<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
    let mut keys: Vec<&[u8]> = keys.into_iter().collect();
    if let Some(last) = keys.last().copied() {
        keys.resize(keys.len().next_power_of_two(), last);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_padded_to_powers_of_two() {
        for (given, length) in [(0, 0), (1, 1), (2, 2), (3, 4), (5, 8), (256, 256)] {
            let keys: Vec<[u8; 2]> = (0..given).map(u16::to_be_bytes).collect();
            let list = padded(keys.iter().map(<[u8; 2]>::as_slice));
            assert_eq!(list.len(), length);
            assert!(list.iter().zip(&keys).all(|(listed, key)| listed == key));
            assert!(list.iter().all(|listed| keys.iter().any(|key| listed == key)));
        }
    }

    #[test]
    fn a_list_is_one_parameter_of_postgresql() {
        let keys: [&[u8]; 3] = [b"a", b"b", b"c"];
        let mut sql = QueryBuilder::<Postgres>::new("SELECT 1 FROM t WHERE k");
        Postgres::push_among(&mut sql, keys);
        assert_eq!(sql.sql().as_str(), "SELECT 1 FROM t WHERE k = ANY ($1)");
        let mut sql = QueryBuilder::<Sqlite>::new("WITH l(k) AS (");
        Sqlite::push_rows(&mut sql, keys);
        assert_eq!(sql.sql().as_str(), "WITH l(k) AS (VALUES (?), (?), (?), (?)");
    }
}
