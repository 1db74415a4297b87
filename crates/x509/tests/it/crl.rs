//! CRLs of any size: written in two passes, and looked at while they stream by.
#![expect(clippy::unwrap_used, reason = "tests")]

mod million;
mod received;
mod stream;
mod write;

use time::Duration;
use x509::Serial;
use x509::crl::{CrlEntry, Reason};

use crate::issue::NOW;

/// This many entries of all forms, in the order in which lists are written.
pub(crate) fn entries(count: u32) -> Vec<CrlEntry> {
    let mut entries: Vec<CrlEntry> = (1..=count).map(entry).collect();
    entries.sort_by(|a, b| a.serial.as_bytes().cmp(b.serial.as_bytes()));
    entries
}

fn entry(number: u32) -> CrlEntry {
    let reasons = [
        None,
        Some(Reason::KeyCompromise),
        Some(Reason::Superseded),
        Some(Reason::Unspecified),
    ];
    CrlEntry {
        // Every length from 1 to 4, and high first bits.
        serial: Serial::from_bytes(&number.wrapping_mul(0x9E37_79B1).to_be_bytes()).unwrap(),
        time: NOW - Duration::minutes(number.into()),
        reason: reasons
            .get(usize::try_from(number % 4).unwrap())
            .copied()
            .flatten(),
        invalidity: number.is_multiple_of(5).then_some(NOW - Duration::days(40)),
    }
}
