//! Results on stdout: a table for people, JSON or YAML for programs.

use std::io::{IsTerminal, Write};

use anyhow::Context;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde::Serialize;

/// How results are written. One type with the offline root's commands, which are part of this command tree.
pub(crate) use rootca::cli::Show as Format;

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    colours: bool,
}

impl Output {
    /// What was asked for; without that a table on a terminal, else JSON.
    pub(crate) fn new(asked: Option<Format>) -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self {
            format: Format::chosen(asked),
            colours: terminal && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// A list: a table with these columns, or the whole object.
    pub(crate) fn list<T: Serialize>(
        self,
        whole: &T,
        columns: &[&str],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Table => {
                let mut table = self.table();
                table.set_header(columns.iter().map(|column| column.to_uppercase()));
                for row in rows {
                    table.add_row(row.into_iter().map(|cell| self.cell(cell)));
                }
                self.write(&format!("{}\n", table.trim_fmt()))
            }
            _ => self.object(whole),
        }
    }

    /// One thing: its facts as two columns, or the whole object.
    pub(crate) fn one<T: Serialize>(self, whole: &T, facts: &[(&str, String)]) -> anyhow::Result<()> {
        if self.format != Format::Table {
            return self.object(whole);
        }
        let mut table = self.table();
        for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            table.add_row(vec![Cell::new(name), self.cell(value.clone())]);
        }
        self.write(&format!("{}\n", table.trim_fmt()))
    }

    /// Text as it is: PEM, completions.
    pub(crate) fn write(self, text: &str) -> anyhow::Result<()> {
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .context("writing to stdout")
    }

    fn object<T: Serialize>(self, whole: &T) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Yaml => serde_saphyr::to_string(whole).context("writing YAML")?,
            _ => serde_json::to_string_pretty(whole)? + "\n",
        };
        self.write(&text)
    }

    fn table(self) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        table
    }

    fn cell(self, text: String) -> Cell {
        let colour = match text.as_str() {
            "valid" | "active" | "ok" => Some(Color::Green),
            "revoked" | "failed" => Some(Color::Red),
            "on_hold" | "expired" | "warning" => Some(Color::Yellow),
            _ => None,
        };
        match colour.filter(|_| self.colours) {
            Some(colour) => Cell::new(text).fg(colour),
            None => Cell::new(text),
        }
    }
}
