//! Settings of the key manager: section `keymgr` of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Section `keymgr`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where private keys live.
    pub backends: Backends,
    /// Most messages in one `SignBatch` call, 1 to 512.
    pub max_batch: usize,
    /// Most keys held ready in memory; others are read again when they are needed.
    pub max_loaded_keys: u64,
    /// Most signatures a second by one key, which bounds what somebody signs who takes over a service. A second's worth
    /// may come at once, then calls wait, at most a second. 0 is no limit.
    pub max_signatures_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            backends: Backends::default(),
            max_batch: 512,
            max_loaded_keys: 1024,
            max_signatures_per_second: 20_000,
        }
    }
}

/// Places where private keys live, by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backends {
    /// In this service's memory while in use, sealed in its database otherwise.
    pub software: Software,
}

/// The software backend's key-encryption key. Exactly one of the two is set; changing it later does not
/// re-seal what is stored, and the service refuses to start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Software {
    /// File of mode 0600 with 64 hexadecimal digits (`openssl rand -hex 32`).
    pub kek_file: Option<PathBuf>,
    /// File of mode 0600 with a passphrase, from which the key is derived by Argon2id.
    pub passphrase_file: Option<PathBuf>,
}

/// Where the key-encryption key comes from, decided.
#[derive(Clone, Debug)]
pub(crate) enum KekSource {
    File(PathBuf),
    Passphrase(PathBuf),
}

impl Config {
    /// Checks what the types do not say.
    pub(crate) fn kek_source(&self) -> Result<KekSource, Error> {
        let Software {
            kek_file,
            passphrase_file,
        } = &self.backends.software;
        match (kek_file, passphrase_file) {
            (Some(path), None) => Ok(KekSource::File(path.clone())),
            (None, Some(path)) => Ok(KekSource::Passphrase(path.clone())),
            (Some(_), Some(_)) => Err(Error::Config(
                "keymgr.backends.software has both kek_file and passphrase_file: keep one",
            )),
            (None, None) => Err(Error::Config(
                "keymgr.backends.software needs kek_file or passphrase_file",
            )),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(1..=MAX_BATCH).contains(&self.max_batch) {
            return Err(Error::Config("keymgr.max_batch must be from 1 to 512"));
        }
        if self.max_loaded_keys == 0 {
            return Err(Error::Config("keymgr.max_loaded_keys must be at least 1"));
        }
        Ok(())
    }
}

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
                .contains("needs kek_file or passphrase_file")
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
    fn limits_that_make_no_sense_are_refused() {
        assert!(Config::default().check().is_ok());
        assert!(
            Config {
                max_batch: 0,
                ..Config::default()
            }
            .check()
            .is_err()
        );
        assert!(
            Config {
                max_batch: 513,
                ..Config::default()
            }
            .check()
            .is_err()
        );
        assert!(
            Config {
                max_loaded_keys: 0,
                ..Config::default()
            }
            .check()
            .is_err()
        );
    }
}
