//! Spans of time in settings, for `#[serde(with = "kit::config::span")]`: the form that GigVault reads everywhere, which
//! [`rules::duration`] has. [`or_zero`] is for settings where zero has a meaning.

pub use rules::duration::serde_text::{deserialize, serialize};
pub use rules::duration::{FORM, PATTERN, format, parse, serde_text_or_zero as or_zero};
