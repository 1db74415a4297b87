//! The order of the entries of a list that is written here.

use std::cmp::Ordering;

use crate::crl::CrlError;
use crate::{ReceivedSerial, Serial};

/// Entries so far, in strictly ascending order of the octets of their serial numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    last: Option<Serial>,
}

impl Order {
    /// Takes the serial number of the next entry.
    pub(super) fn take(&mut self, serial: &ReceivedSerial) -> Result<(), CrlError> {
        let serial = serial.proper().map_err(|source| CrlError::Serial {
            serial: serial.to_string(),
            source,
        })?;
        if let Some(after) = self.last {
            match after.as_bytes().cmp(serial.as_bytes()) {
                Ordering::Less => {}
                Ordering::Equal => return Err(CrlError::RepeatedSerial(serial)),
                Ordering::Greater => return Err(CrlError::SerialOrder { serial, after }),
            }
        }
        self.last = Some(serial);
        Ok(())
    }
}
