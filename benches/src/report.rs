//! The table that a run prints.

use std::fmt;

/// Rows in the order in which they were measured.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    value: String,
    ratio: String,
}

impl Report {
    /// A figure by itself.
    pub(crate) fn figure(&mut self, what: impl Into<String>, value: impl Into<String>) {
        self.push(what.into(), value.into(), String::new());
    }

    /// A figure and its ratio to a baseline of the same run.
    pub(crate) fn ratio(&mut self, what: impl Into<String>, value: impl Into<String>, ratio: f64, to: &str) {
        self.push(what.into(), value.into(), format!("{ratio:.2} × {to}"));
    }

    fn push(&mut self, what: String, value: String, ratio: String) {
        eprintln!("{what}: {value} {ratio}");
        self.rows.push(Row { what, value, ratio });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| measured | value | ratio |")?;
        writeln!(f, "| --- | ---: | --- |")?;
        for row in &self.rows {
            writeln!(f, "| {} | {} | {} |", row.what, row.value, row.ratio)?;
        }
        Ok(())
    }
}
