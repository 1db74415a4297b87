//! How much room all names of a certificate take together. Each name has its own bound; without one on all of them, a page
//! of the inventory, a message to the key manager and a TLS handshake could each be made as large as their sender likes.

use x509::{DistinguishedName, San};

use crate::denied::Denied;

/// Most bytes of subject (DER) and alternative names (text) together: 100 host names of the greatest length fit.
const MAX_NAME_BYTES: usize = 32 * 1024;

pub(crate) fn check(subject: &DistinguishedName, sans: &[San]) -> Result<(), Denied> {
    let names: usize = sans.iter().map(|san| san.to_string().len()).sum();
    let all = names + subject.der().len();
    if all > MAX_NAME_BYTES {
        return Err(Denied::san(format!(
            "subject and alternative names have {all} bytes; a certificate holds at most {MAX_NAME_BYTES}: use several \
             certificates"
        )));
    }
    Ok(())
}
