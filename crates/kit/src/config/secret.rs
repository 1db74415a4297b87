//! Settings that must not be seen: passwords, URLs with passwords, tokens.
//!
//! A value is a reference, `file:/run/secrets/db` or `env:DATABASE_URL`, read when the settings are loaded,
//! or the secret itself. It is never shown again: written out, a reference stays a reference and anything
//! else becomes a placeholder.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use x509::uri::shown;
use zeroize::Zeroizing;

use super::places::Places;

/// What stands for a secret that was written into the settings itself.
const PLACEHOLDER: &str = "<not shown>";

/// A secret setting, resolved.
#[derive(Clone)]
pub struct Secret {
    reference: Option<String>,
    value: SecretString,
}

/// A reference that leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("{reference}: {source}")]
    File {
        /// The reference, as it may be shown.
        reference: String,
        /// Why.
        source: std::io::Error,
    },
    /// The variable is not set.
    #[error("{reference}: the environment has no such variable")]
    Variable {
        /// The reference, as it may be shown.
        reference: String,
    },
    /// A source that this version cannot read.
    #[error("{scheme}: secrets are read from file: and env: only")]
    Source {
        /// `vault`, `aws-sm`, `k8s`.
        scheme: String,
    },
}

impl Secret {
    /// The secret itself, also where it looks like a reference.
    #[must_use]
    pub fn literal(text: String) -> Self {
        Self {
            reference: None,
            value: SecretString::from(text),
        }
    }

    /// Follows a reference; any other text is the secret itself.
    ///
    /// # Errors
    /// When the reference leads nowhere.
    pub fn resolve(text: &str) -> Result<Self, SecretError> {
        let value = match text.split_once(':') {
            Some(("file", path)) => {
                let file = |source| SecretError::File {
                    reference: shown(text).into_owned(),
                    source,
                };
                let content = Zeroizing::new(std::fs::read(path).map_err(file)?);
                // Editors put a byte order mark before the text and a line end after it, neither part of the secret.
                let text = x509::pem::plain_text(&content)
                    .map_err(|problem| file(std::io::Error::new(std::io::ErrorKind::InvalidData, problem)))?;
                text.to_owned()
            }
            Some(("env", name)) => std::env::var(name).map_err(|_| SecretError::Variable {
                reference: shown(text).into_owned(),
            })?,
            Some((scheme @ ("vault" | "aws-sm" | "k8s"), _)) => {
                return Err(SecretError::Source {
                    scheme: scheme.to_owned(),
                });
            }
            _ => {
                return Ok(Self {
                    reference: None,
                    value: SecretString::from(text),
                });
            }
        };
        Ok(Self {
            reference: Some(text.to_owned()),
            value: SecretString::from(value),
        })
    }
}

/// Puts secrets that are in the file itself back into settings that were written out, from where the file has them.
pub(super) fn write_out(settings: &mut Value, file: &Places) {
    put_back(settings, "", file);
}

fn put_back(value: &mut Value, path: &str, file: &Places) {
    match value {
        Value::String(text) if text == PLACEHOLDER => {
            if let Some(secret) = file.value(path) {
                secret.clone_into(text);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                put_back(item, &format!("{path}[{index}]"), file);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                put_back(member, &path, file);
            }
        }
        _ => {}
    }
}

impl ExposeSecret<str> for Secret {
    fn expose_secret(&self) -> &str {
        self.value.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.reference == other.reference && self.expose_secret() == other.expose_secret()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reference.as_deref().unwrap_or(PLACEHOLDER))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.reference.as_deref().unwrap_or(PLACEHOLDER))
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What it is instead is not repeated: it may be the secret.
        let text = String::deserialize(deserializer)
            .map_err(|_| D::Error::custom("takes text; put it in quotes"))?;
        Self::resolve(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_editors_leave_it() {
        for (content, secret) in [
            (&b"\xef\xbb\xbfsesame\r\n"[..], Some("sesame")),
            (b"sesame\n", Some("sesame")),
            (b" sesame \n\n", Some(" sesame \n")),
            (b"\xff\xfes\0e\0", None),
            (b"\xe9", None),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), content).unwrap();
            let read = Secret::resolve(&format!("file:{}", file.path().display()));
            match (read, secret) {
                (Ok(read), Some(secret)) => assert_eq!(read.expose_secret(), secret),
                (Err(problem), None) => assert!(problem.to_string().contains("UTF-"), "{problem}"),
                (read, _) => panic!("{content:?}: {read:?}"),
            }
        }
    }

    #[test]
    fn a_reference_is_followed_and_shown_as_such() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter2\n").unwrap();
        let reference = format!("file:{}", file.path().display());
        let secret = Secret::resolve(&reference).unwrap();
        assert_eq!(secret.expose_secret(), "hunter2");
        assert_eq!(format!("{secret:?}"), reference);
        assert_eq!(serde_json::to_value(&secret).unwrap(), reference);
        assert_eq!(
            Secret::resolve("env:PATH").unwrap().expose_secret(),
            std::env::var("PATH").unwrap()
        );
    }

    #[test]
    fn a_secret_in_the_settings_is_not_shown() {
        let secret = Secret::resolve("postgres://ca:hunter2@db/ca").unwrap();
        assert_eq!(secret.expose_secret(), "postgres://ca:hunter2@db/ca");
        assert!(!format!("{secret:?} {}", serde_json::to_value(&secret).unwrap()).contains("hunter2"));
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_named() {
        for reference in [
            "file:/nonexistent/x",
            "env:GIGVAULT_NO_SUCH_VARIABLE",
            "vault:kv/x",
            "k8s:ns/x",
        ] {
            let error = Secret::resolve(reference).unwrap_err().to_string();
            assert!(error.contains(reference.split_once(':').unwrap().0), "{error}");
        }
    }
}
