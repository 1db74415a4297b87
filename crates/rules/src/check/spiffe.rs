//! SPIFFE IDs: `spiffe://<trust domain>/<path>`, as the SPIFFE-ID and X.509-SVID standards want them.

use x509::San;

/// The scheme of SPIFFE IDs.
pub(super) const SCHEME: &str = "spiffe";
/// Bound on the whole ID, in bytes (SPIFFE-ID section 2.3).
const MAX_LEN: usize = 2048;
/// Bound on the trust domain, in bytes (SPIFFE-ID section 2.3).
const MAX_TRUST_DOMAIN: usize = 255;

/// If one of the URIs is a SPIFFE ID, it is well-formed and the only URI (X.509-SVID section 2). `workload`: it
/// names more than its trust domain (X.509-SVID section 3).
pub(super) fn check(sans: &[San], workload: bool) -> Result<(), String> {
    let uris = || {
        sans.iter().filter_map(|san| match san {
            San::Uri(uri) => Some(uri),
            _ => None,
        })
    };
    let Some(id) = uris().find(|uri| is_id(uri.as_str())) else {
        return Ok(());
    };
    if uris().count() > 1 {
        return Err(format!("{id}: beside a SPIFFE ID there must be no other URI"));
    }
    check_id(id.as_str(), workload).map_err(|problem| format!("{id}: {problem}"))
}

/// Whether a URI claims to be a SPIFFE ID, in whatever spelling of its scheme.
pub(super) fn is_id(uri: &str) -> bool {
    uri.split_once(':')
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
}

fn check_id(id: &str, workload: bool) -> Result<(), &'static str> {
    let rest = id
        .strip_prefix("spiffe://")
        .ok_or("a SPIFFE ID begins with spiffe:// in lower case")?;
    let (domain, path) = match rest.split_once('/') {
        Some((domain, path)) => (domain, Some(path)),
        None => (rest, None),
    };
    if id.len() > MAX_LEN {
        return Err("a SPIFFE ID has at most 2048 bytes");
    }
    let of_domain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'-' | b'_');
    if domain.is_empty()
        || domain.len() > MAX_TRUST_DOMAIN
        || !domain.bytes().all(of_domain)
        || domain.ends_with('.')
    {
        return Err(
            "the trust domain must be 1 to 255 lower-case letters, digits, dots, hyphens and underscores",
        );
    }
    let of_path = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    match path {
        None if workload => Err("a workload's SPIFFE ID has a path, such as /svc/name"),
        None => Ok(()),
        Some(path) if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) => {
            Err("the path must have no empty, `.` or `..` segment and no slash at its end")
        }
        Some(path) if !path.split('/').all(|segment| segment.bytes().all(of_path)) => Err(
            "the path may hold letters, digits, dots, hyphens and underscores; no query, no fragment, no escapes",
        ),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(uris: &[&str], workload: bool) -> Result<(), String> {
        let sans: Vec<San> = uris
            .iter()
            .map(|uri| format!("uri:{uri}").parse().unwrap())
            .collect();
        check(&sans, workload)
    }

    #[test]
    fn a_workload_is_named_by_domain_and_path() {
        for id in ["spiffe://example.test/svc/ca", "spiffe://a_b-1.test/A/b.c/d_e-f"] {
            assert_eq!(verdict(&[id], true), Ok(()), "{id}");
        }
        assert_eq!(verdict(&["spiffe://example.test"], false), Ok(()));
        assert_eq!(
            verdict(&["https://a.test/?q", "urn:ab:b"], true),
            Ok(()),
            "no SPIFFE ID at all"
        );
    }

    #[test]
    fn malformed_ids_are_refused() {
        for id in [
            "spiffe://example.test",
            "spiffe://example.test/",
            "spiffe://example.test/a/",
            "spiffe://example.test//a",
            "spiffe://example.test/a/../b",
            "spiffe://example.test/a?b=c",
            "spiffe://example.test/a#b",
            "spiffe://example.test/a%20b",
            "spiffe://example.test:443/a",
            "spiffe://user@example.test/a",
            "SPIFFE://example.test/a",
            "spiffe://Example.test/a",
            "spiffe:example.test/a",
            "spiffe:/example.test/a",
            "spiffe:example.test",
        ] {
            assert!(verdict(&[id], true).is_err(), "{id}");
        }
        let long = format!("spiffe://example.test/{}", "a".repeat(2048));
        assert!(check_id(&long, true).unwrap_err().contains("2048"));
    }

    #[test]
    fn a_spiffe_id_is_the_only_uri() {
        assert!(verdict(&["spiffe://a.test/b", "spiffe://a.test/c"], true).is_err());
        assert!(verdict(&["https://a.test/", "spiffe://a.test/c"], true).is_err());
    }
}
