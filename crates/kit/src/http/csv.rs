//! Lists as CSV (RFC 4180): read and sent page by page, so that a long list takes no more memory than a page.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::request::Parts;
use serde::Serialize;
use serde_json::Value;

use super::body::Admitted;
use super::lists::{self, Export};
use crate::page::{Ask, Limit, Page};
use crate::problem::Problem;

/// RFC 7111 section 5.1.
pub(super) const MEDIA_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// A row of a list. CSV says of it what JSON says.
pub trait Row: Serialize {
    /// The columns: every member of the JSON object, by its name; `outer.inner` for a member of a member. A text is in its cell
    /// as it is, and nothing where it is null or absent; everything else is JSON: a number, a truth value, and a list or an
    /// object that has one column.
    const COLUMNS: &'static [&'static str];
}

/// A whole list for one principal.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    principal: Arc<str>,
    /// Columns beside those that every row has.
    further: &'static [&'static str],
}

/// A list while it is sent.
struct Sending<T, F> {
    principal: Arc<str>,
    columns: Vec<&'static str>,
    read: F,
    ask: Ask,
    /// The page that is read already.
    page: Option<Page<T>>,
    _export: Export,
}

impl Whole {
    /// For whoever was allowed to send this request.
    pub(super) fn of(parts: &Parts) -> Self {
        let principal = match parts.extensions.get::<Admitted>() {
            Some(Admitted::Principal(name)) => Arc::clone(name),
            Some(Admitted::Anybody) | None => Arc::from(""),
        };
        Self {
            principal,
            further: &[],
        }
    }

    pub(super) fn with(self, further: &'static [&'static str]) -> Self {
        Self { further, ..self }
    }

    pub(super) async fn answer<T, F, R>(self, name: &str, ask: Ask, read: F) -> Result<Response, Problem>
    where
        T: Row + Send + 'static,
        F: Fn(Ask) -> R + Send + 'static,
        R: Future<Output = Result<Page<T>, Problem>> + Send + 'static,
    {
        let export = lists::export(&self.principal).await?;
        let ask = Ask {
            limit: Limit::LARGEST,
            ..ask
        };
        // Read before the head of the answer is sent, so that a mistake in the request is a problem document.
        let page = read(ask.clone()).await?;
        let columns = [T::COLUMNS, self.further].concat();
        let head = Bytes::from(line(&columns));
        let sending = Sending {
            principal: self.principal,
            columns,
            read,
            ask,
            page: Some(page),
            _export: export,
        };
        let lines = stream::try_unfold(Some(sending), |sending| async move {
            match sending {
                Some(sending) => sending.next().await.map(Some),
                None => Ok(None),
            }
        });
        let head = stream::once(async { Ok::<_, std::io::Error>(head) });
        let body = Body::from_stream(futures::StreamExt::chain(head, lines));
        let headers = [
            (CONTENT_TYPE, MEDIA_TYPE.to_owned()),
            (
                CONTENT_DISPOSITION,
                format!("attachment; filename=\"{name}.csv\""),
            ),
        ];
        Ok((headers, body).into_response())
    }
}

impl<T, F, R> Sending<T, F>
where
    T: Row + Send + 'static,
    F: Fn(Ask) -> R + Send + 'static,
    R: Future<Output = Result<Page<T>, Problem>> + Send + 'static,
{
    /// The lines of one page, and what is left.
    async fn next(mut self) -> Result<(Bytes, Option<Self>), std::io::Error> {
        let page = match self.page.take() {
            Some(page) => page,
            None => self.fetch().await.map_err(|problem| {
                tracing::warn!(detail = %problem.detail, "a list was broken off while it was sent as CSV");
                std::io::Error::other("the list could not be read to its end")
            })?,
        };
        let cells = page.items.iter().map(|row| cells(row, &self.columns));
        let lines: String = cells
            .map(|cells| Ok(line(&cells?)))
            .collect::<Result<_, serde_json::Error>>()?;
        let left = page.next_cursor.is_some().then(|| Self {
            ask: self.ask.clone().at(page.next_cursor),
            ..self
        });
        Ok((Bytes::from(lines), left))
    }

    async fn fetch(&mut self) -> Result<Page<T>, Problem> {
        lists::one_of_many(&self.principal, (self.read)(self.ask.clone())).await?
    }
}

/// What a row says in each column.
fn cells(row: &impl Serialize, columns: &[&str]) -> Result<Vec<String>, serde_json::Error> {
    let row = serde_json::to_value(row)?;
    let cell = |column: &&str| {
        let found = column
            .split('.')
            .try_fold(&row, |object, member| object.get(member));
        match found {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    };
    Ok(columns.iter().map(cell).collect())
}

/// A record. RFC 4180 section 2: quoted where it holds a comma, a quote or a line break.
fn line(cells: &[impl AsRef<str>]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| quoted(neutralized(cell.as_ref())))
        .collect();
    cells.join(",") + "\r\n"
}

