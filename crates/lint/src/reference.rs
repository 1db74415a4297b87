//! The catalogue as a page of the reference manual.

use std::fmt::Write as _;

use crate::catalogue::{Lint, Severity, catalogue};

const OPENING: &str = "\
# Lints

What every certificate, CRL and OCSP response is checked against before it is signed, on the octets to be signed. An *error*
refuses the signature; its id is in the answer. A *warning* or *notice* is told and lets it pass. Ids never change their meaning.
BR: CA/Browser Forum Baseline Requirements for TLS server certificates.

";

/// The page `docs/reference/lints.md`: one table a severity, in the order of the catalogue.
#[must_use]
pub fn reference_markdown() -> String {
    let mut page = OPENING.to_owned();
    for (severity, title) in [
        (Severity::Error, "Errors"),
        (Severity::Warn, "Warnings"),
        (Severity::Notice, "Notices"),
    ] {
        let rows = catalogue().iter().filter(|lint| lint.severity == severity);
        // Writing to a String does not fail.
        let _ = writeln!(
            page,
            "## {title}\n\n| id | what must hold | of | clause |\n|---|---|---|---|"
        );
        for lint in rows {
            let _ = write_row(&mut page, lint);
        }
        page.push('\n');
    }
    let _ = writeln!(page, "{} lints.", catalogue().len());
    page
}

fn write_row(page: &mut String, lint: &Lint) -> std::fmt::Result {
    let Lint {
        id,
        about,
        scope,
        source,
        ..
    } = lint;
    writeln!(
        page,
        "| `{id}` | {} | {scope} | {source} |",
        about.replace('|', "\\|")
    )
}
