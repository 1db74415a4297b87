//! Request metrics with their handles kept: looking a metric up by its labels costs more than a small
//! request's routing, so it is done once per route and code.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram};
use vocabulary::metric;

/// `gigvault_http_requests_total{service,route,code}` and `gigvault_http_request_seconds{service,route}`.
pub(super) struct Measure {
    service: &'static str,
    routes: RwLock<HashMap<Arc<str>, Route>>,
}

struct Route {
    seconds: Histogram,
    // A route answers few distinct codes: a list beats a map.
    codes: Vec<(u16, Counter)>,
}

impl Measure {
    pub(super) fn new(service: &'static str) -> Self {
        Self {
            service,
            routes: RwLock::default(),
        }
    }

    /// `route` is the template of the path, never the path: it is a label.
    pub(super) fn record(&self, route: &str, code: u16, took: Duration) {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let known = routes.get(route).and_then(|known| {
            let (_, requests) = known.codes.iter().find(|(listed, _)| *listed == code)?;
            Some((requests, &known.seconds))
        });
        if let Some((requests, seconds)) = known {
            requests.increment(1);
            seconds.record(took.as_secs_f64());
            return;
        }
        drop(routes);
        self.first(route, code, took);
    }

    fn first(&self, route: &str, code: u16, took: Duration) {
        let requests = metrics::counter!(
            metric::HTTP_REQUESTS_TOTAL,
            "service" => self.service, "route" => route.to_owned(), "code" => code.to_string()
        );
        requests.increment(1);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let known = routes.entry(Arc::from(route)).or_insert_with(|| Route {
            seconds: metrics::histogram!(
                metric::HTTP_REQUEST_SECONDS,
                "service" => self.service, "route" => route.to_owned()
            ),
            codes: Vec::new(),
        });
        known.seconds.record(took.as_secs_f64());
        if known.codes.iter().all(|(listed, _)| *listed != code) {
            known.codes.push((code, requests));
        }
    }
}
