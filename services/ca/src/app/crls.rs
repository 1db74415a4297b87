//! CRLs, which `crl` makes and serves: show them, have them made, import those of issuers whose keys are elsewhere.

use futures::stream;
use kit::dry_run::Intent;
use kit::grpc::RemoteFault;
use kit::transport::streamed;
use proto::crl::v1 as wire;
use proto::crl::v1::import_request::Part;
use store::time::from_micros;
use tonic::Status;
use x509::Certificate;

use super::{App, Requester, plans};
use crate::domain::Crl;
use crate::domain::above::{Above, above, below};
use crate::error::Error;

/// Octets that are sent at a time.
const PIECE: usize = 256 * 1024;

/// What became of a CRL that was imported.
pub(crate) struct ImportedCrl {
    pub(crate) crl: Crl,
    /// The one in whose place it is.
    pub(crate) replaced: Option<Crl>,
    /// It was out already.
    pub(crate) unchanged: bool,
}

impl App {
    /// The issuers above the CAs, whose keys are elsewhere.
    pub(crate) fn above(&self) -> Vec<Above> {
        above(&self.authorities.all())
    }

    /// The CRLs that are out of a CA, or of an issuer above the CAs.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Crl`].
    pub(crate) async fn crls_of(&self, name: &str) -> Result<Vec<Crl>, Error> {
        self.issuer_of_crls(name).await?;
        let request = wire::ShowRequest { ca: name.to_owned() };
        let answer = self.crl.clone().show(request).await.map_err(of_crl)?;
        read_all(answer.into_inner().lists)
    }

    /// Has complete CRLs and deltas of a CA made now; answers those that are out then.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] for an issuer whose key is elsewhere; [`Error::Crl`].
    pub(crate) async fn publish_crls<I: Intent>(
        &self,
        requester: &Requester,
        name: &str,
        intent: &I,
    ) -> Result<I::Answer<Vec<Crl>>, Error> {
        self.issuer_of_crls(name).await?;
        // Before a preview: it would promise what is refused.
        if self.above().iter().any(|above| above.name == name) {
            return Err(Error::Conflict(format!(
                "the CRLs of {name} are not made by this service: have whoever has its key sign one (`gigvault rootca crl`), and import \
                 that with `gigvault ca crl import {name} FILE`. Under `gigvault up`, the CRL of the development root is signed once \
                 one of its certificates is revoked, and before half of its life is over"
            )));
        }
        if intent.is_planned() {
            let out = self.crls_of(name).await?;
            let plan = || plans::crls_published(name, &out);
            if let Some(preview) = self.previews.settle(intent, plan).await? {
                return Ok(I::planned(preview));
            }
        }
        let request = wire::PublishRequest { ca: name.to_owned() };
        let answer = self.crl.clone().publish(request).await.map_err(of_crl)?;
        tracing::info!(
            ca = name,
            actor = requester.subject,
            "CRLs were published on request"
        );
        read_all(answer.into_inner().lists).map(I::done)
    }

    /// Has a CRL of an issuer above the CAs verified and served.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Crl`] says why it is not taken.
    pub(crate) async fn import_crl<I: Intent>(
        &self,
        requester: &Requester,
        (name, crl): (&str, &[u8]),
        intent: &I,
    ) -> Result<I::Answer<ImportedCrl>, Error> {
        let issuer = self.issuer_of_crls(name).await;
        let issuer = issuer.map_err(|error| self.naming_those_above(name, error))?;
        if intent.is_planned() {
            let planned = self.send_crl(&issuer, (name, crl), true).await?;
            let plan = || plans::crl_imported(name, &planned);
            if let Some(preview) = self.previews.settle(intent, plan).await? {
                return Ok(I::planned(preview));
            }
        }
        let imported = self.send_crl(&issuer, (name, crl), false).await?;
        if !imported.unchanged {
            let (number, actor) = (imported.crl.number, &requester.subject);
            tracing::info!(issuer = name, number, actor, "CRL was imported");
        }
        Ok(I::done(imported))
    }

    /// Says whose CRLs are imported, where there is no issuer of that name.
    fn naming_those_above(&self, name: &str, error: Error) -> Error {
        if !matches!(error, Error::NotFound { .. }) {
            return error;
        }
        let known: Vec<String> = self.above().into_iter().map(|above| above.name).collect();
        let known = match known.is_empty() {
            true => "there is no issuer above the CAs".to_owned(),
            false => format!("CRLs are imported for {}", known.join(", ")),
        };
        Error::not_found("issuer", format!("{name}; {known}"))
    }

    /// The certificate of whoever signs the CRLs of that name.
    async fn issuer_of_crls(&self, name: &str) -> Result<Certificate, Error> {
        let named = |known: Vec<Above>| known.into_iter().find(|above| above.name == name);
        if let Some(above) = named(self.above()) {
            return Ok(above.certificate);
        }
        match self.authorities.by_name(name).await {
            Ok(authority) => Ok(authority.certificate.clone()),
            // The table may have been read again for it.
            Err(error) => named(self.above()).map(|above| above.certificate).ok_or(error),
        }
    }

    async fn send_crl(
        &self,
        issuer: &Certificate,
        (name, crl): (&str, &[u8]),
        dry_run: bool,
    ) -> Result<ImportedCrl, Error> {
        let start = Part::Start(wire::ImportStart {
            name: name.to_owned(),
            issuer_certificate: issuer.der().to_vec(),
            dry_run,
            below: below(&self.authorities.all(), issuer, self.clock.now())
                .iter()
                .map(|certificate| certificate.der().to_vec())
                .collect(),
        });
        let pieces = crl.chunks(PIECE).map(|piece| Part::Octets(piece.to_vec()));
        let parts: Vec<wire::ImportRequest> = std::iter::once(start)
            .chain(pieces)
            .map(|part| wire::ImportRequest { part: Some(part) })
            .collect();
        let sent = self.crl.clone().import(streamed(stream::iter(parts))).await;
        let answer = sent.map_err(of_crl)?.into_inner();
        let none = || Error::internal("crl answered an import without a list");
        Ok(ImportedCrl {
            crl: read(answer.list.ok_or_else(none)?)?,
            replaced: answer.replaced.map(read).transpose()?,
            unchanged: answer.unchanged,
        })
    }
}

fn of_crl(status: Status) -> Error {
    Error::Crl(RemoteFault::from(status))
}

fn read_all(lists: Vec<wire::List>) -> Result<Vec<Crl>, Error> {
    lists.into_iter().map(read).collect()
}

fn read(list: wire::List) -> Result<Crl, Error> {
    Ok(Crl {
        base: list.delta.then_some(list.base),
        issuer: list.issuer,
        shard: list.shard,
        number: list.number,
        this_update: from_micros(list.this_update_us)?,
        next_update: from_micros(list.next_update_us)?,
        entries: list.entries,
        octets: list.octets,
        sha256: list.sha256,
        url: list.url,
        imported: list.imported,
    })
}
