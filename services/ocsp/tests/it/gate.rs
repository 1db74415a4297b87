//! A way to another service that counts calls, and that a test cuts or holds up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use kit::transport::Transport;
use tokio::sync::Semaphore;
use tonic::{Code, Status};
use tower::ServiceExt;

/// Methods by name, such as `Sign`.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cut: BTreeSet<&'static str>,
    calls: BTreeMap<String, usize>,
    refused: BTreeMap<String, usize>,
    held: Option<(&'static str, Arc<Semaphore>)>,
    instead: Option<Transport>,
}

impl Gate {
    pub(crate) fn before(&self, service: Transport) -> Transport {
        let gate = self.clone();
        Transport::new(tower::service_fn(
            move |request: http::Request<tonic::body::Body>| {
                let (gate, service) = (gate.clone(), service.clone());
                async move {
                    let method = request
                        .uri()
                        .path()
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .to_owned();
                    if gate.enter(&method) {
                        return Err(Status::unavailable("cut"));
                    }
                    if let Some(held) = gate.held(&method) {
                        // It is closed in the end, and never has a place.
                        let _released = held.acquire().await;
                    }
                    let answer = gate.instead().unwrap_or(service).oneshot(request).await?;
                    gate.note(&method, answer.headers());
                    Ok(answer)
                }
            },
        ))
    }

    fn enter(&self, method: &str) -> bool {
        let mut state = self.0.lock().unwrap();
        *state.calls.entry(method.to_owned()).or_default() += 1;
        state.cut.contains(method)
    }

    /// An answer that is a failure has nothing but headers.
    fn note(&self, method: &str, headers: &http::HeaderMap) {
        if Status::from_header_map(headers).is_some_and(|status| status.code() != Code::Ok) {
            let mut state = self.0.lock().unwrap();
            *state.refused.entry(method.to_owned()).or_default() += 1;
        }
    }

    fn instead(&self) -> Option<Transport> {
        self.0.lock().unwrap().instead.clone()
    }

    /// Leads to another process with the service from now on.
    pub(crate) fn lead_to(&self, service: Transport) {
        self.0.lock().unwrap().instead = Some(service);
    }

    pub(crate) fn cut(&self, method: &'static str) {
        self.0.lock().unwrap().cut.insert(method);
    }

    fn held(&self, method: &str) -> Option<Arc<Semaphore>> {
        let state = self.0.lock().unwrap();
        let held = state.held.as_ref().filter(|(held, _)| *held == method);
        held.map(|(_, until)| Arc::clone(until))
    }

    /// Lets calls of it wait, until they are released.
    pub(crate) fn hold(&self, method: &'static str) {
        self.0.lock().unwrap().held = Some((method, Arc::new(Semaphore::new(0))));
    }

    pub(crate) fn release(&self) {
        if let Some((_, until)) = self.0.lock().unwrap().held.take() {
            until.close();
        }
    }

    pub(crate) fn mend(&self) {
        self.0.lock().unwrap().cut.clear();
    }

    pub(crate) fn calls(&self, method: &str) -> usize {
        self.0.lock().unwrap().calls.get(method).copied().unwrap_or(0)
    }

    /// Calls that the service answered with a failure.
    pub(crate) fn refused(&self, method: &str) -> usize {
        self.0.lock().unwrap().refused.get(method).copied().unwrap_or(0)
    }
}
