//! Where settings came from, and faults that only the program can find in them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use x509::uri::shown_in_text;

use super::environment::Variables;
use super::error::ConfigError;
use super::places::Places;
use super::shown::{Shown, quoted};

/// A setting that has the right type and cannot be used nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// Its path in the configuration: `listen.names[0]`.
    pub field: String,
    message: String,
}

impl SettingFault {
    /// `allowed` continues the sentence: "takes 1 to 512". The value is shown, without what may be a password in it: for secrets
    /// there is [`SettingFault::hiding`].
    pub fn new(field: impl Into<String>, value: impl Debug, allowed: impl AsRef<str>) -> Self {
        let field = field.into();
        let message = format!("{field} is {}; it {}", quoted(&value), allowed.as_ref());
        Self::saying(field, &message)
    }

    /// A fault of a setting whose value is not shown, or of none in particular.
    pub fn hiding(field: impl Into<String>, problem: impl AsRef<str>) -> Self {
        let field = field.into();
        let message = format!("{field}: {}", problem.as_ref());
        Self::saying(field, &message)
    }

    fn saying(field: String, message: &str) -> Self {
        Self {
            field,
            message: shown_in_text(message).into_owned(),
        }
    }
}

/// The first fault, for a service that is built from settings that were not checked.
///
/// # Errors
/// When there is a fault.
pub fn refuse_first(faults: Vec<SettingFault>) -> Result<(), SettingFault> {
    faults.into_iter().next().map_or(Ok(()), Err)
}

impl std::error::Error for SettingFault {}

impl std::fmt::Display for SettingFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// Settings and where each of them came from.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The settings.
    pub settings: T,
    /// Where they came from.
    pub origin: Origin,
}

/// What a value comes from: the last of these that says something about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The program.
    Default,
    /// The configuration file.
    File {
        /// `<path>:<line>`.
        place: String,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// The command line.
    Flag {
        /// With its dashes.
        flag: &'static str,
    },
}

/// One setting as it is in use.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its path in the configuration: `listen.https_port`.
    pub field: String,
    /// As it is written in the file, without what may be a password in it. A [`Secret`](super::Secret) is its reference.
    pub value: Value,
    /// Where the value came from.
    pub source: Source,
}

/// The file, the environment variables and the flags behind settings.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    file: Option<(PathBuf, Places)>,
    variables: Variables,
    flags: BTreeMap<&'static str, &'static str>,
}

impl Origin {
    pub(super) fn new(file: Option<(PathBuf, Places)>, variables: Variables) -> Self {
        Self {
            file,
            variables,
            flags: BTreeMap::new(),
        }
    }

    /// Notes that a flag of the command line has set a field.
    pub fn set_by_flag(&mut self, field: &'static str, flag: &'static str) {
        self.flags.insert(field, flag);
    }

    /// Whether a flag, the environment or the file says something about a field.
    #[must_use]
    pub fn is_set(&self, field: &str) -> bool {
        self.flags.contains_key(field)
            || self.variables.setting(field).is_some()
            || self
                .file
                .as_ref()
                .is_some_and(|(_, places)| places.value(field).is_some())
    }

    /// The flag that has set a field.
    #[must_use]
    pub fn flag(&self, field: &str) -> Option<&'static str> {
        self.flags.get(field).copied()
    }

    /// The environment variables that set something, without those that a flag overrides.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let overridden = |name: &&str| {
            self.flags
                .keys()
                .any(|field| self.variables.setting(field) == Some(name))
        };
        self.variables.names().filter(move |name| !overridden(name))
    }

    /// Where the value of a field came from.
    #[must_use]
    pub fn source(&self, field: &str) -> Source {
        if let Some(flag) = self.flags.get(field) {
            return Source::Flag { flag };
        }
        if let Some(variable) = self.variables.setting(field) {
            let variable = variable.to_owned();
            return Source::Environment { variable };
        }
        match &self.file {
            Some((path, places)) if places.value(field).is_some() => {
                let line = places.find(field).map_or(0, |(line, _)| line);
                let place = format!("{}:{line}", path.display());
                Source::File { place }
            }
            _ => Source::Default,
        }
    }

    /// Every setting with its source. Lists are one setting each; a section is none.
    ///
    /// # Errors
    /// When the settings cannot be written as JSON.
    pub fn settings<T: Serialize>(&self, settings: &T) -> Result<Vec<Setting>, serde_json::Error> {
        let mut all = Vec::new();
        let shown = serde_json::to_value(Shown::of(settings)?)?;
        self.collect(shown, String::new(), &mut all);
        Ok(all)
    }

    fn collect(&self, value: Value, field: String, all: &mut Vec<Setting>) {
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (name, value) in members {
                    let below = match field.as_str() {
                        "" => name,
                        field => format!("{field}.{name}"),
                    };
                    self.collect(value, below, all);
                }
            }
            value => {
                let source = self.source(&field);
                all.push(Setting { field, value, source });
            }
        }
    }

    /// Refuses settings that have faults, each with the place where it was set.
    ///
    /// # Errors
    /// [`ConfigError::Faults`] when there is a fault.
    pub fn refuse(&self, faults: Vec<SettingFault>) -> Result<(), ConfigError> {
        if faults.is_empty() {
            return Ok(());
        }
        let placed = faults.into_iter().map(|fault| self.placed(&fault)).collect();
        Err(ConfigError::Faults(placed))
    }

    fn placed(&self, fault: &SettingFault) -> String {
        let plain = fault.field.split('[').next().unwrap_or_default();
        if let Some(flag) = self.flags.get(plain) {
            return format!("{flag}: {fault}");
        }
        if let Some(variable) = self.variables.setting(&fault.field) {
            return format!("environment variable {variable}: {fault}");
        }
        match &self.file {
            Some((path, places)) => match places.find(&fault.field) {
                Some((line, column)) => format!("{}:{line}:{column}: {fault}", path.display()),
                None => format!("{}: {fault}", path.display()),
            },
            None => fault.to_string(),
        }
    }
}
