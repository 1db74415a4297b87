//! Take a list of an issuer whose key is elsewhere, such as an offline root, and serve it.

use std::time::Duration;

use store::Tx;
use time::OffsetDateTime;
use vocabulary::EventType;
use x509::digest::sha256;
use x509::extension::DistributionPoint;
use x509::{Certificate, Pointers};

use super::App;
use super::generate::described;
use crate::domain::import::{Acceptable, Refusal};
use crate::domain::{Issuer, Kind, Publication, Scope};
use crate::error::Error;
use crate::tables::{imports, issuers, publications};

/// Longest name: that of a CA.
const LONGEST_NAME: usize = 64;
/// How long the octets of a list that was replaced stay, for those who are still reading it.
const READ_FOR: Duration = Duration::from_secs(600);

/// A list that is to be imported.
pub(crate) struct Import {
    /// `/crl/<name>.crl`.
    pub(crate) name: String,
    /// DER.
    pub(crate) issuer_certificate: Vec<u8>,
    /// DER or PEM.
    pub(crate) list: Vec<u8>,
    /// Nothing is stored.
    pub(crate) dry_run: bool,
    /// DER of the certificates that it is for.
    pub(crate) below: Vec<Vec<u8>>,
}

/// What became of it.
pub(crate) struct Imported {
    pub(crate) list: Publication,
    /// The one that was out before.
    pub(crate) replaced: Option<Publication>,
    /// It was out already.
    pub(crate) unchanged: bool,
}

impl App {
    /// Verifies a list and puts it in the place of the one that is out. One that is out already stays as it is.
    ///
    /// # Errors
    /// [`Error::Import`]; [`Error::TooLarge`]; `Common::Invalid`; [`Error::Conflict`] for a name whose lists are made here, or that another issuer has;
    /// `Common::Store`.
    pub(crate) async fn import(&self, import: Import) -> Result<Imported, Error> {
        let scope = Scope::whole(&named(&import.name)?);
        let certificate = Certificate::from_der(&import.issuer_certificate)
            .map_err(|error| Error::invalid("issuer_certificate", error))?;
        // Said before whatever is wrong with the list; decided in the transaction below.
        let there = issuers::find(&self.db, &scope.issuer).await?;
        there
            .as_ref()
            .map_or(Ok(()), |there| check_owner(&scope, there, &certificate))?;
        let now = self.clock.now();
        let (read_by, content) = (certificate.clone(), import.list);
        let points = self.points(&scope, &import.below)?;
        // Reading and verifying megabytes is not for the threads of the executor.
        let read = move || Acceptable::read(&content, &read_by, &points, now);
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.map_err(|error| Error::internal(format!("reading a list of {scope}: {error}")))?;
        let read = refused(&scope, read)?;
        if read.list.der().len() > self.most_imported() {
            return Err(Error::TooLarge(self.config.import_limit));
        }
        let mut list = publication(&read, &scope, now);
        let mut tx = self.db.begin().await?;
        imports::lock(&mut tx).await?;
        let there = issuers::find_in(&mut tx, &scope.issuer).await?;
        there
            .as_ref()
            .map_or(Ok(()), |there| check_owner(&scope, there, &certificate))?;
        let replaced = publications::current_in(&mut tx, &scope, Kind::Complete).await?;
        if let Some(out) = &replaced {
            if refused(&scope, read.follows(out, &list.digest))? {
                return Ok(Imported {
                    list: out.clone(),
                    replaced: None,
                    unchanged: true,
                });
            }
            // Last-Modified tells two lists apart, as with those that are made here.
            list.modified = list.modified.max(out.modified + Duration::from_secs(1));
        }
        if import.dry_run {
            tx.rollback().await?;
        } else {
            self.store_import(tx, &list, &certificate, &read).await?;
        }
        Ok(Imported {
            list,
            replaced,
            unchanged: false,
        })
    }

