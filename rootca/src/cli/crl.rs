//! `crl`: everything revoked, signed, with the next number.

use std::io::Write;

use time::OffsetDateTime;
use x509::rfc3339;

use super::inspect::of_list;
use super::output::{lines, show};
use super::{CrlArgs, Form, Prompts};
use crate::error::Error;
use crate::files;
use crate::folder::{Folder, Loss};

pub(super) fn run(
    args: &CrlArgs,
    now: OffsetDateTime,
    out: &mut dyn Write,
    prompts: &mut dyn Prompts,
) -> Result<(), Error> {
    let folder = Folder::open(&args.folder.dir)?;
    if let Some(path) = &args.out {
        ::files::check_free(path)?;
    }
    let root = args.key.unlock(&folder, prompts)?;
    let loss = if args.accept_loss {
        Loss::Accept
    } else {
        Loss::Refuse
    };
    let list = folder.publish_crl(&root, args.validity, now, loss)?;
    let kept = folder.dir().join("root.crl");
    if args.out.as_deref().is_some_and(super::is_stream) {
        match args.format {
            Form::Der => out.write_all(list.der())?,
            Form::Pem => out.write_all(list.pem().as_bytes())?,
        }
        return Ok(());
    }
    let written = match &args.out {
        Some(path) => {
            match args.format {
                Form::Der => ::files::create(path, list.der(), files::PUBLIC)?,
                Form::Pem => ::files::create(path, list.pem().as_bytes(), files::PUBLIC)?,
            }
            path
        }
        None => &kept,
    };
    let text = lines(&[
        ("CRL", written.display().to_string()),
        ("number", list.number().unwrap_or_default().to_string()),
        ("revoked", list.entries().len().to_string()),
        ("this update", rfc3339(list.this_update())),
        ("next update", list.next_update().map(rfc3339).unwrap_or_default()),
    ]);
    let mut value = of_list(&list);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("file".to_owned(), written.display().to_string().into());
    }
    show(args.answer.output, &value, &text, out)
}
