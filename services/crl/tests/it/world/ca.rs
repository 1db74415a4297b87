//! A ca that says what a test tells it to.

mod past;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use proto::ca::v1 as wire;
use proto::ca::v1::ca_server;
use proto::ca::v1::snapshot_revocations_response::Part;
use proto::feed::v1::{FeedEvent, WatchRequest};
use serde_json::json;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::reason_of;

/// Places in the feed are `n-1`.
#[derive(Clone)]
pub(crate) struct FakeCa {
    inner: Arc<Mutex<Inner>>,
    told: watch::Sender<usize>,
    /// What the last self-check found.
    found: watch::Sender<Option<wire::ReportHealthRequest>>,
}

#[derive(Default)]
struct Inner {
    issuers: Vec<wire::CaInfo>,
    snapshot: Vec<wire::RevokedCertificate>,
    /// Events that are in the snapshot.
    covered: usize,
    /// Entries after which a snapshot breaks off, once.
    cut: Option<usize>,
    snapshots: usize,
    events: Vec<FeedEvent>,
    /// Events before this one were removed.
    pruned: usize,
    /// What it says when it is asked for certificates.
    certificates: Vec<wire::Certificate>,
    /// What it says of serial numbers that were revoked.
    revoked: BTreeMap<String, wire::Reason>,
    /// Serial numbers that it did not issue.
    lost: BTreeSet<String>,
    /// It does not say anything of certificates.
    silent: bool,
}

impl Inner {
    fn tell(&mut self, kind: &str, serial: &str, data: &serde_json::Value) {
        let place = self.events.len() + 1;
        self.events.push(FeedEvent {
            cursor: format!("{place}-1"),
            id: format!("event {place}"),
            r#type: format!("io.gigvault.{kind}"),
            subject: serial.to_owned(),
            data: data.to_string(),
            ..FeedEvent::default()
        });
    }
}

impl FakeCa {
    pub(crate) fn new() -> Self {
        Self {
            inner: Arc::default(),
            told: watch::Sender::new(0),
            found: watch::Sender::new(None),
        }
    }

    /// Waits for a self-check that found that.
    pub(crate) async fn found(
        &self,
        wanted: impl Fn(&wire::ReportHealthRequest) -> bool,
    ) -> wire::ReportHealthRequest {
        let mut found = self.found.subscribe();
        let is = |found: &Option<wire::ReportHealthRequest>| found.as_ref().is_some_and(&wanted);
        // Far beyond what it takes.
        let waited = tokio::time::timeout(std::time::Duration::from_secs(120), found.wait_for(is)).await;
        let last = || self.found.borrow().clone();
        let Ok(found) = waited else {
            panic!("the self-check found {:?}", last());
        };
        found.unwrap().clone().unwrap_or_default()
    }

    /// Says that it issued that certificate, which is valid.
    pub(crate) fn issued(&self, certificate: &[u8]) {
        let certificate = wire::Certificate {
            status: wire::CertificateStatus::Valid.into(),
            certificate: certificate.to_vec(),
            ..wire::Certificate::default()
        };
        self.inner.lock().unwrap().certificates.push(certificate);
    }