fn quoted(cell: String) -> String {
    match cell.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

/// A spreadsheet takes a cell that begins so for a formula, and runs it.
const SIGNS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// Shows a formula as text.
const APOSTROPHE: char = '\'';
/// What a spreadsheet may be set to end a cell at, beside the comma. It then honors no quotes that begin within a cell of its
/// own. Line breaks are not among them: only PEM has some, which its own lines begin with signs.
const OTHER_SEPARATORS: [char; 3] = [';', '\t', '|'];

/// An apostrophe before each formula: at the start of the cell, and where one would start for a spreadsheet with another
/// separator. An apostrophe that is there itself gets one before it too: what was added can be told from what was there.
fn neutralized(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut starts = true;
    for character in cell.chars() {
        if starts && (SIGNS.contains(&character) || character == APOSTROPHE) {
            text.push(APOSTROPHE);
        }
        text.push(character);
        starts = still_starts(starts, character);
    }
    text
}

/// Whether a cell starts behind this character, where it did so before it or did not.
fn still_starts(starts: bool, character: char) -> bool {
    // Blanks and quotes before a formula may be taken off.
    OTHER_SEPARATORS.contains(&character) || (starts && matches!(character, ' ' | '"'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What a reader of the guide does: one apostrophe less at each start.
    fn restored(cell: &str) -> String {
        let mut text = String::new();
        let mut starts = true;
        let mut characters = cell.chars();
        while let Some(mut character) = characters.next() {
            if starts && character == APOSTROPHE {
                character = characters.next().unwrap();
            }
            text.push(character);
            starts = still_starts(starts, character);
        }
        text
    }

    proptest! {
        #[test]
        fn what_was_written_can_be_told_from_what_is_read(
            plain in any::<String>(),
            starts in "[';|\t \"=+\r\n,＝a@-]{0,12}",
        ) {
            for cell in [plain, starts] {
                prop_assert_eq!(&restored(&neutralized(&cell)), &cell);
            }
        }
    }

    #[test]
    fn a_cell_is_what_json_says() {
        let row = json!({
            "text": "=a", "number": 7, "truth": true, "null": null, "none": [], "list": ["a b", "c"],
            "outer": {"inner": "b", "other": 1},
        });
        for (column, cell) in [
            ("text", "=a"),
            ("number", "7"),
            ("truth", "true"),
            ("null", ""),
            ("absent", ""),
            ("none", "[]"),
            ("list", "[\"a b\",\"c\"]"),
            ("outer.inner", "b"),
            ("outer.absent", ""),
            ("null.inner", ""),
        ] {
            assert_eq!(cells(&row, &[column]).unwrap(), [cell], "{column}");
        }
    }

    #[test]
    fn what_would_end_a_cell_is_quoted() {
        let cells = ["plain", "", "a,b", "say \"hi\"", "two\r\nlines", "ü"];
        assert_eq!(
            line(&cells),
            "plain,,\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",ü\r\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        for start in ["=", "+", "-", "@", "\t", "\r", "\n", "＝"] {
            let written = line(&[format!("{start}1+2")]);
            let text = written.trim_start_matches('"');
            assert!(text.starts_with('\''), "{written:?}");
        }
        assert_eq!(line(&["=HYPERLINK(\"x\",1)"]), "\"'=HYPERLINK(\"\"x\"\",1)\"\r\n");
        assert_eq!(line(&["a=b"]), "a=b\r\n");
        assert_eq!(line(&["'=x", "=x", "O'Hara"]), "''=x,'=x,O'Hara\r\n");
    }

    #[test]
    fn no_part_of_a_cell_is_a_formula_where_something_else_than_a_comma_ends_cells() {
        for (cell, written) in [
            ("CN=x;=1+1;", "CN=x;'=1+1;"),
            ("a|@b", "a|'@b"),
            ("a\t+b", "a\t'+b"),
            ("a;;-1", "a;;'-1"),
            ("a; =1", "a; '=1"),
            ("a;\"=1\"", "\"a;\"\"'=1\"\"\""),
            (" =1", " '=1"),
            ("a;b=1;c-d", "a;b=1;c-d"),
            ("a,=1", "\"a,=1\""),
        ] {
            assert_eq!(line(&[cell]), format!("{written}\r\n"), "{cell:?}");
        }
        let pem = "-----BEGIN X-----\n+/8=\n-----END X-----\n";
        assert_eq!(line(&[pem]), format!("\"'{pem}\"\r\n"));
    }
}
