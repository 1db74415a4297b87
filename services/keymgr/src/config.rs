//! Settings of the key manager: section `keymgr` of the configuration.

use std::path::PathBuf;

use keys::{KeyEncryptionKey, secret_file};
use kit::config::SettingFault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `keymgr`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Keymgr")]
pub struct Config {
    /// Where private keys live.
    pub backends: Backends,
    /// Most messages in one `SignBatch` call, 1 to 512.
    #[schemars(range(min = 1, max = MAX_BATCH))]
    pub max_batch: usize,
    /// Most keys held ready in memory; others are read again when they are needed.
    #[schemars(range(min = 1, max = MAX_LOADED_KEYS))]
    pub max_loaded_keys: u64,
    /// Most signatures per second with one key: this bounds what an attacker can have signed who controls a service. A
    /// second's worth may be asked for at once, then calls wait, at most a second. 0 means no limit.
    #[schemars(range(max = u32::MAX))]
    pub max_signatures_per_second: u32,
    /// Whether the key of a CA signs OCSP responses too, for service `ocsp` (`ocsp.signing: direct`). Otherwise only keys that were
    /// made for that do, which are worth less to an attacker and are replaced every few weeks.
    pub ca_keys_sign_ocsp: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            backends: Backends::default(),
            max_batch: 512,
            max_loaded_keys: 1024,
            max_signatures_per_second: 20_000,
            ca_keys_sign_ocsp: false,
        }
    }
}

/// Places where private keys live, by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backends {
    /// In this service's memory while in use, sealed in its database otherwise.
    pub software: Software,
}

/// The software backend's key-encryption key. Exactly one of the two is set; changing it later does not
/// re-seal what is stored, and the service refuses to start.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Software {
    /// File of mode 0600 with 64 hexadecimal digits (`openssl rand -hex 32`).
    pub kek_file: Option<PathBuf>,
    /// File of mode 0600 with a passphrase, from which the key is derived by Argon2id.
    pub passphrase_file: Option<PathBuf>,
}

/// Where the key-encryption key comes from, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KekSource {
    /// [`Software::kek_file`].
    File(PathBuf),
    /// [`Software::passphrase_file`].
    Passphrase(PathBuf),
}

impl Software {
    /// Where the key-encryption key comes from; none where neither setting says: the process may have a default.
    ///
    /// # Errors
    /// Both settings are set.
    pub fn source(&self) -> Result<Option<KekSource>, SettingFault> {
        match (&self.kek_file, &self.passphrase_file) {
            (None, None) => Ok(None),
            (Some(path), None) => Ok(Some(KekSource::File(path.clone()))),
            (None, Some(path)) => Ok(Some(KekSource::Passphrase(path.clone()))),
            (Some(_), Some(_)) => Err(SettingFault::hiding(
                SOFTWARE,
                "it has both kek_file and passphrase_file: keep one",
            )),
        }
    }
}

impl From<KekSource> for Software {
    fn from(source: KekSource) -> Self {
        let (kek_file, passphrase_file) = match source {
            KekSource::File(path) => (Some(path), None),
            KekSource::Passphrase(path) => (None, Some(path)),
        };
        Self {
            kek_file,
            passphrase_file,
        }
    }
}

impl Config {
    /// Where the key-encryption key comes from: here one of the two has to be set.
    pub(crate) fn kek_source(&self) -> Result<KekSource, SettingFault> {
        let missing = || SettingFault::hiding(SOFTWARE, "it needs kek_file or passphrase_file");
        self.backends.software.source()?.ok_or_else(missing)
    }

    /// What the types do not say, the files of the key-encryption key among it. Neither of the two is taken: the process
    /// may have a default.
    #[must_use]
    pub fn check(&self) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        if !(1..=MAX_BATCH).contains(&self.max_batch) {
            let allowed = format!("takes 1 to {MAX_BATCH}");
            faults.push(SettingFault::new("keymgr.max_batch", self.max_batch, allowed));
        }
        if !(1..=MAX_LOADED_KEYS).contains(&self.max_loaded_keys) {
            let allowed = format!("takes 1 to {MAX_LOADED_KEYS}");
            faults.push(SettingFault::new(
                "keymgr.max_loaded_keys",
                self.max_loaded_keys,
                allowed,
            ));
        }
        match self.backends.software.source() {
            Err(fault) => faults.push(fault),
            Ok(None) => {}
            Ok(Some(KekSource::File(path))) => {
                if let Err(error) = KeyEncryptionKey::from_file(&path) {
                    faults.push(SettingFault::hiding(
                        format!("{SOFTWARE}.kek_file"),
                        error.to_string(),
                    ));
                }
            }
            Ok(Some(KekSource::Passphrase(path))) => {
                if let Err(error) = secret_file::read_passphrase(&path) {
                    let field = format!("{SOFTWARE}.passphrase_file");
                    faults.push(SettingFault::hiding(field, error.to_string()));
                }
            }
        }
        faults
    }
}

/// The software backend's settings.
const SOFTWARE: &str = "keymgr.backends.software";
/// More keys than this are not expected in one installation.
const MAX_LOADED_KEYS: u64 = 1_000_000;
/// What the wire promises at most.
const MAX_BATCH: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_source_of_the_kek_is_taken() {
        let config = |kek: Option<&str>, passphrase: Option<&str>| Config {
            backends: Backends {
                software: Software {
                    kek_file: kek.map(PathBuf::from),
                    passphrase_file: passphrase.map(PathBuf::from),
                },
            },
            ..Config::default()
        };
        assert!(matches!(
            config(Some("a"), None).kek_source(),
            Ok(KekSource::File(_))
        ));
        assert!(matches!(
            config(None, Some("a")).kek_source(),
            Ok(KekSource::Passphrase(_))
        ));
        assert!(
            config(None, None)
                .kek_source()
                .unwrap_err()
                .to_string()
                .contains("it needs kek_file or passphrase_file")
        );
        assert!(
            config(Some("a"), Some("b"))
                .kek_source()
                .unwrap_err()
                .to_string()
                .contains("keep one")
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_field() {
        assert!(Config::default().check().is_empty());
        for (text, field) in [
            (r#"{"max_batch": 0}"#, "keymgr.max_batch"),
            (r#"{"max_batch": 513}"#, "keymgr.max_batch"),
            (r#"{"max_loaded_keys": 0}"#, "keymgr.max_loaded_keys"),
            (
                r#"{"backends": {"software": {"kek_file": "/nonexistent"}}}"#,
                "keymgr.backends.software.kek_file",
            ),
            (
                r#"{"backends": {"software": {"passphrase_file": "/nonexistent"}}}"#,
                "keymgr.backends.software.passphrase_file",
            ),
            (
                r#"{"backends": {"software": {"kek_file": "a", "passphrase_file": "b"}}}"#,
                "keymgr.backends.software",
            ),
        ] {
            let faults = serde_json::from_str::<Config>(text).unwrap().check();
            assert_eq!(faults.first().unwrap().field, field);
        }
    }
}