    /// The points by which certificates lead to the list of that scope; that of its URL where none does.
    fn points(&self, scope: &Scope, below: &[Vec<u8>]) -> Result<Vec<DistributionPoint>, Error> {
        let path = scope.path(Kind::Complete);
        let mut points = Vec::new();
        for der in below {
            let certificate = Certificate::from_der(der).map_err(|error| Error::invalid("below", error))?;
            let named = Pointers::of(&certificate).crl.unwrap_or_default();
            for point in named {
                let leads_here = point.names.uris.iter().any(|uri| uri.ends_with(&path));
                if leads_here && !points.contains(&point) {
                    points.push(point);
                }
            }
        }
        if points.is_empty() {
            points.push(DistributionPoint::at(&self.url(scope, Kind::Complete)));
        }
        Ok(points)
    }

    async fn store_import(
        &self,
        mut tx: Tx,
        list: &Publication,
        certificate: &Certificate,
        read: &Acceptable,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let scope = &list.scope;
        issuers::put(&mut tx, &issuer_of(scope, certificate)).await?;
        publications::insert(&mut tx, list).await?;
        imports::put_pieces(&mut tx, list.id, read).await?;
        if !publications::publish(&mut tx, list, now).await? {
            return Err(Error::internal(format!(
                "CRL {} of {scope} is not there",
                list.number
            )));
        }
        imports::prune(&mut tx, scope, now - READ_FOR).await?;
        let event = kit::trace::event(EventType::CrlPublished, scope.to_string(), described(list, true));
        store::outbox::append(&mut tx, &[event], now).await?;
        tx.commit().await?;
        self.published.send_replace(());
        let Publication { number, entries, .. } = list;
        tracing::info!(%scope, number, entries, "CRL of another issuer was imported");
        Ok(())
    }
}

/// A name belongs to one key: that of the certificate that was there first.
fn check_owner(scope: &Scope, there: &Issuer, certificate: &Certificate) -> Result<(), Error> {
    if !there.key_name.is_empty() {
        let problem =
            format!("the CRLs of {scope} are made here; `gigvault ca crl publish {scope}` makes one");
        return Err(Error::Conflict(problem));
    }
    let same = there.certificate.subject().matches(certificate.subject())
        && there.certificate.spki() == certificate.spki();
    match same {
        true => Ok(()),
        false => Err(Error::Conflict(format!(
            "{} has the CRLs of another issuer, {}; certificates that point there would find the wrong list",
            scope.path(Kind::Complete),
            there.certificate.subject()
        ))),
    }
}

fn refused<T>(scope: &Scope, judged: Result<T, Refusal>) -> Result<T, Error> {
    judged.map_err(|refusal| Error::Import {
        name: scope.to_string(),
        refusal,
    })
}

/// The name is part of URLs, as that of a CA is.
fn named(name: &str) -> Result<String, Error> {
    let takes = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
    match !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(takes) {
        true => Ok(name.to_owned()),
        false => Err(Error::invalid(
            "name",
            "takes 1 to 64 lower-case letters, digits and `-`",
        )),
    }
}

fn issuer_of(scope: &Scope, certificate: &Certificate) -> Issuer {
    Issuer {
        name: scope.issuer.clone(),
        ca: scope.issuer.clone(),
        key_name: String::new(),
        certificate: certificate.clone(),
        shards: 0,
    }
}

fn publication(read: &Acceptable, scope: &Scope, now: OffsetDateTime) -> Publication {
    let der = read.list.der();
    let digest = sha256(der.get(read.before_tbs..).unwrap_or_default());
    Publication {
        id: store::id::new_id(now),
        scope: scope.clone(),
        kind: Kind::Complete,
        number: read.number,
        base: None,
        change: 0,
        from: OffsetDateTime::UNIX_EPOCH,
        made: now,
        this_update: read.list.this_update(),
        next_update: read.next_update,
        modified: now.replace_nanosecond(0).unwrap_or(now),
        entries: read.list.entries().len() as u64,
        length: der.len() as u64,
        digest: digest.to_vec(),
    }
}
