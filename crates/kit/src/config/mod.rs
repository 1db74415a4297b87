//! Settings: defaults, under one YAML file, under environment variables.
//!
//! [`load`] is strict, because a setting that is silently not applied is worse than a start that fails: an
//! unknown key is refused with the nearest known one, a mistake in the file is shown with its line, text
//! that looks like a number has to be quoted. Types of sections take
//! `#[serde(default, deny_unknown_fields)]` on every struct; [`Secret`] and [`span`] are for their fields.

mod environment;
mod error;
mod secret;
pub mod span;

use std::path::Path;

use figment::Figment;
use figment::providers::{Format, Serialized};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::ConfigError;
pub use secret::{Secret, SecretError};

use environment::Variables;

/// Longest configuration file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Reads the settings of this process: `file`, if any, and the variables `GIGVAULT_<SECTION>__<FIELD>`.
///
/// # Errors
/// When the file can't be read, or on the first mistake in it or in a variable.
pub fn load<T>(file: Option<&Path>) -> Result<T, ConfigError>
where
    T: DeserializeOwned + Serialize + Default,
{
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    load_with(file, variables)
}

/// [`load`] with the variables given.
///
/// # Errors
/// As [`load`].
pub fn load_with<T>(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError>
where
    T: DeserializeOwned + Serialize + Default,
{
    let defaults = serde_json::to_value(T::default()).map_err(ConfigError::defaults)?;
    let variables = Variables::new(variables, &defaults)?;
    let mut settings = Figment::from(Serialized::defaults(&defaults));
    if let Some(path) = file {
        let text = read(path)?;
        if has_content(&text) {
            check::<T>(path, &text)?;
            settings = settings.merge(serde_saphyr::figment::Yaml::string(&text));
        }
    }
    // Lossy: variables are text, and numbers and switches are read out of it where a field wants them.
    settings
        .merge(&variables)
        .extract_lossy()
        .map_err(|error| variables.explain(error))
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let error = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).map_err(error)?.len() > MAX_FILE {
        return Err(error(std::io::Error::other(format!(
            "longer than {MAX_FILE} bytes"
        ))));
    }
    std::fs::read_to_string(path).map_err(error)
}

fn has_content(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .any(|line| !(line.is_empty() || line == "---" || line.starts_with('#')))
}

// The file is read on its own first: merging loses the lines that its mistakes are on. No snippets: the
// line beside a mistake may hold a secret.
fn check<T: DeserializeOwned>(path: &Path, text: &str) -> Result<(), ConfigError> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        no_schema: true,
        budget: serde_saphyr::budget! { max_nodes: 20_000, max_depth: 32, max_aliases: 200, max_documents: 1 },
    };
    let parsed: Result<T, _> = serde_saphyr::from_str_with_options(text, options);
    parsed
        .map(drop)
        .map_err(|error| ConfigError::in_file(path, &error))
}
