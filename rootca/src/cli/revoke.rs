//! `revoke`: for the next CRL. Needs no key.

use std::io::Write;
use std::path::Path;

use serde_json::json;
use time::OffsetDateTime;
use x509::crl::Reason;
use x509::{Certificate, Serial, rfc3339};

use super::output::show;
use super::{Prompts, RevokeArgs, parse};
use crate::error::Error;
use crate::files;
use crate::folder::Folder;

pub(super) fn run(
    args: &RevokeArgs,
    now: OffsetDateTime,
    out: &mut dyn Write,
    prompts: &mut dyn Prompts,
) -> Result<(), Error> {
    let reason: Reason = parse("--reason", &args.reason)?;
    let folder = Folder::open(&args.folder.dir)?;
    let named = named(&folder, &args.certificate)?;
    let serial = named.serial()?;
    let subject = match &named {
        Named::Serial(serial) => folder.subject_of(*serial)?,
        Named::File(certificate) => certificate.subject().to_string(),
    };
    let question = format!("Revoke {subject} ({serial}) for good, reason {reason}?");
    if !args.yes && !prompts.confirm(&question, "look at it with `inspect --dir`, then pass --yes")? {
        return Err(Error::Declined);
    }
    if let Named::File(certificate) = named {
        match folder.record(&certificate, now) {
            Err(Error::Exists(_)) => {}
            done => done?,
        }
    }
    let revoked = folder.revoke(serial, reason, now)?;
    let lost = folder.check_key().err().map(|lost| lost.to_string());
    let text = match &lost {
        None => {
            format!("Revoked: {serial}.\nIt takes effect when you sign a CRL with `crl` and publish it.\n")
        }
        Some(lost) => format!(
            "Noted as revoked: {serial}.\nIt takes effect with a new CRL, and none can be signed as it is: {lost}\n"
        ),
    };
    let value = json!({
        "serial": serial.to_string(),
        "subject": subject,
        "reason": reason.to_string(),
        "time": rfc3339(revoked.time),
        "no_crl_can_be_signed": lost,
    });
    show(args.answer.output, &value, &text, out)
}

/// What is to be revoked.
enum Named {
    Serial(Serial),
    /// A certificate that this root signed, from wherever it was found.
    File(Box<Certificate>),
}

impl Named {
    fn serial(&self) -> Result<Serial, Error> {
        match self {
            Self::Serial(serial) => Ok(*serial),
            Self::File(certificate) => Ok(certificate.serial().proper()?),
        }
    }
}

fn named(folder: &Folder, text: &str) -> Result<Named, Error> {
    let serial = parse("serial number", text).map(Named::Serial);
    let path = Path::new(text);
    if serial.is_ok() || !path.is_file() {
        return serial;
    }
    let content = files::read(path)?;
    let certificate = files::certificate(path, &content).map_err(|error| {
        error.with_advice("name a file that holds nothing but the certificate that is meant")
    })?;
    folder.check_signed(&certificate, path)?;
    Ok(Named::File(Box::new(certificate)))
}
