//! Settings in environment variables: `GIGVAULT_<SECTION>__<FIELD>`.
//!
//! A setting outside of any section is named `GIGVAULT_<FIELD>`.
//! Any other name without `__` is not a setting: the client's variables are such (`GIGVAULT_URL`), and so are those
//! that Kubernetes adds for a service named `gigvault` (`GIGVAULT_CA_PORT`). One that would be a setting if
//! its underscore were doubled is refused nevertheless: it was meant as one.

use std::collections::BTreeMap;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use serde_json::Value as Json;
use x509::uri::{shown, shown_in_text};

use super::error::{ConfigError, expected, nearest, unknown as unknown_key, wrong};
use super::shown::quoted;

const PREFIX: &str = "GIGVAULT_";
const SEPARATOR: &str = "__";

/// Variables whose names were checked against the known settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(BTreeMap<String, String>);

impl Variables {
    pub(super) fn new(
        all: impl IntoIterator<Item = (String, String)>,
        defaults: &Json,
    ) -> Result<Self, ConfigError> {
        let known = names(defaults);
        let mut settings = BTreeMap::new();
        for (name, value) in all {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if !rest.contains(SEPARATOR) && !is_top_level(defaults, rest) {
                refuse_single_underscore(&name, &known)?;
            } else if is_known(defaults, rest) {
                // Empty is as good as unset: that is how a unit file or a manifest takes a setting back.
                if !value.is_empty() {
                    settings.insert(name, value);
                }
            } else {
                return Err(unknown(name, &known));
            }
        }
        Ok(Self(settings))
    }

    /// The variable that has set a field, such as `listen.names[0]`, or a part of it.
    pub(super) fn setting(&self, field: &str) -> Option<&str> {
        let plain = field.split('[').next().unwrap_or_default();
        let path: Vec<String> = plain.split('.').map(str::to_owned).collect();
        let name = variable(&path);
        self.0
            .keys()
            .find(|known| name == **known || name.starts_with(&format!("{known}{SEPARATOR}")))
            .map(String::as_str)
    }

    /// The names of those that set something.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The variable behind a mistake that shows only when all settings are put together.
    pub(super) fn explain(&self, error: figment::Error) -> ConfigError {
        let Some(first) = error.into_iter().next() else {
            return ConfigError::Defaults("unknown".to_owned());
        };
        let place = variable(&first.path);
        let message = |value: &str| in_words(&first.kind, value);
        let behind = self
            .0
            .iter()
            .find(|(name, _)| place == **name || place.starts_with(&format!("{name}{SEPARATOR}")))
            .or_else(|| self.0.iter().find(|(name, _)| name.starts_with(&place)));
        match behind {
            Some((name, value)) => ConfigError::Variable {
                name: name.clone(),
                message: message(value),
            },
            None => ConfigError::Defaults(format!("{}: {}", first.path.join("."), message(""))),
        }
    }
}

/// What is wrong, with what is allowed. The value is shown as in [`ConfigError::in_file`].
fn in_words(kind: &figment::error::Kind, value: &str) -> String {
    use figment::error::Kind;
    let said = match kind {
        Kind::UnknownField(name, known) => unknown_key(name, known.iter().copied()),
        Kind::UnknownVariant(name, known) => {
            format!("it is {}; it takes one of {}", quoted(name), known.join(", "))
        }
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) => {
            let form =
                expected(&format!("expected {wanted}")).map_or_else(|| wanted.to_string(), str::to_owned);
            wrong("it is", value, &form)
        }
        other => {
            let text = other.to_string();
            match expected(&text) {
                Some(form) => wrong("it is", value, form),
                None if shown(value) != value => {
                    "it cannot be used; it is not shown, since it may hold a password".to_owned()
                }
                None => text,
            }
        }
    };
    shown_in_text(&said).into_owned()
}

impl Provider for &Variables {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut settings = Dict::new();
        for (name, value) in &self.0 {
            let path = path(name.strip_prefix(PREFIX).unwrap_or(name));
            insert(&mut settings, &path, value);
        }
        Ok(Profile::Default.collect(settings))
    }
}

fn insert(settings: &mut Dict, path: &[String], value: &str) {
    match path {
        [] => {}
        [field] => {
            settings.insert(field.clone(), parse(value));
        }
        [section, rest @ ..] => {
            let entry = settings
                .entry(section.clone())
                .or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}

// Text stays text; lists and maps are written as in YAML.
fn parse(value: &str) -> Value {
    let composed = value.starts_with(['[', '{']);
    composed
        .then(|| serde_saphyr::from_str(value).ok())
        .flatten()
        .unwrap_or_else(|| Value::from(value))
}

fn path(name: &str) -> Vec<String> {
    name.to_lowercase().split(SEPARATOR).map(str::to_owned).collect()
}

fn variable(path: &[String]) -> String {
    format!("{PREFIX}{}", path.join(SEPARATOR).to_uppercase())
}

// A setting outside of any section: `GIGVAULT_DATA_DIR`.
fn is_top_level(defaults: &Json, name: &str) -> bool {
    defaults
        .get(name.to_lowercase())
        .is_some_and(|value| !value.is_object())
}

// A null, a list and an empty map in the defaults say nothing about what may be below them.
fn is_known(defaults: &Json, name: &str) -> bool {
    let mut here = defaults;
    for part in path(name) {
        match here {
            Json::Object(members) if !members.is_empty() => match members.get(&part) {
                Some(member) => here = member,
                None => return false,
            },
            Json::Object(_) | Json::Null | Json::Array(_) => return true,
            _ => return false,
        }
    }
    true
}

fn names(defaults: &Json) -> Vec<String> {
    fn walk(here: &Json, path: &mut Vec<String>, names: &mut Vec<String>) {
        match here {
            Json::Object(members) if !members.is_empty() => {
                for (key, member) in members {
                    path.push(key.clone());
                    walk(member, path, names);
                    path.pop();
                }
            }
            _ => names.push(variable(path)),
        }
    }
    let mut names = Vec::new();
    walk(defaults, &mut Vec::new(), &mut names);
    names
}

fn refuse_single_underscore(name: &str, known: &[String]) -> Result<(), ConfigError> {
    match known
        .iter()
        .find(|known| known.replace(SEPARATOR, "_") == name && *known != name)
    {
        Some(meant) => Err(ConfigError::Variable {
            name: name.to_owned(),
            message: format!("a section and its field are joined by two underscores: {meant}"),
        }),
        None => Ok(()),
    }
}

fn unknown(name: String, known: &[String]) -> ConfigError {
    let message = match nearest(&name, known.iter().map(String::as_str)) {
        Some(near) => format!("there is no such setting; did you mean {near}?"),
        None => "there is no such setting; `gigvault config show --defaults` lists all".to_owned(),
    };
    ConfigError::Variable { name, message }
}
