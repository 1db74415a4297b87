//! A place in a feed.

use std::fmt;
use std::str::FromStr;

use sqlx::FromRow;

/// A place in a feed: everything up to and including one event has been read. Opaque text outside; ordered like
/// the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, FromRow)]
pub struct Cursor {
    /// Number of the event's transaction.
    pub(crate) tx: i64,
    /// Place of the event in its transaction, from 1.
    pub(crate) ordinal: i64,
}

/// The text is not a cursor of a feed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a feed cursor; send one that the feed gave, or none to start from the beginning")]
pub struct InvalidCursor;

impl Cursor {
    /// Before the first event that the feed still has.
    pub const START: Self = Self { tx: 0, ordinal: 0 };
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.tx, self.ordinal)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    /// Reads what `Display` writes; the empty text is [`Cursor::START`].
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        if text.is_empty() {
            return Ok(Self::START);
        }
        let (tx, ordinal) = text.split_once('-').ok_or(InvalidCursor)?;
        Ok(Self {
            tx: number(tx)?,
            ordinal: number(ordinal)?,
        })
    }
}

/// One spelling a number, so that equal cursors are equal texts.
fn number(text: &str) -> Result<i64, InvalidCursor> {
    let number: i64 = text.parse().map_err(|_| InvalidCursor)?;
    if number >= 0 && number.to_string() == text {
        Ok(number)
    } else {
        Err(InvalidCursor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_gives_the_same_cursor_back(tx in 0..=i64::MAX, ordinal in 0..=i64::MAX) {
            let cursor = Cursor { tx, ordinal };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn any_text_is_read_or_refused_and_what_is_read_is_canonical(text in "[0-9+ -]{0,12}") {
            if let Ok(cursor) = text.parse::<Cursor>() && !text.is_empty() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }

    #[test]
    fn no_text_is_the_start() {
        assert_eq!("".parse(), Ok(Cursor::START));
    }

    #[test]
    fn foreign_text_is_refused() {
        for text in [
            "-",
            "1",
            "1-",
            "-1-1",
            "1--1",
            "01-1",
            "+1-1",
            "1-1 ",
            "9223372036854775808-1",
            "a-b",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }

    #[test]
    fn cursors_order_by_transaction_then_ordinal() {
        assert!(Cursor { tx: 1, ordinal: 9 } < Cursor { tx: 2, ordinal: 1 });
        assert!(Cursor { tx: 2, ordinal: 1 } < Cursor { tx: 2, ordinal: 2 });
    }
}
