//! Answers: lines for people, JSON and YAML for programs.

use std::io::Write;

use serde_json::Value;

use super::Show;
use crate::error::Error;

/// Writes `value`, or the text form of it.
pub(super) fn show(asked: Option<Show>, value: &Value, text: &str, out: &mut dyn Write) -> Result<(), Error> {
    match Show::chosen(asked) {
        Show::Table => out.write_all(text.as_bytes())?,
        Show::Json => writeln!(out, "{value:#}")?,
        Show::Yaml => out.write_all(yaml(value).as_bytes())?,
    }
    Ok(())
}

/// Lines of `name: value`, the values in one column.
pub(super) fn lines(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |(name, value): &(&str, String)| {
        format!("{:<width$}  {value}\n", format!("{name}:"), width = width + 1)
    };
    pairs.iter().map(line).collect()
}

/// YAML in block style. Strings are written as JSON writes them, which YAML 1.2 reads alike.
fn yaml(value: &Value) -> String {
    let mut text = String::new();
    write_yaml(value, 0, &mut text);
    text
}

fn write_yaml(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                out.push_str(&format!("{indent}{name}:"));
                write_below(value, depth, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("{indent}-"));
                write_below(item, depth, out);
            }
        }
        scalar => out.push_str(&format!("{indent}{scalar}\n")),
    }
}

fn write_below(value: &Value, depth: usize, out: &mut String) {
    let nested = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        out.push('\n');
        write_yaml(value, depth + 1, out);
    } else {
        out.push_str(&format!(" {value}\n"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_nests_by_indentation_and_quotes_strings() {
        let value = json!({ "a": "x: y", "b": [], "c": [{ "d": 1, "e": null }, "f"], "g": {} });
        let expected = "a: \"x: y\"\nb: []\nc:\n  -\n    d: 1\n    e: null\n  - \"f\"\ng: {}\n";
        assert_eq!(yaml(&value), expected);
    }

    #[test]
    fn values_stand_in_one_column() {
        let text = lines(&[("serial", "1".into()), ("not after", "2".into())]);
        assert_eq!(text, "serial:     1\nnot after:  2\n");
    }
}
