//! Lists as CSV (RFC 4180): read and sent page by page, so that a long list takes no more memory than a page.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::request::Parts;
use tokio::time::Instant;

use super::body::Admitted;
use super::lists::{self, Export};
use crate::page::{Ask, Limit, Page};
use crate::problem::Problem;

/// RFC 7111 section 5.1.
pub(super) const MEDIA_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// A row of a list, as a line of CSV.
pub trait Row {
    /// Names of the columns, as members of the JSON object are named.
    const COLUMNS: &'static [&'static str];

    /// As many values as there are columns; empty where there is none.
    fn cells(&self) -> Vec<String>;
}

/// A whole list for one principal.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    principal: Arc<str>,
}

/// A list while it is sent.
struct Sending<T, F> {
    principal: Arc<str>,
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
        Self { principal }
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
        let sending = Sending {
            principal: self.principal,
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
        let head =
            stream::once(async { Ok::<_, std::io::Error>(Bytes::from(line(T::COLUMNS.iter().copied()))) });
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
        let lines: String = page.items.iter().map(|row| line(row.cells())).collect();
        let left = page.next_cursor.is_some().then(|| Self {
            ask: self.ask.clone().at(page.next_cursor),
            ..self
        });
        Ok((Bytes::from(lines), left))
    }

    async fn fetch(&mut self) -> Result<Page<T>, Problem> {
        let place = lists::place(&self.principal).await?;
        let since = Instant::now();
        let page = (self.read)(self.ask.clone()).await;
        lists::rest(place, since);
        page
    }
}

/// A record. RFC 4180 section 2: quoted where it holds a comma, a quote or a line break.
fn line<C: AsRef<str>>(cells: impl IntoIterator<Item = C>) -> String {
    let mut line = String::new();
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            line.push(',');
        }
        push(&mut line, cell.as_ref());
    }
    line.push_str("\r\n");
    line
}

/// A spreadsheet takes a cell that begins so for a formula, and runs it.
const SIGNS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// What a spreadsheet may be set to end a cell at, beside the comma. It then honors no quotes that begin within a cell of its
/// own. Line breaks are not among them: only PEM has some, which its own lines begin with signs.
const OTHER_SEPARATORS: [char; 3] = [';', '\t', '|'];

/// A formula gets an apostrophe before it, which shows it as text: at the start of a cell, and where one would start for a
/// spreadsheet with another separator.
fn push(line: &mut String, cell: &str) {
    let quoted = cell.contains(['"', ',', '\r', '\n']);
    if quoted {
        line.push('"');
    }
    let mut starts = true;
    for character in cell.chars() {
        if starts && SIGNS.contains(&character) {
            line.push('\'');
        }
        // Blanks and quotes before a formula may be taken off.
        starts = OTHER_SEPARATORS.contains(&character) || (starts && matches!(character, ' ' | '"'));
        if character == '"' {
            line.push('"');
        }
        line.push(character);
    }
    if quoted {
        line.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_cell_is_quoted() {
        let cells = ["plain", "", "a,b", "say \"hi\"", "two\r\nlines", "ü"];
        assert_eq!(
            line(cells),
            "plain,,\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",ü\r\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        for start in ["=", "+", "-", "@", "\t", "\r", "\n", "＝"] {
            let written = line([format!("{start}1+2")]);
            let text = written.trim_start_matches('"');
            assert!(text.starts_with('\''), "{written:?}");
        }
        assert_eq!(line(["=HYPERLINK(\"x\",1)"]), "\"'=HYPERLINK(\"\"x\"\",1)\"\r\n");
        assert_eq!(line(["a=b"]), "a=b\r\n");
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
            assert_eq!(line([cell]), format!("{written}\r\n"), "{cell:?}");
        }
        let pem = "-----BEGIN X-----\n+/8=\n-----END X-----\n";
        assert_eq!(line([pem]), format!("\"'{pem}\"\r\n"));
    }
}
