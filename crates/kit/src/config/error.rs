//! Mistakes in settings, each with its place and, where one is near, the name that was meant.

use std::path::{Path, PathBuf};

/// Settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
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

    pub(super) fn in_file(path: &Path, error: &serde_saphyr::Error) -> Self {
        use serde_saphyr::Error;
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        let message = match error {
            Error::SerdeUnknownField { field, expected, .. } => unknown(field, expected.iter().copied()),
            Error::SerdeUnknownVariant {
                variant, expected, ..
            } => {
                format!("{variant:?} is not one of {}", list(expected))
            }
            other => other.to_string(),
        };
        Self::File {
            path: path.to_owned(),
            line,
            column,
            message,
        }
    }
}

/// What to say of a name that nobody knows.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("unknown key {name:?}; did you mean {near:?}?"),
        None => format!(
            "unknown key {name:?}; known here: {}",
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
