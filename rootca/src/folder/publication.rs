//! Where the root publishes its CRL and its certificate: said once, when it is made, and written into every intermediate.

use rules::PublicationUrls;

use super::{Folder, PUBLICATION, RESTORE};
use crate::error::Error;
use crate::files;

impl Folder {
    /// The addresses that intermediates get, if none are given for one of them. Roots of earlier versions have none.
    ///
    /// # Errors
    /// [`Error::Content`] if the file says something else: a certificate without its pointers cannot be changed later.
    pub fn publication(&self) -> Result<PublicationUrls, Error> {
        let path = self.dir.join(PUBLICATION);
        let Some(content) = files::read_if_there(&path)? else {
            return Ok(PublicationUrls::default());
        };
        serde_json::from_slice(&content).map_err(|error| Error::Content {
            path,
            problem: format!("{error}; {RESTORE}"),
        })
    }
}

/// As the file has them.
pub(super) fn encoded(urls: &PublicationUrls) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(urls);
    let text = text.map_err(|error| Error::Usage(format!("the addresses cannot be written: {error}")))?;
    Ok(text + "\n")
}
