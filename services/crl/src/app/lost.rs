//! Revocations and holds that were published and that ca does not know: its database was restored from an older backup.

use std::collections::BTreeMap;

use kit::error::{Fault as _, Kind as ErrorKind};
use kit::revocations::Revocation;
use proto::ca::v1::StatusRequest;
use store::Rows;
use x509::crl::Reason;

use super::App;
use super::snapshot::of_ca;
use crate::domain::LostRevocation;
use crate::error::Error;
use crate::tables::entries;

/// Most that are looked at. An older backup loses what was revoked within a day or so.
const MOST: usize = 10_000;
/// Serial numbers in one request to `ca`, at most.
const ASKED: usize = 500;

/// What ca says now of revocations that it did not know when its last snapshot was taken.
#[derive(Debug, Default)]
pub(crate) struct LostRevocations {
    /// Certificates that ca issued and does not call revoked for good, each as `<serial number> of <issuer>`.
    pub(crate) to_revoke: Vec<String>,
    /// Certificates that are on hold in CRLs alone, each alike.
    pub(crate) held: Vec<String>,
    /// Issuers that ca does not know, each with the number of their entries.
    pub(crate) of_unknown_issuers: Vec<String>,
    /// Certificates that ca lost too. It can revoke none of them; OCSP calls none of them good.
    pub(crate) not_issued: Vec<String>,
    /// What is wrong with entries that cannot be read.
    pub(crate) damaged: Vec<String>,
    /// There are more than are looked at.
    pub(crate) more: bool,
}

impl App {
    /// Looks at certificates that were published as revoked or on hold, and that ca did not know to be.
    ///
    /// # Errors
    /// [`Error::Ca`], `Common::Store`.
    pub(crate) async fn lost_by_ca(&self) -> Result<LostRevocations, Error> {
        let Rows { mut read, damaged } = entries::unknown_to_ca(&self.db, self.clock.now(), MOST + 1).await?;
        let mut lost = LostRevocations {
            more: read.len() > MOST,
            damaged,
            ..LostRevocations::default()
        };
        read.truncate(MOST);
        let mut by_issuer = BTreeMap::<String, Vec<LostRevocation>>::new();
        for one in read {
            by_issuer.entry(one.issuer.clone()).or_default().push(one);
        }
        for (issuer, all) in by_issuer {
            for some in all.chunks(ASKED) {
                match self.ask_about_lost(&issuer, some, &mut lost).await {
                    // The others are looked at all the same.
                    Err(Error::Ca(fault)) if fault.kind() == ErrorKind::NotFound => {
                        lost.of_unknown_issuers.push(format!("{issuer} ({})", all.len()));
                        break;
                    }
                    asked => asked?,
                }
            }
        }
        Ok(lost)
    }

    async fn ask_about_lost(
        &self,
        issuer: &str,
        some: &[LostRevocation],
        lost: &mut LostRevocations,
    ) -> Result<(), Error> {
        let request = StatusRequest {
            issuer: issuer.to_owned(),
            serials: some.iter().map(|one| one.serial.to_content()).collect(),
        };
        let answer = self.ca.clone().status(request).await.map_err(of_ca)?;
        let items = answer.into_inner().items;
        if items.len() != some.len() {
            let problem = "ca did not say of each certificate whether it is revoked";
            return Err(Error::internal(problem));
        }
        for (LostRevocation { serial, is_hold, .. }, status) in some.iter().zip(items) {
            let reason = status
                .revocation
                .map(|revocation| Revocation::read(&revocation).reason);
            let named = format!("{serial} of {issuer}");
            match reason {
                _ if !status.issued => lost.not_issued.push(named),
                None if *is_hold => lost.held.push(named),
                Some(Reason::CertificateHold) if *is_hold => {}
                None | Some(Reason::CertificateHold) => lost.to_revoke.push(named),
                // It was revoked again.
                Some(_) => {}
            }
        }
        Ok(())
    }
}
