//! Patterns of URIs: one, or all that continue a prefix.

use super::{Pattern, name};

/// Reads what follows `uri:`.
pub(super) fn parse(value: &str) -> Result<Pattern, String> {
    let Some(start) = value.strip_suffix('*') else {
        return Ok(Pattern::Uri {
            prefix: false,
            text: canonical(value)?,
        });
    };
    // Without the slash after it the host could go on: https://a.test* covers https://a.test.evil.
    let after_authority = start
        .split_once("://")
        .is_some_and(|(_, rest)| rest.contains('/'));
    let is_opaque = !start.contains("://") && start.ends_with(':') && start.matches(':').count() > 1;
    if !after_authority && !is_opaque {
        return Err(
            "what precedes the `*` must name the host and a slash: uri:https://a.test/x/*".to_owned(),
        );
    }
    let text = canonical(&format!("{start}x"))?;
    let text = text.strip_suffix('x').unwrap_or(&text).to_owned();
    Ok(Pattern::Uri { prefix: true, text })
}

/// URIs are certified as they were sent, and compared in one form.
fn canonical(text: &str) -> Result<String, String> {
    let canonical = name("uri", text)?.canonical();
    Ok(canonical.strip_prefix("uri:").unwrap_or(&canonical).to_owned())
}

/// Whether a URI begins with `prefix` and stays below it. A dot segment leads out of it; servers that take parameters of
/// segments (RFC 3986 section 3.3) read `..;a` as one, and others decode `%2e`.
pub(super) fn continues(uri: &str, prefix: &str) -> bool {
    let climbs = uri
        .split(['/', '?', '#'])
        .filter_map(|segment| segment.split(';').next())
        .any(|segment| matches!(segment, "." | ".."));
    uri.starts_with(prefix) && !climbs && !uri.contains('%')
}