    /// Whether it says something of certificates from now on.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.inner.lock().unwrap().silent = silent;
    }

    /// Says another reason than the feed has, without an event.
    pub(crate) fn amend(&self, serial: &str, reason: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.revoked.insert(serial.to_owned(), reason_of(reason));
    }

    /// Does not know that a certificate is revoked any more, without an event; or that it was issued, either.
    pub(crate) fn forget(&self, serial: &str, issued: bool) {
        let mut inner = self.inner.lock().unwrap();
        inner.revoked.remove(serial);
        if !issued {
            inner.lost.insert(serial.to_owned());
        }
    }

    pub(crate) fn add(&self, issuer: wire::CaInfo) {
        self.inner.lock().unwrap().issuers.push(issuer);
    }

    pub(crate) fn set_shards(&self, shards: u32) {
        for issuer in &mut self.inner.lock().unwrap().issuers {
            issuer.crl_shards = shards;
        }
    }

    /// A process of an earlier version tells of a revocation; what snapshots say from now on has it.
    pub(crate) fn tell_as_earlier_version(&self, serial: &str, entries: Vec<wire::RevokedCertificate>) {
        let data = json!({"serial": serial, "reason": "superseded"});
        let mut inner = self.inner.lock().unwrap();
        inner.tell("certificate.revoked", serial, &data);
        inner.covered = inner.events.len();
        inner.snapshot = entries;
        self.told.send_replace(inner.events.len());
    }

    /// What snapshots say from now on.
    pub(crate) fn set_snapshot(&self, entries: Vec<wire::RevokedCertificate>) {
        let mut inner = self.inner.lock().unwrap();
        inner.covered = inner.events.len();
        inner.snapshot = entries;
    }

    pub(crate) fn cut_next_snapshot(&self, after: usize) {
        self.inner.lock().unwrap().cut = Some(after);
    }

    pub(crate) fn snapshots(&self) -> usize {
        self.inner.lock().unwrap().snapshots
    }

    /// Writes an event into the feed.
    pub(crate) fn tell(&self, kind: &str, serial: &str, data: serde_json::Value) {
        let mut inner = self.inner.lock().unwrap();
        inner.tell(kind, serial, &data);
        self.told.send_replace(inner.events.len());
    }

    /// A certificate of `issuing` is revoked, or on hold.
    pub(crate) fn revoke(&self, serial: &str, reason: &str, shard: u32) {
        let kind = match reason {
            "certificate-hold" => "certificate.held",
            _ => "certificate.revoked",
        };
        let time_us = store::time::to_micros(super::NOW);
        let data = json!({
            "issuer": "issuing", "crl_shard": shard, "reason": reason, "not_after_us": super::NOT_AFTER_US,
            "revocation_time_us": time_us, "invalidity_time_us": null,
        });
        self.amend(serial, reason);
        self.tell(kind, serial, data);
    }

    pub(crate) fn release(&self, serial: &str) {
        let data = json!({
            "issuer": "issuing", "crl_shard": 0, "reason": null, "not_after_us": super::NOT_AFTER_US,
            "revocation_time_us": null, "invalidity_time_us": null,
        });
        self.inner.lock().unwrap().revoked.remove(serial);
        self.tell("certificate.released", serial, data);
    }

    /// Says that there is nothing more.
    pub(crate) fn beat(&self) {
        self.told.send_modify(|_| {});
    }

    fn after(&self, place: usize) -> Vec<FeedEvent> {
        let inner = self.inner.lock().unwrap();
        inner.events.get(place..).unwrap_or_default().to_vec()
    }
}

/// Nothing more was committed when the stream was opened.
fn heartbeat(place: usize) -> FeedEvent {
    FeedEvent {
        cursor: format!("{place}-{}", usize::from(place > 0)),
        ..FeedEvent::default()
    }
}

fn never<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("this ca only tells what is revoked"))
}

#[tonic::async_trait]
impl ca_server::Ca for FakeCa {
    async fn issue(&self, _: Request<wire::IssueRequest>) -> Result<Response<wire::Certificate>, Status> {
        never()
    }

    async fn get(&self, _: Request<wire::GetRequest>) -> Result<Response<wire::Certificate>, Status> {
        never()
    }

    async fn list(
        &self,
        request: Request<wire::ListRequest>,
    ) -> Result<Response<wire::ListResponse>, Status> {
        let request = request.into_inner();
        let (wanted, protocol) = (request.status, request.protocol);
        let inner = self.inner.lock().unwrap();
        if inner.silent {
            return Err(Status::unavailable("this ca is silent"));
        }
        let unspecified = i32::from(wire::Protocol::Unspecified);
        let of_status = inner
            .certificates
            .iter()
            .filter(|item| item.status == wanted && [unspecified, item.protocol].contains(&protocol));
        Ok(Response::new(wire::ListResponse {
            items: of_status.cloned().collect(),
            next_cursor: String::new(),
        }))
    }

    async fn renew(&self, _: Request<wire::RenewRequest>) -> Result<Response<wire::Certificate>, Status> {
        never()
    }

    async fn revoke(
        &self,
        _: Request<wire::RevokeRequest>,
    ) -> Result<Response<wire::RevokeResponse>, Status> {
        never()
    }

    async fn hold(&self, _: Request<wire::HoldRequest>) -> Result<Response<wire::Certificate>, Status> {
        never()
    }

    async fn release(&self, _: Request<wire::ReleaseRequest>) -> Result<Response<wire::Certificate>, Status> {
        never()
    }

    async fn check_key(
        &self,
        _: Request<wire::CheckKeyRequest>,
    ) -> Result<Response<wire::CheckKeyResponse>, Status> {
        never()
    }

    async fn list_cas(
        &self,
        _: Request<wire::ListCasRequest>,
    ) -> Result<Response<wire::ListCasResponse>, Status> {
        let items = self.inner.lock().unwrap().issuers.clone();
        Ok(Response::new(wire::ListCasResponse { items }))
    }

    async fn add_ca(&self, _: Request<wire::AddCaRequest>) -> Result<Response<wire::CaInfo>, Status> {
        never()
    }

