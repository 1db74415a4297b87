//! Find certificates.

use store::page::{Limit, Page};
use x509::serial::Serial;

use super::{App, Requester, Visibility};
use crate::domain::{Issued, Query};
use crate::error::Error;

impl App {
    /// The certificate of that serial number (lower-case hex). One that the requester may not see is not found.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is not a serial number; [`Error::NotFound`]; [`Error::Store`].
    pub async fn find(&self, requester: &Requester, serial: &str) -> Result<Issued, Error> {
        let parsed: Serial = serial.parse().map_err(|error| Error::invalid("serial", error))?;
        match crate::tables::certificates::by_serial(&self.db, &parsed).await? {
            Some(certificate) if requester.may_see(&certificate) => Ok(certificate),
            _ => Err(Error::not_found("certificate", serial)),
        }
    }

    /// One page of the inventory, of what the requester may see.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a CA that does not exist and for a cursor of another list; [`Error::Store`].
    pub async fn search(
        &self,
        requester: &Requester,
        mut query: Query,
        limit: Limit,
        cursor: Option<&str>,
    ) -> Result<Page<Issued>, Error> {
        if let Some(ca) = &query.ca
            && let Err(Error::NotFound { .. }) = self.authorities.by_name(ca).await
        {
            return Err(Error::invalid(
                "ca",
                format!("no CA is named {ca:?}; `GET /api/v1/cas` lists them"),
            ));
        }
        if requester.sees == Visibility::Own {
            if query
                .requester
                .as_ref()
                .is_some_and(|asked| *asked != requester.subject)
            {
                return Ok(Page {
                    items: Vec::new(),
                    next_cursor: None,
                });
            }
            query.requester = Some(requester.subject.clone());
        }
        crate::tables::search::search(&self.db, &query, limit, cursor, self.clock.now()).await
    }
}
