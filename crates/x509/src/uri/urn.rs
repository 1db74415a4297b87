//! `urn:<NID>:<NSS>` with its components (RFC 8141 section 2).

use super::UriParts;
use crate::san::host_a_labels;

/// Octets of a namespace identifier.
const MAX_NID: usize = 32;

/// Whether what follows `urn:` is a URN. A host name passes for the namespace too, which RFC 8141 does not foresee: OPC UA
/// applications are called `urn:<host name>:…` (OPC 10000-6 section 6.2.2).
pub(super) fn check(parts: &UriParts<'_>) -> Result<(), &'static str> {
    if parts.authority.is_some() {
        return Err("a URN has no `//` (RFC 8141)");
    }
    let (namespace, specific) = parts
        .path
        .split_once(':')
        .ok_or("a URN has the form urn:namespace:name (RFC 8141)")?;
    let is_host = namespace.contains('.') && host_a_labels(namespace).is_ok();
    if !is_namespace(namespace) && !is_host {
        return Err(
            "the namespace of a URN has 2 to 32 letters, digits and inner hyphens (RFC 8141), or is a host name",
        );
    }
    if specific.is_empty() || specific.starts_with('/') {
        return Err("what a URN names is empty or begins with a slash (RFC 8141)");
    }
    let is_component = |rest: &str| !rest.is_empty() && !rest.starts_with(['/', '?']);
    let complete = match parts.query.map(|query| query.split_at_checked(1)) {
        None => true,
        Some(Some(("=", rest))) => is_component(rest),
        Some(Some(("+", rest))) => match rest.split_once("?=") {
            Some((resolution, query)) => is_component(resolution) && is_component(query),
            None => is_component(rest),
        },
        Some(_) => false,
    };
    if complete {
        Ok(())
    } else {
        Err("what follows the `?` of a URN begins with + or = and is not empty (RFC 8141)")
    }
}

fn is_namespace(text: &str) -> bool {
    (2..=MAX_NID).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use crate::uri::UriParts;

    #[test]
    fn urns_pass() {
        for text in [
            "urn:example:a",
            "URN:example:a123,z456",
            "urn:example:a123/z456?+abc",
            "urn:example:weather?=op=map&lat=39.56",
            "urn:example:foo-bar-baz-qux?+CCResolve:cc=uk?=x=1#somepart",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "urn:ietf:rfc:2648",
            "urn:example:%d0%b0",
            "urn:urn-7:a",
            "urn:HOST:Vendor:Application",
            "urn:plc.example.test:vendor:server",
        ] {
            assert!(UriParts::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_urn_is_refused() {
        for text in [
            "urn:",
            "urn:example",
            "urn:example:",
            "urn::a",
            "urn:a:b",
            "urn:-ab:c",
            "urn:ab-:c",
            "urn:a_b:c",
            "urn:a%62:c",
            "urn:example:/a",
            "urn:example:a?b",
            "urn:example:a?",
            "urn:example:a?+",
            "urn:example:a?=",
            "urn:example:a?+?=b",
            "urn:example:a?+b?=",
            "urn:example:a?=/b",
            "urn://example/a",
            "URN:plc.example.:a",
            "urn:10.0.0.1:a",
            &format!("urn:{}:a", "x".repeat(33)),
        ] {
            assert!(UriParts::parse(text).is_err(), "{text}");
        }
    }
}
