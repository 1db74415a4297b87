//! What is said of the certificates that were issued to who showed an identity.

use client::{DamagedCertificate, Descendants};
use x509::crl::Reason;

use super::list;

/// Rows of the certificate that was revoked.
pub(in super::super) fn fields(descendants: &Descendants) -> [(&'static str, String); 2] {
    [
        ("issued to who showed it, revoked too", list(&descendants.revoked)),
        (
            "issued to who showed it, not revoked",
            list(&descendants.remaining),
        ),
    ]
}

/// Those of two answers, of which the later one does not name what the first has revoked.
pub(super) fn of_both(first: Option<Descendants>, then: Option<Descendants>) -> Option<Descendants> {
    let (Some(first), Some(then)) = (&first, &then) else {
        return first.or(then);
    };
    let mut both = then.clone();
    both.revoked.splice(0..0, first.revoked.iter().cloned());
    let named = |one: &DamagedCertificate| then.damaged.iter().any(|other| other.serial == one.serial);
    let others = first.damaged.iter().filter(|one| !named(one));
    both.damaged.extend(others.cloned());
    Some(both)
}

/// Says what is still valid.
pub(super) fn warning(serial: &str, reason: Reason, descendants: &Descendants) -> Option<String> {
    let command = format!("gigvault cert revoke {serial} --reason {reason} --descendants");
    left(descendants, &format!("revoke them with `{command}`"))
}

/// The same after a hold, which takes none of them.
pub(in super::super) fn warning_of_hold(serial: &str, descendants: &Descendants) -> Option<String> {
    let way_out = format!(
        "put each of them on hold too, or revoke this one and them with `gigvault cert revoke {serial} --reason key-compromise`"
    );
    left(descendants, &way_out)
}

fn left(descendants: &Descendants, way_out: &str) -> Option<String> {
    let mut left = Vec::new();
    let number = descendants.remaining.len();
    if number > 0 || descendants.more {
        let at_least = if descendants.more { "at least " } else { "" };
        left.push(format!(
            "{at_least}{number} certificates that were issued to who showed this identity are still valid or on hold; {way_out}"
        ));
    }
    if !descendants.damaged.is_empty() {
        let named: Vec<&str> = descendants
            .damaged
            .iter()
            .map(|one| one.serial.as_str())
            .collect();
        left.push(format!(
            "certificates of which the database cannot be read were not revoked: {}; restore them from a backup as `gigvault doctor` \
             says, then revoke them with the same command",
            named.join(" ")
        ));
    }
    (!left.is_empty()).then(|| format!("warning: {}", left.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(revoked: &[&str], damaged: &[&str]) -> Descendants {
        let revoked = revoked.iter().map(|serial| {
            serde_json::json!({
                "serial": serial, "status": "revoked", "subject": "", "ca": "services", "requester": "service:ocsp",
                "not_after": "2027-01-01T00:00:00Z",
            })
        });
        let damaged = damaged
            .iter()
            .map(|serial| serde_json::json!({"serial": serial, "problem": "sans"}));
        let descendants = serde_json::json!({
            "revoked": revoked.collect::<Vec<_>>(), "remaining": [], "more": false, "damaged": damaged.collect::<Vec<_>>(),
        });
        serde_json::from_value(descendants).unwrap()
    }

    #[test]
    fn what_an_earlier_answer_revoked_is_shown_with_the_last() {
        let (first, then) = (issued(&["0a", "0b"], &["0c", "0e"]), issued(&["0d"], &["0c"]));
        let both = issued(&["0a", "0b", "0d"], &["0c", "0e"]);
        assert_eq!(of_both(Some(first.clone()), Some(then)), Some(both));
        assert_eq!(of_both(Some(first.clone()), None), Some(first.clone()));
        assert_eq!(of_both(None, Some(first.clone())), Some(first));
        assert_eq!(of_both(None, None), None);
    }

    #[test]
    fn what_is_left_is_said_with_the_command_that_takes_it() {
        let descendants = serde_json::json!({
            "revoked": [], "more": false,
            "remaining": [{
                "serial": "0a", "status": "valid", "subject": "", "ca": "services", "requester": "service:ocsp",
                "not_after": "2027-01-01T00:00:00Z",
            }],
        });
        let descendants: Descendants = serde_json::from_value(descendants).unwrap();
        let said = warning("00ab", Reason::Superseded, &descendants).unwrap();
        assert!(
            said.contains("cert revoke 00ab --reason superseded --descendants"),
            "{said}"
        );
        assert_eq!(warning("00ab", Reason::Superseded, &Descendants::default()), None);
        let said = warning_of_hold("00ab", &descendants).unwrap();
        assert!(
            said.contains("put each of them on hold too, or")
                && said.contains("revoke 00ab --reason key-compromise"),
            "{said}"
        );
        assert_eq!(warning_of_hold("00ab", &Descendants::default()), None);
    }
}
