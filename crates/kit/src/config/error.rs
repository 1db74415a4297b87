//! Mistakes in settings, each with its place and, where one is near, the name that was meant. A value is shown without what may
//! be a password in it, and not at all in the place of a section, which may be one that holds a secret.

use std::path::{Path, PathBuf};

use x509::uri::{shown, shown_in_text};

use super::shown::quoted;

/// Settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A mistake in the file.
    #[error("{}:{line}:{column}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// From 1; 0 where the mistake has no place.
        line: u64,
        /// From 1; 0 where the mistake has no place.
        column: u64,
        /// What is wrong and what to write instead.
        message: String,
    },
    /// Values that have the right type and cannot be used, each with its place.
    #[error("{}", .0.join("\n  and: "))]
    Faults(Vec<String>),
    /// A mistake in an environment variable.
    #[error("environment variable {name}: {message}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong and what to write instead.
        message: String,
    },
    /// The program's own defaults contradict its types.
    #[error("the default configuration is broken, which is a bug: {0}")]
    Defaults(String),
}

impl ConfigError {
    pub(super) fn defaults(error: impl std::fmt::Display) -> Self {
        Self::Defaults(error.to_string())
    }

    /// `value` is the text at the place of the mistake.
    pub(super) fn in_file(
        path: &Path,
        field: &str,
        value: Option<&str>,
        error: &serde_saphyr::Error,
    ) -> Self {
        use serde_saphyr::Error;
        let hides = value.is_some_and(|value| shown(value) != value);
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        let message = match error {
            Error::SerdeUnknownField { field, expected, .. } => unknown(field, expected.iter().copied()),
            Error::DuplicateMappingKey { key, .. } => {
                let key = shown(key.as_deref().unwrap_or("a key"));
                // What is in the making when a key is read has no name yet.
                match field.trim_end_matches(['?', '.']) {
                    "" => format!("{key} is set twice; keep one"),
                    section => format!("{section}.{key} is set twice; keep one"),
                }
            }
            Error::SerdeUnknownVariant {
                variant, expected, ..
            } => named(
                field,
                &format!("is {}; it takes one of {}", quoted(variant), list(expected)),
            ),
            other => {
                let text = other.to_string();
                let text = text.split(" at line ").next().unwrap_or_default();
                match expected(text) {
                    _ if matches!(other, Error::NullIntoString { .. }) => {
                        named(field, "has no value; it takes text, and \"\" is the empty one")
                    }
                    _ if text.ends_with("must be quoted") => {
                        let value = shown(value.unwrap_or_default());
                        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                        let span = match digits && !value.is_empty() {
                            true => {
                                format!(", or with a unit if it is a span of time: {value}d is {value} days")
                            }
                            false => String::new(),
                        };
                        let text =
                            format!("is {value} without quotes, which is not text; write \"{value}\"{span}");
                        named(field, &text)
                    }
                    Some(form) => named(field, &wrong("is", value.unwrap_or_default(), form)),
                    None if hides => named(
                        field,
                        "cannot be used; it is not shown, since it may hold a password",
                    ),
                    None => named(field, &format!(": {text}")),
                }
            }
        };
        Self::File {
            path: path.to_owned(),
            line,
            column,
            message: shown_in_text(&message).into_owned(),
        }
    }
}

/// What is said of a value that has not the form that its setting takes.
pub(super) fn wrong(is: &str, value: &str, form: &str) -> String {
    match form {
        SECTION => format!("{is} not {SECTION}: write its fields below it, one on each line"),
        form => format!("{is} {}; it takes {form}", quoted(&value)),
    }
}

const SECTION: &str = "a section of fields";

/// A field before what is said of it; `.` is the whole document.
fn named(field: &str, message: &str) -> String {
    match (field, message.strip_prefix(": ")) {
        ("" | ".", Some(message)) => message.to_owned(),
        ("" | ".", None) => format!("the document {message}"),
        (field, Some(message)) => format!("{field}: {message}"),
        (field, None) => format!("{field} {message}"),
    }
}

/// What a value has to look like, where a deserializer only says which type of this program it did not become.
pub(super) fn expected(message: &str) -> Option<&'static str> {
    const FORMS: [(&str, &str); 14] = [
        ("u16", "a whole number from 0 to 65535"),
        ("u32", "a whole number, 0 or more"),
        ("u64", "a whole number, 0 or more"),
        ("usize", "a whole number, 0 or more"),
        ("u8", "a whole number from 0 to 255"),
        ("boolean", "true or false"),
        ("boolean (strict mode expects true/false)", "true or false"),
        (
            "IP address",
            "an IP address such as 127.0.0.1, or 0.0.0.0 for every address of this machine",
        ),
        ("mapping start", SECTION),
        ("struct", SECTION),
        ("map", SECTION),
        ("sequence", "a list such as [a, b]"),
        ("sequence start", "a list such as [a, b]"),
        ("string scalar", "a single value"),
    ];
    let about_type = ["invalid ", "expected "]
        .iter()
        .any(|start| message.starts_with(start));
    // With the name of the type behind it.
    if message.contains("expected struct ") {
        return Some(SECTION);
    }
    FORMS
        .iter()
        .find(|(name, _)| {
            about_type && message.ends_with(name) || message == format!("invalid {name} syntax")
        })
        .map(|(_, form)| *form)
}

/// What to say of an unknown name.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let unknown = quoted(&name);
    match nearest(name, known.clone()) {
        Some(near) => format!("unknown key {unknown}; did you mean {near:?}?"),
        None => format!(
            "unknown key {unknown}; known here: {}",
            list(&known.collect::<Vec<_>>())
        ),
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// The known name that takes the fewest changes, if those are few for its length.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(changes, known)| *changes <= (known.len() / 3).max(2))
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_only_if_it_is_near() {
        let known = ["listen", "telemetry", "database"];
        assert_eq!(nearest("lisen", known.into_iter()), Some("listen"));
        assert_eq!(nearest("databse", known.into_iter()), Some("database"));
        assert_eq!(nearest("metrics", known.into_iter()), None);
        assert_eq!(
            unknown("metrics", known.into_iter()),
            r#"unknown key "metrics"; known here: listen, telemetry, database"#
        );
    }
}
