//! Have keymgr sign a list while it is written. Nothing is signed that the linter has not passed: the last octets are held back until
//! it has, and keymgr signs nothing that is not whole.

use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc;
use kit::grpc::RemoteFault;
use kit::transport::{Transport, streamed};
use lint::{CrlContext, CrlDigest, CrlLinter, Linted};
use proto::keymgr::v1 as wire;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use proto::keymgr::v1::sign_crl_request::Part;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;
use x509::crl::CrlSpec;
use x509::digest::Sha256;

use crate::domain::Issuer;
use crate::error::Error;

/// Pieces that wait to be sent.
const WAITING: usize = 2;

type Answer = Result<tonic::Response<wire::SignResponse>, tonic::Status>;

/// A list on its way to keymgr.
pub(super) struct Signing {
    pieces: mpsc::Sender<wire::SignCrlRequest>,
    answer: AbortOnDropHandle<Answer>,
    linter: CrlLinter,
    sent: Sent,
    /// The last octets so far.
    held_back: Option<Bytes>,
}

/// What was sent, as the linter names a list.
#[derive(Clone, Default)]
struct Sent {
    hash: Sha256,
    length: u64,
}

impl Sent {
    fn add(&mut self, octets: &[u8]) {
        self.hash.update(octets);
        self.length += octets.len() as u64;
    }

    fn is(self, linted: &CrlDigest) -> bool {
        self.length == linted.length() && self.hash.finish() == linted.sha256()
    }
}

impl Signing {
    /// Tells keymgr whose list will come.
    pub(super) fn begin(mut keymgr: KeymgrClient<Transport>, issuer: &Issuer) -> Self {
        let (pieces, receiver) = mpsc::channel(WAITING);
        let start = wire::SignCrlRequest {
            part: Some(Part::Start(wire::SignCrlStart {
                name: issuer.key_name.clone(),
                issuer_certificate: issuer.certificate.der().to_vec().into(),
            })),
        };
        let stream = futures::StreamExt::chain(futures::stream::iter([start]), receiver);
        let answer: JoinHandle<Answer> = tokio::spawn(async move { keymgr.sign_crl(streamed(stream)).await });
        Self {
            pieces,
            answer: AbortOnDropHandle::new(answer),
            linter: CrlLinter::new(),
            sent: Sent::default(),
            held_back: None,
        }
    }

    /// Takes the next octets of the TBSCertList.
    pub(super) async fn push(&mut self, octets: Bytes) -> Result<(), Error> {
        self.linter.push(&octets);
        match self.held_back.replace(octets) {
            Some(before) => self.send(before).await,
            None => Ok(()),
        }
    }

    /// Lints the list, sends its end, and waits for the signature.
    pub(super) async fn finish(mut self, issuer: &Issuer, spec: &CrlSpec) -> Result<Bytes, Error> {
        let context = CrlContext::issued_by(&issuer.certificate).covering(&spec.shard);
        let linter = std::mem::take(&mut self.linter);
        let linted = linter.finish(&context);
        let linted =
            linted.map_err(|refused| Error::internal(format!("a list of {}: {refused}", issuer.name)))?;
        self.sign(&linted).await
    }

    /// Lets the end of a list pass, which makes keymgr sign it, if it is the one that was linted.
    async fn sign(mut self, linted: &Linted<CrlDigest>) -> Result<Bytes, Error> {
        let last = self.held_back.take().unwrap_or_default();
        let mut all = self.sent.clone();
        all.add(&last);
        if !all.is(linted.get()) {
            return Err(Error::internal(
                "the list that was sent is not the one that was linted",
            ));
        }
        self.send(last).await?;
        drop(self.pieces);
        Ok(answered(self.answer.await)?.signature)
    }

    async fn send(&mut self, octets: Bytes) -> Result<(), Error> {
        self.sent.add(&octets);
        let part = Some(Part::Octets(octets));
        if self.pieces.send(wire::SignCrlRequest { part }).await.is_ok() {
            return Ok(());
        }
        // keymgr has answered before the end: that is why it takes no more.
        answered((&mut self.answer).await)?;
        Err(Error::internal("keymgr signed a list before it had all of it"))
    }
}

fn answered(answer: Result<Answer, tokio::task::JoinError>) -> Result<wire::SignResponse, Error> {
    let answer = answer.map_err(|error| Error::internal(format!("asking keymgr: {error}")))?;
    Ok(answer
        .map_err(|status| Error::Keymgr(RemoteFault::from(status)))?
        .into_inner())
}
