//! `--dry-run`: what a command would do, as the server says it.

use client::{Consequence, Preview};

use super::cert::note;
use crate::output::Output;

/// Objects of a consequence that are listed below its text.
const SHOWN: usize = 10;

/// Shows consequences, the severity in front of each.
pub(super) fn show(preview: &Preview, output: Output) -> anyhow::Result<()> {
    let mut facts: Vec<(&str, String)> = preview.consequences.iter().map(fact).collect();
    if facts.is_empty() {
        facts.push(("info", "nothing would change".to_owned()));
    }
    output.one(preview, &facts)?;
    note("Nothing was done: without --dry-run it is.");
    Ok(())
}

/// A consequence as a line for people, with the first of its objects below.
pub(super) fn fact(consequence: &Consequence) -> (&str, String) {
    let mut text = consequence.text.clone();
    // One object is named in the text.
    if consequence.count > 1 {
        for object in consequence.objects.iter().take(SHOWN) {
            text.push('\n');
            text.push_str(object);
        }
        let shown = u64::try_from(consequence.objects.len().min(SHOWN)).unwrap_or_default();
        if shown > 0 && consequence.count > shown {
            text.push_str(&format!("\nand {} more", consequence.count - shown));
        }
    }
    (consequence.severity.as_str(), text)
}
