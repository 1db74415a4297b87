//! SIGHUP: identities and the log filter are read again; what else changed in the settings is named and waits for a restart.
//!
//! A process whose terminal was closed stops instead: its user would not know that it still runs.
//! Settings that are refused change nothing: the process goes on with those it has.

use std::fs::File;
use std::io::IsTerminal as _;
use std::sync::Arc;

use kit::telemetry::Filter;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::configuration::Effective;
use super::identities::Identities;
use super::settings::Settings;

/// The setting that takes effect while the process runs.
const FILTER: &str = "telemetry.filter";

/// Reads and checks settings.
pub(crate) type Load = Arc<dyn Fn() -> anyhow::Result<Settings> + Send + Sync>;

/// Asks for SIGHUP, which would end the process otherwise.
pub(crate) fn hangups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// What is read again, and where it goes.
pub(crate) struct Reload {
    pub(crate) filter: Filter,
    pub(crate) load: Load,
    pub(crate) current: Settings,
    pub(crate) effective: Effective,
    pub(crate) identities: Identities,
    pub(crate) https: Option<setup::https::PendingIdentity>,
    pub(crate) terminal: Terminal,
}

/// Whether a person started this process on a terminal. SIGHUP then also says that the terminal was closed.
#[derive(Clone, Copy)]
pub(crate) struct Terminal {
    at_start: bool,
}

impl Terminal {
    /// To be asked at the start.
    pub(crate) fn now() -> Self {
        let on_one = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
        Self {
            at_start: on_one && Self::is_there(),
        }
    }

    fn was_closed(self) -> bool {
        self.at_start && !Self::is_there()
    }

    fn is_there() -> bool {
        File::open("/dev/tty").is_ok()
    }
}

impl Reload {
    /// Runs until `stop`.
    pub(crate) async fn run(mut self, mut hangups: Signal, stop: CancellationToken) {
        while let Some(Some(())) = stop.run_until_cancelled(hangups.recv()).await {
            if self.terminal.was_closed() {
                tracing::info!("stopping: the terminal that this process was started on was closed");
                stop.cancel();
                return;
            }
            // Files are read; a signal that arrives in the meantime is kept.
            self = match tokio::task::spawn_blocking(move || self.once()).await {
                Ok(next) => next,
                Err(_) => return,
            };
        }
    }

    fn once(mut self) -> Self {
        self.identities();
        match (self.load)() {
            Ok(new) => self.settings(new),
            Err(error) => tracing::error!(
                cause = crate::exit::text(&error),
                "SIGHUP: the configuration is refused; the one before stays"
            ),
        }
        self
    }

    fn identities(&self) {
        for (_, identity) in self.identities.all() {
            report(&format!("service identity {}", identity.id()), identity.reload());
        }
        let https = self.https.as_ref().and_then(|https| https.borrow().clone());
        if let Some(https) = https {
            report("HTTPS certificate", https.reload());
        }
    }

    fn settings(&mut self, new: Settings) {
        let mut waiting = changed(&self.current, &new);
        if waiting.iter().any(|field| field == FILTER) {
            self.replace_filter(&new);
            waiting.retain(|field| field != FILTER);
        }
        match waiting.is_empty() {
            true => tracing::info!("SIGHUP: the configuration was read again"),
            false => tracing::warn!(
                fields = waiting.join(", "),
                "SIGHUP: these settings changed and take effect at the next start"
            ),
        }
    }

    fn replace_filter(&mut self, new: &Settings) {
        let filter = new.telemetry.filter.clone();
        match self.filter.replace(&filter) {
            Ok(()) => {
                self.effective.replace(FILTER, new);
                tracing::info!(filter, "SIGHUP: the log filter was replaced");
            }
            Err(error) => tracing::error!(
                cause = error.to_string(),
                "SIGHUP: the log filter was not replaced"
            ),
        }
        self.current.telemetry.filter = filter;
    }
}

fn report(what: &str, outcome: Result<bool, kit::tls::TlsError>) {
    match outcome {
        Ok(true) => tracing::info!(identity = what, "SIGHUP: a new identity was read from its files"),
        Ok(false) => tracing::info!(
            identity = what,
            "SIGHUP: the identity in the files is the one in use"
        ),
        Err(error) => tracing::error!(
            identity = what,
            cause = error.to_string(),
            "SIGHUP: the identity in the files cannot be used; the one before stays"
        ),
    }
}

/// Names of the settings that differ. Of secrets only the reference is compared: their values are not written out.
fn changed(old: &Settings, new: &Settings) -> Vec<String> {
    fn walk(old: &Value, new: &Value, path: &str, fields: &mut Vec<String>) {
        match (old, new) {
            (Value::Object(before), Value::Object(after)) => {
                let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
                names.sort();
                names.dedup();
                for name in names {
                    let below = match path {
                        "" => name.clone(),
                        path => format!("{path}.{name}"),
                    };
                    let of = |values: &serde_json::Map<String, Value>| {
                        values.get(name).cloned().unwrap_or_default()
                    };
                    walk(&of(before), &of(after), &below, fields);
                }
            }
            (before, after) if before != after => fields.push(path.to_owned()),
            _ => {}
        }
    }
    let mut fields = Vec::new();
    if let (Ok(old), Ok(new)) = (serde_json::to_value(old), serde_json::to_value(new)) {
        walk(&old, &new, "", &mut fields);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_differ_are_named() {
        let old = Settings::default();
        let mut new = old.clone();
        assert!(changed(&old, &new).is_empty());
        new.listen.https_port = 1;
        new.telemetry.filter = "debug".to_owned();
        new.ca.default_ca = "other".to_owned();
        assert_eq!(
            changed(&old, &new),
            ["ca.default_ca", "listen.https_port", "telemetry.filter"]
        );
    }
}
