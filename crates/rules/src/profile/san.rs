//! Which subject alternative names a profile allows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use x509::san::{MAX_SANS, SanKind};

use crate::{schema, text};

/// Rules on subject alternative names. The default allows none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SanRule {
    /// Kinds that may be in the certificate: `dns`, `ip`, `email`, `uri`, `dirname`, `rid`, `upn`, `othername`.
    #[serde(default, with = "text::list")]
    #[schemars(schema_with = "schema::san_kinds")]
    pub allowed: Vec<SanKind>,
    /// At least one name of one of these kinds must be there. Empty: the certificate may do without.
    #[serde(default, with = "text::list")]
    #[schemars(schema_with = "schema::san_kinds")]
    pub required: Vec<SanKind>,
    /// Most names in one certificate.
    #[serde(default = "most")]
    #[schemars(range(min = 1, max = MAX_SANS))]
    pub max: usize,
    /// Whether DNS names may be wildcards (`*.example.test`).
    #[serde(default)]
    pub wildcards: bool,
    /// Schemes that URIs may have, lower case. Empty: any but `spiffe`, which has to be listed: a SPIFFE ID is the
    /// whole identity of a workload.
    #[serde(default)]
    pub uri_schemes: Vec<String>,
}

impl SanRule {
    /// Allows these kinds, demands none.
    #[must_use]
    pub fn allowing(kinds: &[SanKind]) -> Self {
        Self {
            allowed: kinds.to_vec(),
            ..Self::default()
        }
    }

    /// Demands at least one name of these kinds, all of which must be allowed.
    #[must_use]
    pub fn requiring(mut self, kinds: &[SanKind]) -> Self {
        self.required = kinds.to_vec();
        self
    }

    pub(crate) fn find_contradiction(&self) -> Result<(), String> {
        if self.allowed.contains(&SanKind::Opaque) {
            return Err("`allowed` holds a kind that is never issued".into());
        }
        if let Some(kind) = self.required.iter().find(|kind| !self.allowed.contains(kind)) {
            return Err(format!("`required` holds {kind}, which `allowed` does not"));
        }
        if self.max == 0 || self.max > MAX_SANS {
            return Err(format!("`max` is {}; write 1 to {MAX_SANS}", self.max));
        }
        if self.wildcards && !self.allowed.contains(&SanKind::Dns) {
            return Err("`wildcards` are allowed, but no DNS names".into());
        }
        if !self.uri_schemes.is_empty() && !self.allowed.contains(&SanKind::Uri) {
            return Err("`uri_schemes` are given, but no URIs allowed".into());
        }
        match self.uri_schemes.iter().find(|scheme| !is_scheme(scheme)) {
            Some(scheme) => Err(format!(
                "`uri_schemes` holds {scheme:?}, which is not a lower-case scheme such as spiffe"
            )),
            None => Ok(()),
        }
    }
}

impl Default for SanRule {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            required: Vec::new(),
            max: MAX_SANS,
            wildcards: false,
            uri_schemes: Vec::new(),
        }
    }
}

fn most() -> usize {
    MAX_SANS
}

/// RFC 3986 section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'+' | b'-' | b'.'))
}
