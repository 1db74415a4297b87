//! Logs to standard error, one event per line, with the ids of the request they belong to.
//!
//! Everything goes through `tracing`: an exporter of spans is one more layer in [`init`].

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, reload};
use x509::uri::shown;

/// What a log line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Pretty on a terminal, else JSON.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// Logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("log filter {filter:?}: {source}; it takes directives such as info,ca=debug")]
    Filter {
        /// As it may be shown.
        filter: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The subscriber is gone: the process ends.
    #[error("the log filter cannot be replaced: {0}")]
    Gone(String),
    /// Something else in this process logs already.
    #[error("logging is set up already")]
    Twice,
}

/// The filter of a process that logs, to be replaced while it runs.
#[derive(Clone, Debug)]
pub struct Filter(reload::Handle<EnvFilter, Registry>);

impl Filter {
    /// Lets other events pass from now on.
    ///
    /// # Errors
    /// When `filter` cannot be read; the one before stays.
    pub fn replace(&self, filter: &str) -> Result<(), TelemetryError> {
        self.0
            .reload(parse(filter)?)
            .map_err(|error| TelemetryError::Gone(error.to_string()))
    }
}

/// Whether a log filter can be read.
///
/// # Errors
/// When it cannot.
pub fn check_filter(filter: &str) -> Result<(), TelemetryError> {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter {
        filter: shown(filter).into_owned(),
        source,
    })
}

/// Sends events that pass `filter` to standard error. A panic becomes an event too.
///
/// # Errors
/// When `filter` cannot be read or this was called before.
pub fn init(format: Format, filter: &str) -> Result<Filter, TelemetryError> {
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let terminal = std::io::stderr().is_terminal();
    let base = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // A failed write to a closed pipe would be reported there too, and panic.
        .log_internal_errors(false)
        .with_ansi(terminal);
    let lines = match format {
        Format::Auto if terminal => base.boxed(),
        Format::Pretty => base.boxed(),
        Format::Auto | Format::Json => base.json().flatten_event(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .map_err(|_| TelemetryError::Twice)?;
    std::panic::set_hook(Box::new(report_panic));
    Ok(Filter(handle))
}

fn report_panic(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let location = info.location().map(ToString::to_string);
    tracing::error!(location, "{}", message.unwrap_or("panic"));
}
