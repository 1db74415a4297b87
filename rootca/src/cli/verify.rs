//! `verify`: whether the files of a root belong together.

use std::io::Write;

use serde_json::json;
use time::OffsetDateTime;

use super::output::show;
use super::{Prompts, Show, VerifyArgs};
use crate::error::Error;
use crate::folder::{Folder, Loss};

pub(super) fn run(
    args: &VerifyArgs,
    now: OffsetDateTime,
    out: &mut dyn Write,
    prompts: &mut dyn Prompts,
) -> Result<(), Error> {
    let folder = Folder::open(&args.folder.dir)?;
    let loss = match args.accept_loss {
        true => Loss::Accept,
        false => Loss::Refuse,
    };
    let repaired = match args.repair {
        true => folder.repair(now, loss)?,
        false => Vec::new(),
    };
    let as_text = Show::chosen(args.answer.output) == Show::Table;
    if as_text {
        // Before the question for what opens the key: it was done, whatever comes of that.
        out.write_all(marked("fixed", &repaired).as_bytes())?;
        out.flush()?;
    }
    let mut audit = folder.audit(now)?;
    let unopened = match args.without_key {
        true => {
            audit.notices.push("root.key was not opened".into());
            None
        }
        false => audit.key(args.key.unlock(&folder, prompts).map(drop)).err(),
    };
    if let Some(error) = &unopened {
        audit.notices.push(format!("root.key was not opened: {error}"));
    }
    let mut text = String::new();
    for (mark, sentences) in [
        ("ok", &audit.fine),
        ("note", &audit.notices),
        ("WRONG", &audit.problems),
    ] {
        text.push_str(&marked(mark, sentences));
    }
    let value = json!({
        "in_order": audit.problems.is_empty() && unopened.is_none(),
        "repaired": repaired,
        "fine": audit.fine,
        "notices": audit.notices,
        "problems": audit.problems,
    });
    show(args.answer.output, &value, &text, out)?;
    match (unopened, audit.problems.is_empty()) {
        (Some(error), _) => Err(error),
        (None, true) => Ok(()),
        (None, false) if as_text => Err(Error::NotInOrderAsShown),
        // A program reads the answer; the people who look after it read this.
        (None, false) => Err(Error::NotInOrder(audit.problems)),
    }
}

fn marked(mark: &str, sentences: &[String]) -> String {
    sentences
        .iter()
        .map(|sentence| format!("{mark:<5}  {sentence}\n"))
        .collect()
}
