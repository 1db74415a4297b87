//! Settings: defaults, under one YAML file, under environment variables.
//!
//! [`load`] is strict, because a setting that is silently not applied is worse than a start that fails: an
//! unknown key is refused with the nearest known one, a mistake in the file is shown with its line, text
//! that looks like a number has to be quoted. Types of sections take
//! `#[serde(default, deny_unknown_fields)]` on every struct; [`Secret`] and [`span`] are for their fields. What a type
//! cannot say is found by a `check` of the section that returns a [`SettingFault`] each, which [`Origin`] then names with
//! its place.
//!
//! A value may hold a password wherever it was put. What is wrong with it and what is in use is told without ([`Shown`]).

mod environment;
mod error;
mod origin;
mod percent;
mod places;
mod secret;
mod shown;
pub mod span;

use std::io::Read;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::Serialized;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::ConfigError;
pub use origin::{Loaded, Origin, Setting, SettingFault, Source, refuse_first};
pub use percent::Percent;
pub use secret::{Secret, SecretError};
pub use shown::Shown;

use environment::Variables;
use places::Places;

/// Longest configuration file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// The path that means standard input.
const STDIN: &str = "-";

/// Reads the settings of this process: `file`, if any, and the variables `GIGVAULT_<SECTION>__<FIELD>`.
///
/// # Errors
/// When the file cannot be read, or on the first mistake in it or in a variable.
pub fn load<T>(file: Option<&Path>) -> Result<Loaded<T>, ConfigError>
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
) -> Result<Loaded<T>, ConfigError>
where
    T: DeserializeOwned + Serialize + Default,
{
    let defaults = serde_json::to_value(T::default()).map_err(ConfigError::defaults)?;
    let variables = Variables::new(variables, &defaults)?;
    let mut written = defaults;
    let mut places = None;
    if let Some(path) = file {
        let text = read(path)?;
        let found = Places::of(&text);
        if has_content(&text) {
            let parsed = parse::<T>(&shown(path), &text, &found)?;
            written = serde_json::to_value(parsed).map_err(ConfigError::defaults)?;
            secret::write_out(&mut written, &found);
        }
        places = Some((shown(path), found));
    }
    // Lossy: variables are text, and numbers and switches are read out of it where a field wants them.
    let settings = Figment::from(Serialized::defaults(&written))
        .merge(&variables)
        .extract_lossy()
        .map_err(|error| variables.explain(error))?;
    Ok(Loaded {
        settings,
        origin: Origin::new(places, variables),
    })
}

/// What messages call a file.
fn shown(path: &Path) -> PathBuf {
    match path == Path::new(STDIN) {
        true => PathBuf::from("<stdin>"),
        false => path.to_owned(),
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let read = || {
        let source: Box<dyn Read> = match path == Path::new(STDIN) {
            true => Box::new(std::io::stdin().lock()),
            false => Box::new(std::fs::File::open(path)?),
        };
        let mut text = String::new();
        // The bound is on what is read, not on the size that the file system tells: a pipe tells none.
        let length = source.take(MAX_FILE + 1).read_to_string(&mut text)?;
        match length as u64 > MAX_FILE {
            true => Err(std::io::Error::other(format!(
                "it is longer than {MAX_FILE} bytes"
            ))),
            false => Ok(text),
        }
    };
    read().map_err(|source| ConfigError::Read {
        path: shown(path),
        source,
    })
}

fn has_content(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .any(|line| !(line.is_empty() || line == "---" || line.starts_with('#')))
}

/// What the file says, under the defaults. It is read by the types of the settings, and what it then means goes below the
/// variables: reading it again without the types would take `0x20` or `yes` for text. No snippets: the line beside a mistake may
/// hold a secret.
fn parse<T: DeserializeOwned>(path: &Path, text: &str, places: &Places) -> Result<T, ConfigError> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        no_schema: true,
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_nodes: 20_000, max_depth: 32, max_aliases: 200, max_documents: 1 },
    };
    let mut field = String::new();
    let parsed = serde_saphyr::with_deserializer_from_str_with_options(text, options, |from| {
        serde_path_to_error::deserialize::<_, T>(from).map_err(|error| {
            field = error.path().to_string();
            error.into_inner()
        })
    });
    parsed.map_err(|error| {
        // A file with a number that is too large, or not one, has no known places.
        let number = || places::number(text, &error.location()?);
        let value = places.value(&field).or_else(number);
        ConfigError::in_file(path, &field, value, &error)
    })
}
