//! Everything that a certificate will say, for the eyes of the ceremony and for programs.

use data_encoding::HEXLOWER;
use lint::Linted;
use rules::{Approved, duration};
use serde_json::{Value, json};
use x509::extension::Subtree;
use x509::rfc3339;

use super::output::lines;
use crate::folder::Folder;
use crate::intermediate::Intermediate;

/// What would be signed.
pub(super) struct Plan {
    text: String,
    fields: Value,
}

impl Plan {
    pub(super) fn new(folder: &Folder, wanted: &Intermediate, draft: &Linted<Approved>) -> Self {
        Self {
            text: text(folder, wanted, draft),
            fields: fields(folder, wanted, draft),
        }
    }

    /// A line for each thing.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The same for programs, with what came of it.
    pub(super) fn value(&self, outcome: Value) -> Value {
        let mut value = self.fields.clone();
        if let (Some(fields), Value::Object(outcome)) = (value.as_object_mut(), outcome) {
            fields.extend(outcome);
        }
        value
    }
}

/// Without the serial number, of which only that of the signed certificate counts.
fn fields(folder: &Folder, wanted: &Intermediate, draft: &Linted<Approved>) -> Value {
    let approved = draft.get();
    let (validity, key) = (approved.validity(), approved.public_key());
    json!({
        "issuer": folder.certificate().subject().to_string(),
        "subject": approved.subject().to_string(),
        "not_before": rfc3339(validity.not_before),
        "not_after": rfc3339(validity.not_after),
        "key": key.algorithm().to_string(),
        "spki_sha256": HEXLOWER.encode(&key.fingerprint()),
        "signature": approved.signature_algorithm().to_string(),
        "path_len": wanted.path_len,
        "purposes": texts(&wanted.purposes),
        "permitted": texts(&wanted.name_constraints.permitted),
        "excluded": texts(&wanted.name_constraints.excluded),
        "crl_urls": wanted.urls.crl,
        "ocsp_urls": wanted.urls.ocsp,
        "issuer_urls": wanted.urls.ca_issuers,
        "lint": draft.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn text(folder: &Folder, wanted: &Intermediate, draft: &Linted<Approved>) -> String {
    let approved = draft.get();
    let (validity, key) = (approved.validity(), approved.public_key());
    let list = |items: Vec<String>, without: &str| {
        if items.is_empty() {
            without.to_owned()
        } else {
            items.join(", ")
        }
    };
    let subtrees = |subtrees: &[Subtree], without: &str| list(texts(subtrees), without);
    let life = std::time::Duration::try_from(validity.duration()).unwrap_or_default();
    let mut text = lines(&[
        ("issuer", folder.certificate().subject().to_string()),
        ("subject", approved.subject().to_string()),
        ("serial", approved.serial().to_string()),
        ("not before", rfc3339(validity.not_before)),
        (
            "not after",
            format!("{} ({})", rfc3339(validity.not_after), duration::format(life)),
        ),
        (
            "key",
            format!(
                "{}, SHA-256 {}",
                key.algorithm(),
                HEXLOWER.encode(&key.fingerprint())
            ),
        ),
        ("signature", approved.signature_algorithm().to_string()),
        (
            "path length",
            wanted
                .path_len
                .map_or_else(|| "as the root allows".into(), |length| length.to_string()),
        ),
        ("purposes", list(texts(&wanted.purposes), "all")),
        (
            "permitted",
            subtrees(&wanted.name_constraints.permitted, "all names"),
        ),
        ("excluded", subtrees(&wanted.name_constraints.excluded, "none")),
        (
            "CRL",
            list(
                wanted.urls.crl.clone(),
                "nowhere: relying parties cannot learn that it was revoked; see --crl-url",
            ),
        ),
        ("OCSP", list(wanted.urls.ocsp.clone(), "nowhere")),
        (
            "issuer at",
            list(wanted.urls.ca_issuers.clone(), "nowhere; see --issuer-url"),
        ),
    ]);
    for finding in draft.warnings() {
        text.push_str(&format!("lint: {finding}\n"));
    }
    text
}
