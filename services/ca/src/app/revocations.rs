//! What OCSP and CRLs ask: the status of serial numbers, and all revocations with the place in the feed to go on from. And what
//! every service asks of the CA of services: whose certificate is not to be taken any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{Stream, stream};
use store::feed::{self, Cursor};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use x509::serial::Serial;

use super::App;
use crate::domain::publication::IssuerName;
use crate::domain::revocations::{RevokedCertificate, SerialStatus};
use crate::error::Error;
use crate::tables::revocations::{self, Place, Unreadable};

/// Revocations that are read, and told, at once.
const AT_ONCE: usize = 1000;
/// How soon after one look the next comes, where much is committed, and how late at most.
const LOOK_AFTER: Duration = Duration::from_millis(100);
const LOOK: Duration = Duration::from_millis(500);

/// A part of a snapshot.
pub(crate) struct SnapshotPart {
    pub(crate) items: Vec<RevokedCertificate>,
    /// Rows that are left out, and were not before.
    pub(crate) unreadable: usize,
}

impl App {
    /// The issuer of that name, such as `issuing` or `issuing.2`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; `Common::Store`.
    pub(crate) async fn issuer(&self, name: &str) -> Result<IssuerName, Error> {
        let unknown = || Error::not_found("issuer", name);
        let issuer = IssuerName::parse(name).ok_or_else(unknown)?;
        let authority = self.authorities.by_name(&issuer.ca).await;
        match authority {
            Ok(authority) if authority.generation == issuer.generation => Ok(issuer),
            Ok(_) | Err(Error::NotFound { .. }) => Err(unknown()),
            Err(error) => Err(error),
        }
    }

    /// What that issuer issued under each of these serial numbers, in the order asked; `None` for what it did not issue.
    ///
    /// # Errors
    /// `Common::Store`. A row that does not say which certificate it is about is passed over: what it holds is not told as issued.
    pub(crate) async fn status_of(
        &self,
        issuer: &IssuerName,
        serials: &[Option<Serial>],
    ) -> Result<Vec<Option<SerialStatus>>, Error> {
        let asked: Vec<Serial> = serials.iter().copied().flatten().collect();
        if asked.is_empty() {
            return Ok(vec![None; serials.len()]);
        }
        let found = revocations::of_serials(&self.db, issuer, &asked).await?;
        let status = |serial: &Option<Serial>| found.get(serial.as_ref()?).cloned();
        Ok(serials.iter().map(status).collect())
    }

    /// The revocations and holds of certificates whose last second is not before `from`, else not before now, of one issuer or
    /// of all; and the place in the feed behind which every change is that they do not show.
    ///
    /// The place is taken first. Pages are read in statements of their own, so that no transaction is open for as long as the
    /// caller takes. What commits in between is in some pages and not in others, and is behind the place in any case: whoever
    /// applies the feed to the pages has the state at the end of the feed, where each change says what a certificate is then,
    /// and not what is different.
    ///
    /// # Errors
    /// `Common::Store`. The stream ends with that too, where a row cannot be told and is not to be left out: a snapshot without it
    /// would say that the certificate is not revoked.
    pub(crate) async fn snapshot_revocations(
        &self,
        issuer: Option<IssuerName>,
        from: Option<OffsetDateTime>,
        unreadable: Unreadable,
    ) -> Result<
        (
            Cursor,
            impl Stream<Item = Result<SnapshotPart, Error>> + Send + use<>,
        ),
        Error,
    > {
        let cursor = feed::place(&self.db).await?;
        let now = self.clock.now();
        // A certificate is valid until the end of its last second.
        let from = from.unwrap_or_else(|| now.replace_nanosecond(0).unwrap_or(now));
        let begin = (Some(Place::before(issuer.as_ref())), BTreeSet::new());
        let db = self.db.clone();
        let pages = stream::try_unfold(begin, move |(place, mut left_out)| {
            let (db, issuer) = (db.clone(), issuer.clone());
            async move {
                let Some(place) = place else { return Ok(None) };
                let page =
                    revocations::page(&db, issuer.as_ref(), from, (&place, AT_ONCE), unreadable).await?;
                let before = left_out.len();
                for (id, problem) in page.unreadable {
                    if left_out.insert(id) {
                        tracing::error!(
                            problem,
                            "a revocation that cannot be read is left out of what ocsp is told"
                        );
                    }
                }
                let told = SnapshotPart {
                    items: page.items,
                    unreadable: left_out.len() - before,
                };
                Ok(Some((told, (page.next, left_out))))
            }
        });
        Ok((cursor, pages))
    }

    /// The serial numbers of that CA that are revoked or on hold, expired or not, each with whether it is on hold: at once, and again whenever they are others. For the CA
    /// of services there are few: what services may ask for is bounded (`domain/identities.rs`).
    ///
    /// # Errors
    /// [`Error::NotFound`]. The stream ends with `Common::Store`.
    pub(crate) async fn watch_revoked(
        &self,
        ca: &str,
    ) -> Result<impl Stream<Item = Result<BTreeMap<Serial, bool>, Error>> + Send + use<>, Error> {
        let authority = self.authorities.by_name(ca).await?;
        let watched = Watched {
            app: self.clone(),
            ca: authority.name.clone(),
            commits: self.db.commits(),
            told: None,
        };
        Ok(stream::try_unfold(watched, |mut watched| async move {
            Ok(Some((watched.next().await?, watched)))
        }))
    }
}

/// What is revoked of one CA.
struct Watched {
    app: App,
    ca: String,
    commits: watch::Receiver<()>,
    told: Option<BTreeMap<Serial, bool>>,
}

impl Watched {
    async fn next(&mut self) -> Result<BTreeMap<Serial, bool>, Error> {
        loop {
            // Before the look: a commit during it then ends the wait at once.
            self.commits.mark_unchanged();
            let revoked = self.look().await?;
            if self.told.as_ref() != Some(&revoked) {
                self.told = Some(revoked.clone());
                return Ok(revoked);
            }
            sleep(LOOK_AFTER).await;
            let _late = timeout(LOOK, self.commits.changed()).await;
        }
    }

    async fn look(&self) -> Result<BTreeMap<Serial, bool>, Error> {
        revocations::serials_of_ca(&self.app.db, &self.ca).await
    }
}
