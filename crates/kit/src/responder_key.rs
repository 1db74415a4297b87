//! What the keys of OCSP responders are called in keymgr: `ocsp` has them made, and `ca` certifies none of another name for an issuer.

use data_encoding::HEXLOWER;
use x509::digest::sha256;

/// Longest name of a key in keymgr.
const LONGEST: usize = 64;

/// The name of the key with this number: `ocsp.<issuer>.<number>`. Of an issuer with a long name it has the beginning, and a hash
/// that tells it from others.
#[must_use]
pub fn name(issuer: &str, number: i64) -> String {
    let name = format!("ocsp.{issuer}.{number}");
    if name.len() <= LONGEST {
        return name;
    }
    let beginning: String = issuer.chars().take(30).collect();
    let hash = HEXLOWER.encode(&sha256(issuer.as_bytes()));
    let hash: String = hash.chars().take(8).collect();
    format!("ocsp.{beginning}-{hash}.{number}")
}

/// Whether a key of that name is a responder's of that issuer.
#[must_use]
pub fn is_of(issuer: &str, key_name: &str) -> bool {
    let number = key_name.rsplit('.').next().and_then(|number| number.parse().ok());
    number.is_some_and(|number: i64| number > 0 && key_name == name(issuer, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys_fit_differ_and_are_known() {
        assert_eq!(name("issuing.2", 3), "ocsp.issuing.2.3");
        let [one, other] = ["a", "b"].map(|end| format!("{}{end}", "x".repeat(63)));
        let names = [name(&one, 1), name(&other, 1), name(&one, i64::MAX)];
        assert!(names.iter().all(|name| name.len() <= LONGEST), "{names:?}");
        assert!(names[0] != names[1] && names[0] != names[2]);
        assert!(is_of(&one, &names[0]) && is_of(&one, &names[2]) && !is_of(&one, &names[1]));
        assert!(is_of("issuing.2", "ocsp.issuing.2.3") && !is_of("issuing", "ocsp.issuing.2.3"));
        for not in [
            "ocsp.issuing.",
            "ocsp.issuing.x",
            "ocsp.issuing.01",
            "ocsp.issuing.-1",
            "ocsp.issuing.0",
            "issuing.1",
            "",
        ] {
            assert!(!is_of("issuing", not), "{not}");
        }
    }
}
