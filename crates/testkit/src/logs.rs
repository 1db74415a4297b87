//! What is logged while a test runs, on its own thread.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

thread_local! {
    /// The log of the test that runs on this thread.
    static COLLECTED: RefCell<Option<Log>> = const { RefCell::new(None) };
}

/// Events of level INFO and above, each as `LEVEL name=value …`.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

/// Collects until it is dropped, on the thread on which it began.
#[derive(Debug)]
#[must_use]
pub struct Collecting(PhantomData<*const ()>);

/// Collects from now on, until the guard is dropped.
///
/// # Panics
/// The process has another subscriber.
pub fn begin() -> (Log, Collecting) {
    // One for the whole process: where a subscriber is set for a thread alone, an event that another thread reaches first is off for
    // all of them.
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let installed = tracing::subscriber::set_global_default(Collector);
        assert!(installed.is_ok(), "the process has another subscriber");
        // Events that were reached while it was installed.
        tracing::callsite::rebuild_interest_cache();
    });
    let log = Log::default();
    COLLECTED.set(Some(log.clone()));
    (log, Collecting(PhantomData))
}

impl Drop for Collecting {
    fn drop(&mut self) {
        COLLECTED.set(None);
    }
}

impl Log {
    /// The events that contain this text, in their order.
    #[must_use]
    pub fn of(&self, text: &str) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|event| event.contains(text)).cloned().collect()
    }
}

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        COLLECTED.with_borrow(|collected| {
            if let Some(log) = collected {
                let mut line = Line(event.metadata().level().to_string());
                event.record(&mut line);
                log.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
            }
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _written = write!(self.0, " {}={value:?}", field.name());
    }
}

#[cfg(test)]
mod tests {
    fn tell() {
        tracing::warn!("something of this thread");
    }

    #[test]
    fn an_event_that_another_thread_reaches_first_is_collected() {
        let (log, _collecting) = super::begin();
        std::thread::spawn(tell).join().unwrap();
        assert_eq!(log.of("of this thread").len(), 0);
        tell();
        assert_eq!(log.of("of this thread").len(), 1);
    }

    #[test]
    fn nothing_is_collected_after_its_end() {
        let (log, collecting) = super::begin();
        drop(collecting);
        tracing::warn!("too late");
        assert_eq!(log.of("too late").len(), 0);
    }
}
