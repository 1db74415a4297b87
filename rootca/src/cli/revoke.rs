//! `revoke`: for the next CRL. Needs no key.

use std::io::Write;

use time::OffsetDateTime;
use x509::Serial;
use x509::crl::Reason;

use super::{Prompts, RevokeArgs, parse};
use crate::error::Error;
use crate::folder::Folder;

pub(super) fn run(
    args: &RevokeArgs,
    now: OffsetDateTime,
    out: &mut dyn Write,
    prompts: &mut dyn Prompts,
) -> Result<(), Error> {
    let serial: Serial = parse("serial number", &args.serial)?;
    let reason: Reason = parse("--reason", &args.reason)?;
    let folder = Folder::open(&args.folder.dir)?;
    let issued = folder.issued()?;
    let certificate = issued
        .iter()
        .find(|issued| issued.serial == serial)
        .ok_or(Error::NotIssued(serial))?;
    let question = format!(
        "Revoke {} ({serial}) for good, reason {reason}?",
        certificate.subject
    );
    if !args.yes && !prompts.confirm(&question)? {
        return Err(Error::Declined);
    }
    folder.revoke(serial, reason, now)?;
    writeln!(
        out,
        "Revoked: {serial}. Nobody knows until you sign a CRL with `crl` and publish it."
    )?;
    Ok(())
}
