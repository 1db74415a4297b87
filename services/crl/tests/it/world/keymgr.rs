//! A keymgr that signs lists, or does what a test tells it to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use futures::stream::BoxStream;
use keys::{Signer as _, SoftwareKey};
use proto::feed::v1::{FeedEvent, WatchRequest};
use proto::keymgr::v1 as wire;
use proto::keymgr::v1::keymgr_server;
use proto::keymgr::v1::sign_crl_request::Part;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};
use x509::crl::TbsCertListReader;

/// What becomes of the next lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Signs,
    /// Refuses before it has read anything.
    Refuses,
    /// Signs something else.
    Forges,
}

#[derive(Clone)]
pub(crate) struct FakeKeymgr {
    keys: Arc<Mutex<BTreeMap<String, Arc<SoftwareKey>>>>,
    mood: Arc<Mutex<Mood>>,
    /// A permit for each list that may be signed, once lists wait.
    gate: Arc<Mutex<Option<Arc<Semaphore>>>>,
    signed: Arc<Mutex<usize>>,
}

impl FakeKeymgr {
    pub(crate) fn new() -> Self {
        Self {
            keys: Arc::default(),
            mood: Arc::new(Mutex::new(Mood::Signs)),
            gate: Arc::default(),
            signed: Arc::default(),
        }
    }

    pub(crate) fn add(&self, name: &str, key: SoftwareKey) {
        self.keys.lock().unwrap().insert(name.to_owned(), Arc::new(key));
    }

    pub(crate) fn key(&self, name: &str) -> Arc<SoftwareKey> {
        Arc::clone(&self.keys.lock().unwrap()[name])
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Lists are signed one by one as permits are added from now on.
    pub(crate) fn close_gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.gate.lock().unwrap() = Some(Arc::clone(&gate));
        gate
    }

    pub(crate) fn signed(&self) -> usize {
        *self.signed.lock().unwrap()
    }
}

fn never<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("this keymgr only signs lists"))
}

#[tonic::async_trait]
impl keymgr_server::Keymgr for FakeKeymgr {
    async fn generate(&self, _: Request<wire::GenerateRequest>) -> Result<Response<wire::Key>, Status> {
        never()
    }

    async fn get(&self, _: Request<wire::GetRequest>) -> Result<Response<wire::Key>, Status> {
        never()
    }

    async fn describe(
        &self,
        _: Request<wire::DescribeRequest>,
    ) -> Result<Response<wire::DescribeResponse>, Status> {
        never()
    }

    async fn list(&self, _: Request<wire::ListRequest>) -> Result<Response<wire::ListResponse>, Status> {
        never()
    }

    async fn sign(&self, _: Request<wire::SignRequest>) -> Result<Response<wire::SignResponse>, Status> {
        never()
    }

    async fn sign_batch(
        &self,
        _: Request<wire::SignBatchRequest>,
    ) -> Result<Response<wire::SignBatchResponse>, Status> {
        never()
    }

    async fn sign_crl(
        &self,
        request: Request<Streaming<wire::SignCrlRequest>>,
    ) -> Result<Response<wire::SignResponse>, Status> {
        let mood = *self.mood.lock().unwrap();
        if mood == Mood::Refuses {
            return Err(Status::unavailable("not now"));
        }
        let mut parts = request.into_inner();
        let Some(Part::Start(start)) = parts.message().await?.and_then(|first| first.part) else {
            return Err(Status::invalid_argument("the key comes first"));
        };
        let key = self.keys.lock().unwrap().get(&start.name).cloned();
        let key = key.ok_or_else(|| Status::not_found("no such key"))?;
        let (mut tbs, mut reader) = (Vec::new(), TbsCertListReader::new());
        while let Some(part) = parts.message().await? {
            let Some(Part::Octets(octets)) = part.part else {
                return Err(Status::invalid_argument("octets follow"));
            };
            reader
                .push(&octets)
                .map_err(|error| Status::invalid_argument(error.to_string()))?;
            tbs.extend_from_slice(&octets);
        }
        reader
            .finish()
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        if mood == Mood::Forges {
            tbs.push(0);
        }
        *self.signed.lock().unwrap() += 1;
        let signature = key.sign(&tbs, key.algorithm()).unwrap().into();
        Ok(Response::new(wire::SignResponse { signature }))
    }

    type WatchStream = BoxStream<'static, Result<FeedEvent, Status>>;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(futures::stream::pending().boxed()))
    }
}
