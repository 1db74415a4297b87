//! What is at the URLs in certificates: the lists of a process or what a proxy makes of them, OCSP, and the certificate of the CA.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use keys::{Signer as _, SoftwareKey};
use kit::http::PublicRoutes;
use time::Duration;
use x509::crl::Reason;
use x509::ocsp::{
    CertId, CertStatus, OcspRequest, ResponderId, ResponseDataSpec, SingleResponseSpec, assemble_response,
};
use x509::{Certificate, CertificateSpec, Extension, KeyAlgorithm, KeyIdMethod, Serial, Validity, assemble};

use crate::world::{NOW, World};

/// A listener of its own; ends with the runtime of the test.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) url: String,
    state: Arc<Mutex<Seen>>,
}

/// What it answers.
struct Seen {
    issuer: Certificate,
    key: Arc<SoftwareKey>,
    /// Where its certificate is asked for: this, or another one.
    certificate: Vec<u8>,
    lists: PublicRoutes,
    revoked: BTreeMap<Serial, Reason>,
    /// Certificates that OCSP does not know.
    unknown: BTreeSet<Serial>,
    /// Ends of paths at which there is a page of a proxy.
    pages: BTreeSet<&'static str>,
    /// What a cache has, by the ends of paths.
    kept: BTreeMap<&'static str, Vec<u8>>,
    asked: usize,
}

impl Outside {
    pub(crate) async fn start(world: &World) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Seen {
            issuer: world.issuer.clone(),
            key: world.keymgr.key("ca-issuing"),
            certificate: world.issuer.der().to_vec(),
            lists: PublicRoutes::new(),
            revoked: BTreeMap::new(),
            unknown: BTreeSet::new(),
            pages: BTreeSet::new(),
            kept: BTreeMap::new(),
            asked: 0,
        };
        let state = Arc::new(Mutex::new(seen));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Serves these lists.
    pub(crate) fn serve(&self, lists: PublicRoutes) {
        self.state.lock().unwrap().lists = lists;
    }

    /// What OCSP says of a certificate; good if there is no reason.
    pub(crate) fn set_status(&self, serial: &str, reason: Option<Reason>) {
        let serial = serial.parse().unwrap();
        let revoked = &mut self.state.lock().unwrap().revoked;
        match reason {
            Some(reason) => revoked.insert(serial, reason),
            None => revoked.remove(&serial),
        };
    }

    /// OCSP does not know a certificate any more.
    pub(crate) fn forget(&self, serial: &str) {
        let serial = serial.parse().unwrap();
        self.state.lock().unwrap().unknown.insert(serial);
    }

    /// Has the page of a proxy at paths that end so, or no more.
    pub(crate) fn page(&self, path: &'static str, is_there: bool) {
        let pages = &mut self.state.lock().unwrap().pages;
        match is_there {
            true => pages.insert(path),
            false => pages.remove(path),
        };
    }

    /// Answers with this from now on at paths that end so.
    pub(crate) fn keep(&self, path: &'static str, octets: Vec<u8>) {
        self.state.lock().unwrap().kept.insert(path, octets);
    }

    pub(crate) fn serve_certificate(&self, der: &[u8]) {
        self.state.lock().unwrap().certificate = der.to_vec();
    }

    /// Requests so far.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }
}

async fn answer(State(state): State<Arc<Mutex<Seen>>>, request: Request<Body>) -> Response {
    let path = request.uri().path().to_owned();
    let (page, lists) = {
        let mut seen = state.lock().unwrap();
        seen.asked += 1;
        (
            seen.pages.iter().any(|end| path.ends_with(*end)),
            seen.lists.clone(),
        )
    };
    if page {
        return (StatusCode::OK, "<html>").into_response();
    }
    if path == "/ocsp" {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        return state.lock().unwrap().ocsp(&body).into_response();
    }
    if path.starts_with("/ca/") {
        return state.lock().unwrap().certificate.clone().into_response();
    }
    let answered = lists.answer(request).await;
    let status = answered.status();
    let octets = answered.into_body().collect().await.unwrap().to_bytes().to_vec();
    let seen = state.lock().unwrap();
    let kept = seen.kept.iter().find(|(end, _)| path.ends_with(**end));
    let octets = kept.map_or(octets, |(_, kept)| kept.clone());
    (status, octets).into_response()
}

impl Seen {
    fn ocsp(&self, request: &[u8]) -> Vec<u8> {
        let request = OcspRequest::from_der(request).unwrap();
        let single = |id: &CertId| SingleResponseSpec {
            cert_id: id.clone(),
            status: match self.revoked.get(&id.serial().proper().unwrap()) {
                _ if self.unknown.contains(&id.serial().proper().unwrap()) => CertStatus::Unknown,
                Some(reason) => CertStatus::Revoked {
                    time: NOW,
                    reason: Some(*reason),
                },
                None => CertStatus::Good,
            },
            this_update: NOW,
            next_update: NOW + Duration::hours(8),
            archive_cutoff: None,
        };
        let spec = ResponseDataSpec {
            responder: ResponderId::by_key(&self.issuer),
            produced_at: NOW,
            responses: request.cert_ids().iter().map(single).collect(),
            nonce: request.nonce().cloned(),
            extended_revoke: false,
        };
        let tbs = spec.to_tbs().unwrap();
        let algorithm = self.key.algorithm();
        let signature = self.key.sign(&tbs, algorithm).unwrap();
        assemble_response(&tbs, algorithm, &signature, &[]).unwrap()
    }
}

/// A certificate of the issuer that points to that base, to that shard.
pub(crate) fn certificate(world: &World, serial: &str, base: &str, shard: u32) -> Certificate {
    let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
    let ca = world.keymgr.key("ca-issuing");
    let list = match shard {
        0 => format!("{base}/crl/issuing.crl"),
        shard => format!("{base}/crl/issuing/{shard}.crl"),
    };
    let identifier = key.public_key().key_identifier(KeyIdMethod::Rfc7093);
    let (ocsp, issuers) = (format!("{base}/ocsp"), format!("{base}/ca/issuing.crt"));
    let spec = CertificateSpec {
        serial: serial.parse().unwrap(),
        signature_algorithm: ca.algorithm(),
        issuer: world.issuer.subject().clone(),
        validity: Validity::starting(NOW - Duration::days(1), Duration::days(90)).unwrap(),
        subject: "CN=leaf".parse().unwrap(),
        public_key: key.public_key().clone(),
        extensions: vec![
            Extension::crl_distribution_points(&[list]).unwrap(),
            Extension::authority_information_access(&[ocsp], &[issuers]).unwrap(),
            Extension::subject_key_identifier(identifier),
        ],
    };
    let tbs = spec.to_tbs().unwrap();
    let signature = ca.sign(&tbs, ca.algorithm()).unwrap();
    Certificate::from_der(&assemble(&tbs, ca.algorithm(), &signature).unwrap()).unwrap()
}
