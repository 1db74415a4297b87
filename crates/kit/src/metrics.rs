//! Prometheus metrics of the process: one recorder, rendered at `/metrics`.
//!
//! Code records through the `metrics` macros, under the names of [`vocabulary::metric`]. Every histogram is in seconds or counts
//! and gets the buckets set here; where a metric is touched on each request, keep its handle.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use vocabulary::metric::{self, Kind, Metric, Unit};

const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0,
];
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// How often recorded samples are folded into buckets; between two, they take memory.
const UPKEEP: Duration = Duration::from_secs(5);

// The `metrics` facade has one recorder per process; this is its reader.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Reads the process's metrics.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

/// Starts recording; called again, gives the same metrics.
///
/// # Errors
/// When another recorder is in place already.
pub fn install() -> Result<Metrics, BuildError> {
    if let Some(handle) = HANDLE.get() {
        return Ok(Metrics(handle.clone()));
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), SIZES)?
        .install_recorder()?;
    let metrics = Metrics(HANDLE.get_or_init(|| handle).clone());
    describe();
    Ok(metrics)
}

/// Gives each metric its HELP text.
fn describe() {
    for Metric {
        name,
        kind,
        unit,
        help,
        ..
    } in metric::ALL.iter().copied()
    {
        let unit = match unit {
            Unit::Count => metrics::Unit::Count,
            Unit::Seconds => metrics::Unit::Seconds,
        };
        match kind {
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Histogram => metrics::describe_histogram!(name, unit, help),
        }
    }
}

impl Metrics {
    /// Prometheus text format 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// `/metrics`.
    pub fn router(&self) -> Router {
        let metrics = self.clone();
        Router::new().route(
            "/metrics",
            get(async move || {
                (
                    [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
                    metrics.render(),
                )
            }),
        )
    }

    /// Keeps the recorder's memory bounded until `stop`.
    pub async fn upkeep(self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(UPKEEP))
            .await
            .is_some()
        {
            self.0.run_upkeep();
        }
    }
}

/// Records `gigvault_build_info{version} 1`.
pub fn build_info(version: &'static str) {
    metrics::gauge!(metric::BUILD_INFO, "version" => version).set(1.0);
}
