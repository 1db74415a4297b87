//! What an operator may take as it is, and the command for it.

use crate::wiring::settings::Settings;

/// What `bootstrap --accept-restored` goes on with.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0}; to go on with what is there, run `gigvault bootstrap --accept-restored` with the settings that the installation was \
     bootstrapped with, then start again"
)]
pub(crate) struct Acceptable(pub(super) String);

impl Acceptable {
    /// Names the command as it is to be typed, wherever that is.
    pub(crate) fn with_flags(error: anyhow::Error, settings: &Settings) -> anyhow::Error {
        let Self(what) = match error.downcast() {
            Ok(acceptable) => acceptable,
            Err(other) => return other,
        };
        let (flags, beside) = (settings.flags(), settings.given_beside());
        anyhow::anyhow!(
            "{what}; to go on with what is there, run `gigvault bootstrap --accept-restored {flags}`{beside}, then start again"
        )
    }
}
