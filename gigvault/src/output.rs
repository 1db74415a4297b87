//! Results on stdout: a table for people, JSON or YAML for programs.

mod table;

use std::io::Write;

use anyhow::Context;
use rootca::cli::{Stdout, printable};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

pub(crate) use table::{Column, shorten_middle, wrap};

/// How results are written. One type with the offline root's commands, which are part of this command tree.
pub(crate) use rootca::cli::Show as Format;

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    stdout: Stdout,
    format: Format,
    /// Columns of the terminal; `None` where everything is shown whole: in a pipe, and where `-o` asks for a form.
    width: Option<usize>,
    colors: bool,
}

impl Output {
    /// What was asked for; without that a table on a terminal, else JSON.
    pub(crate) fn new(asked: Option<Format>) -> Self {
        let stdout = Stdout::new();
        Self {
            stdout,
            format: Format::chosen(asked),
            width: (asked.is_none() && stdout.is_terminal()).then(columns),
            colors: stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// For what is shown once and never again.
    pub(crate) fn must_arrive(self) -> Self {
        Self {
            stdout: self.stdout.must_arrive(),
            ..self
        }
    }

    /// A list: a table with these columns, or the whole object.
    pub(crate) fn list<T: Serialize>(
        self,
        whole: &T,
        columns: &[Column],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> anyhow::Result<()> {
        if self.format != Format::Table {
            return self.object(whole);
        }
        let rows: Vec<Vec<String>> = rows.into_iter().collect();
        let text = table::render(columns, &rows, self.width, |cell, shown| self.paint(cell, shown));
        self.own(&text)
    }

    /// One thing: its facts as two columns, or the whole object.
    pub(crate) fn one<T: Serialize>(self, whole: &T, facts: &[(&str, String)]) -> anyhow::Result<()> {
        if self.format != Format::Table {
            return self.object(whole);
        }
        let facts = || facts.iter().filter(|(_, value)| !value.is_empty());
        let names = facts().map(|(name, _)| name.width()).max().unwrap_or_default();
        let indent = names + 2;
        let mut text = String::new();
        for (name, value) in facts() {
            let value = printable(value);
            let lines = match self.width {
                Some(width) => wrap(&value, width.saturating_sub(indent).max(20)),
                None => value.split('\n').map(str::to_owned).collect(),
            };
            for (index, line) in lines.into_iter().enumerate() {
                let name = if index == 0 { name } else { "" };
                let shown = self.paint(&line, line.clone());
                text.push_str(format!("{name:<indent$}{shown}").trim_end());
                text.push('\n');
            }
        }
        self.own(&text)
    }

    /// Says on stderr that a table is not the whole list, on a terminal or not: a pipe does not show that rows are missing.
    /// Objects have `next_cursor`.
    pub(crate) fn more(self, next_cursor: Option<&str>) {
        if let (Some(cursor), Format::Table) = (next_cursor, self.format) {
            crate::exit::say(&format!("more: --cursor {cursor}, or --all"));
        }
    }

    /// Whether a person reads, and how wide their terminal is.
    pub(crate) fn width(self) -> Option<usize> {
        self.width.filter(|_| self.format == Format::Table)
    }

    /// Text as it is: PEM, completions.
    pub(crate) fn write(self, text: &str) -> anyhow::Result<()> {
        self.bytes(text.as_bytes())
    }

    /// Octets as they are: DER.
    pub(crate) fn bytes(mut self, octets: &[u8]) -> anyhow::Result<()> {
        self.stdout
            .write_all(octets)
            .and_then(|()| self.stdout.flush())
            .context("writing to stdout")
    }

    /// Text whose foreign parts were made printable.
    pub(crate) fn own(self, text: &str) -> anyhow::Result<()> {
        self.stdout.write_own(text).context("writing to stdout")
    }

    pub(crate) fn object<T: Serialize>(self, whole: &T) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Yaml => serde_saphyr::to_string(whole).context("writing YAML")?,
            Format::Table | Format::Json => serde_json::to_string_pretty(whole)? + "\n",
        };
        self.write(&text)
    }

    /// Colors a cell by what it says.
    pub(crate) fn paint(self, cell: &str, shown: String) -> String {
        const GREEN: u8 = 32;
        const RED: u8 = 31;
        const YELLOW: u8 = 33;
        let color = match cell {
            "valid" | "active" | "ok" => GREEN,
            "revoked" | "failed" => RED,
            "on_hold" | "expired" | "warning" | "suspended" => YELLOW,
            _ => return shown,
        };
        match self.colors {
            true => format!("\u{1b}[{color}m{shown}\u{1b}[0m"),
            false => shown,
        }
    }
}

/// Columns of the terminal behind stdout.
fn columns() -> usize {
    const WITHOUT_AN_ANSWER: usize = 80;
    terminal_size::terminal_size().map_or(WITHOUT_AN_ANSWER, |(width, _)| usize::from(width.0).max(1))
}