    async fn status(
        &self,
        request: Request<wire::StatusRequest>,
    ) -> Result<Response<wire::StatusResponse>, Status> {
        let inner = self.inner.lock().unwrap();
        if inner.silent {
            return Err(Status::unavailable("this ca is silent"));
        }
        let status = |serial: &Vec<u8>| {
            let serial = data_encoding::HEXLOWER.encode(serial);
            let reason = inner.revoked.get(&serial);
            wire::SerialStatus {
                issued: !inner.lost.contains(&serial),
                revocation: reason.map(|reason| wire::Revocation {
                    reason: (*reason).into(),
                    ..wire::Revocation::default()
                }),
                ..wire::SerialStatus::default()
            }
        };
        let items = request.into_inner().serials.iter().map(status).collect();
        Ok(Response::new(wire::StatusResponse { items }))
    }

    type SnapshotRevocationsStream = BoxStream<'static, Result<wire::SnapshotRevocationsResponse, Status>>;

    async fn snapshot_revocations(
        &self,
        _: Request<wire::SnapshotRevocationsRequest>,
    ) -> Result<Response<Self::SnapshotRevocationsStream>, Status> {
        let (cursor, entries, cut) = {
            let mut inner = self.inner.lock().unwrap();
            inner.snapshots += 1;
            (inner.covered, inner.snapshot.clone(), inner.cut.take())
        };
        let part = |part| wire::SnapshotRevocationsResponse { part: Some(part) };
        let start = wire::SnapshotStart {
            cursor: format!("{cursor}-{}", usize::from(cursor > 0)),
        };
        let mut parts = vec![Ok(part(Part::Start(start)))];
        let sent = cut.unwrap_or(entries.len());
        for page in entries[..sent].chunks(3) {
            let items = page.to_vec();
            parts.push(Ok(part(Part::Entries(wire::SnapshotEntries { items }))));
        }
        parts.push(match cut {
            Some(_) => Err(Status::unavailable("the snapshot was cut off")),
            None => Ok(part(Part::End(wire::SnapshotEnd {
                entries: sent as u64,
                unreadable: 0,
            }))),
        });
        Ok(Response::new(stream::iter(parts).boxed()))
    }

    type WatchRevokedStream = BoxStream<'static, Result<wire::WatchRevokedResponse, Status>>;

    async fn watch_revoked(
        &self,
        _: Request<wire::WatchRevokedRequest>,
    ) -> Result<Response<Self::WatchRevokedStream>, Status> {
        never()
    }

    async fn record_ocsp_queries(
        &self,
        _: Request<wire::RecordOcspQueriesRequest>,
    ) -> Result<Response<wire::RecordOcspQueriesResponse>, Status> {
        never()
    }

    async fn issue_ocsp_signer(
        &self,
        _: Request<wire::IssueOcspSignerRequest>,
    ) -> Result<Response<wire::Certificate>, Status> {
        never()
    }

    async fn report_health(
        &self,
        request: Request<wire::ReportHealthRequest>,
    ) -> Result<Response<wire::ReportHealthResponse>, Status> {
        let request = request.into_inner();
        assert_eq!(request.issuer, "issuing");
        self.found.send_replace(Some(request));
        Ok(Response::new(wire::ReportHealthResponse {}))
    }

    type WatchStream = BoxStream<'static, Result<FeedEvent, Status>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let after = request.into_inner().after;
        let place: usize = after.split('-').next().unwrap().parse().unwrap_or(0);
        let (pruned, last) = {
            let inner = self.inner.lock().unwrap();
            (inner.pruned, inner.events.len())
        };
        if place < pruned || place > last {
            return Err(Status::out_of_range("the events that follow were removed"));
        }
        let (ca, told) = (self.clone(), self.told.subscribe());
        let events = stream::unfold((ca, told, place), |(ca, mut told, place)| async move {
            loop {
                told.mark_unchanged();
                let events = ca.after(place);
                if !events.is_empty() {
                    let place = place + events.len();
                    let end = heartbeat(place);
                    let events = events.into_iter().chain([end]).map(Ok).collect::<Vec<_>>();
                    return Some((stream::iter(events), (ca, told, place)));
                }
                told.changed().await.ok()?;
                if ca.after(place).is_empty() {
                    return Some((stream::iter(vec![Ok(heartbeat(place))]), (ca, told, place)));
                }
            }
        });
        let nothing_yet = self.after(place).is_empty().then(|| Ok(heartbeat(place)));
        let events = stream::iter(nothing_yet).chain(events.flatten());
        Ok(Response::new(events.boxed()))
    }
}
