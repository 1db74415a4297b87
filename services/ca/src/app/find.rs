//! Find certificates.

use kit::page::{Ask, Page, Sort};
use store::Tx;
use uuid::Uuid;
use x509::serial::Serial;

use super::{App, Requester, Visibility};
use crate::domain::{Brief, Damaged, Issued, Query};
use crate::error::Error;
use crate::tables::certificates::{self, ReadCertificate};
use crate::tables::search;

impl App {
    /// The certificate of that serial number (lower-case hex), as far as it can be read ([`Issued::damage`]). One that the
    /// requester may not see is not found, and what is damaged of it is not told.
    ///
    /// # Errors
    /// `Common::Invalid` if it is not a serial number; [`Error::NotFound`]; `Common::Store`.
    pub async fn find(&self, requester: &Requester, serial: &str) -> Result<Issued, Error> {
        let found = certificates::by_serial(&self.db, &parsed(serial)?).await?;
        visible(found, requester, serial)
    }

    /// One page of the inventory, of what the requester may see.
    ///
    /// # Errors
    /// `Common::Invalid` for a CA that does not exist and for an order that would have many rows sorted; `Common::Cursor`;
    /// `Common::Store`.
    pub async fn search(
        &self,
        requester: &Requester,
        query: Query,
        ask: &Ask,
    ) -> Result<Page<Issued>, Error> {
        let ask = &seen_by(requester, ask);
        match self.in_sight(requester, query).await? {
            Some(query) => search::search(&self.db, &query, ask, self.clock.now()).await,
            None => nothing(ask),
        }
    }

    /// The same of numbers and revocations, and of rows that cannot be read.
    pub(super) async fn search_in_brief(
        &self,
        requester: &Requester,
        query: Query,
        ask: &Ask,
    ) -> Result<Page<Result<Brief, Damaged>>, Error> {
        let ask = &seen_by(requester, ask);
        match self.in_sight(requester, query).await? {
            Some(query) => search::search_in_brief(&self.db, &query, ask, self.clock.now()).await,
            None => nothing(ask),
        }
    }

    /// The query over what the requester may see; `None` where they may see nothing that it finds.
    async fn in_sight(&self, requester: &Requester, mut query: Query) -> Result<Option<Query>, Error> {
        for ca in &query.ca {
            if let Err(Error::NotFound { .. }) = self.authorities.by_name(ca).await {
                return Err(Error::invalid(
                    "ca",
                    format!("no CA is named {ca:?}; `GET /api/v1/cas` lists them"),
                ));
            }
        }
        if requester.sees == Visibility::Own {
            let asked = &query.requester;
            if !asked.is_empty() && !asked.contains(&requester.subject) {
                return Ok(None);
            }
            query.requester = vec![requester.subject.clone()];
        }
        Ok(Some(query))
    }
}

/// A list of what the requester may see.
fn seen_by(requester: &Requester, ask: &Ask) -> Ask {
    let own = requester.sees == Visibility::Own;
    ask.clone().of_owner(own.then_some(requester.subject.as_str()))
}

/// A page of a list that has no rows.
fn nothing<T>(ask: &Ask) -> Result<Page<T>, Error> {
    Ok(ask.of_all(std::iter::empty(), Sort::of("issued_at"), |_| ())?)
}

/// As [`App::find`], in a transaction, which has a connection already. A job calls a certificate by its id where its serial number
/// cannot be read.
pub(super) async fn find_in(tx: &mut Tx, requester: &Requester, object: &str) -> Result<Issued, Error> {
    let found = match (object.parse(), object.parse::<Uuid>()) {
        (Ok(serial), _) => certificates::by_serial_in(tx, &serial).await?,
        (Err(_), Ok(id)) => certificates::by_id_in(tx, id).await?,
        (Err(_), Err(_)) => certificates::by_serial_in(tx, &parsed(object)?).await?,
    };
    visible(found, requester, object)
}

fn parsed(serial: &str) -> Result<Serial, Error> {
    serial.parse().map_err(|error| Error::invalid("serial", error))
}

/// Whose it is comes first: who may not see a certificate is not told that it is damaged either.
fn visible(found: Option<ReadCertificate>, requester: &Requester, serial: &str) -> Result<Issued, Error> {
    let seen = |found: &ReadCertificate| {
        requester.sees == Visibility::All || found.requester.as_ref() == Some(&requester.subject)
    };
    match found.filter(seen) {
        Some(found) => found.certificate,
        None => Err(Error::not_found("certificate", serial)),
    }
}
