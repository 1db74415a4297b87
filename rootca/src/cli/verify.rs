//! `verify`: whether the files of a root belong together.

use std::io::Write;

use time::OffsetDateTime;

use super::output::show;
use super::{Prompts, Show, VerifyArgs};
use crate::error::Error;
use crate::folder::Folder;
use serde_json::json;

pub(super) fn run(
    args: &VerifyArgs,
    now: OffsetDateTime,
    out: &mut dyn Write,
    prompts: &mut dyn Prompts,
) -> Result<(), Error> {
    let folder = Folder::open(&args.folder.dir)?;
    let repaired = match args.repair {
        true => folder.repair(now)?,
        false => Vec::new(),
    };
    let mut audit = folder.audit(now)?;
    if args.without_key {
        audit.notices.push("root.key was not opened".into());
    } else {
        audit.key(args.key.unlock(&folder, prompts).map(drop))?;
    }
    let mut text = String::new();
    for (mark, sentences) in [
        ("fixed", &repaired),
        ("ok", &audit.fine),
        ("note", &audit.notices),
        ("WRONG", &audit.problems),
    ] {
        for sentence in sentences {
            text.push_str(&format!("{mark:<5}  {sentence}\n"));
        }
    }
    let value = json!({
        "in_order": audit.problems.is_empty(),
        "repaired": repaired,
        "fine": audit.fine,
        "notices": audit.notices,
        "problems": audit.problems,
    });
    show(args.answer.output, &value, &text, out)?;
    match (audit.problems.is_empty(), Show::chosen(args.answer.output)) {
        (true, _) => Ok(()),
        (false, Show::Table) => Err(Error::NotInOrderAsShown),
        // A program reads the answer; the people who look after it read this.
        (false, Show::Json | Show::Yaml) => Err(Error::NotInOrder(audit.problems)),
    }
}
