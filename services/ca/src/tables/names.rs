//! Subject alternative names as search keys: `kind:` and then the value backwards, as bytes.
//!
//! Backwards, a suffix is a prefix, so that one index answers both `san` and `san_suffix`. Bytes, because
//! text compares by locale on one database and by byte on the other.

use crate::domain::SanSuffix;

/// The key of a whole name given as `kind:value`, in the form that names are compared in.
pub(crate) fn exact(san: &str) -> Vec<u8> {
    // The other kinds are compared as they are written.
    let canonical = match san.split_once(':') {
        Some(("uri" | "upn", _)) => san.parse().map(|san: x509::San| san.canonical()).ok(),
        _ => None,
    };
    let san = canonical.as_deref().unwrap_or(san);
    let (kind, value) = san.split_once(':').unwrap_or(("", san));
    key(kind, value)
}

/// The half-open range of keys of all names that end so.
pub(crate) fn range(suffix: &SanSuffix) -> (Vec<u8>, Vec<u8>) {
    let start = key(suffix.kind, &suffix.suffix);
    let mut end = start.clone();
    // A key is UTF-8, which has no byte FF: the last byte can always be counted up.
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    (start, end)
}

fn key(kind: &str, value: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(kind.len() + 1 + value.len());
    key.extend_from_slice(kind.as_bytes());
    key.push(b':');
    key.extend(value.bytes().rev());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(suffix: &str, san: &str) -> bool {
        let (start, end) = range(&SanSuffix {
            kind: "dns",
            suffix: suffix.to_owned(),
        });
        let key = exact(san);
        start <= key && key < end
    }

    #[test]
    fn a_name_has_one_key_however_it_is_written() {
        for (one, other) in [
            ("uri:HTTPS://Web.TEST/%7ea", "uri:https://web.test/~a"),
            ("upn:User@EXAMPLE", "upn:user@example"),
        ] {
            assert_eq!(exact(one), exact(other));
        }
        assert_ne!(exact("uri:https://web.test/a"), exact("uri:https://web.test/A"));
    }

    #[test]
    fn suffix_range_holds_exactly_the_names_that_end_so() {
        assert!(found("example.test", "dns:example.test"));
        assert!(found("example.test", "dns:a.b.example.test"));
        assert!(found(".example.test", "dns:a.example.test"));
        assert!(!found(".example.test", "dns:example.test"));
        assert!(!found("example.test", "dns:example.tests"));
        assert!(!found("example.test", "uri:example.test"));
        assert!(!found("xample.tesu", "dns:example.test"));
    }
}
