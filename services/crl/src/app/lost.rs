//! Revocations that were published and that ca does not know: its database was restored from an older backup.

use std::collections::BTreeMap;

use kit::revocations::Revocation;
use proto::ca::v1::StatusRequest;
use store::Rows;
use x509::Serial;
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
    /// Certificates that ca lost too. It can revoke none of them; OCSP calls none of them good.
    pub(crate) not_issued: Vec<String>,
    /// What is wrong with entries that cannot be read.
    pub(crate) damaged: Vec<String>,
    /// There are more than are looked at.
    pub(crate) more: bool,
}

impl App {
    /// Looks at certificates that were published as revoked for good, and that ca did not know to be.
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
        let mut by_issuer = BTreeMap::<String, Vec<Serial>>::new();
        for LostRevocation { issuer, serial } in read {
            by_issuer.entry(issuer).or_default().push(serial);
        }
        for (issuer, serials) in by_issuer {
            for serials in serials.chunks(ASKED) {
                self.ask_about_lost(&issuer, serials, &mut lost).await?;
            }
        }
        Ok(lost)
    }

    async fn ask_about_lost(
        &self,
        issuer: &str,
        serials: &[Serial],
        lost: &mut LostRevocations,
    ) -> Result<(), Error> {
        let request = StatusRequest {
            issuer: issuer.to_owned(),
            serials: serials.iter().map(Serial::to_content).collect(),
        };
        let answer = self.ca.clone().status(request).await.map_err(of_ca)?;
        let items = answer.into_inner().items;
        if items.len() != serials.len() {
            let problem = "ca did not say of each certificate whether it is revoked";
            return Err(Error::internal(problem));
        }
        for (serial, status) in serials.iter().zip(items) {
            let reason = status
                .revocation
                .map(|revocation| Revocation::read(&revocation).reason);
            let named = format!("{serial} of {issuer}");
            match reason {
                _ if !status.issued => lost.not_issued.push(named),
                None | Some(Reason::CertificateHold) => lost.to_revoke.push(named),
                // It was revoked again.
                Some(_) => {}
            }
        }
        Ok(())
    }
}
