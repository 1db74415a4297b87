//! Who writes which events: each type has one writer, so that a subscriber finds all events of a type in one feed.

use anyhow::ensure;
use vocabulary::EventType;

use super::services::Service;

/// Written by every service that does long work: it is about a job, and its id names the service.
const OF_SEVERAL: &[EventType] = &[EventType::JobProgress];

/// A type of events and the services that declare it.
pub(crate) type Written = (EventType, Vec<&'static str>);

/// The types of the vocabulary, in its order, by what all services declare; none runs.
///
/// # Errors
/// A type with two writers: a bug.
pub(crate) fn of_all() -> anyhow::Result<Vec<Written>> {
    written(&Service::ALL.map(|service| (service.name(), service.events())))
}

/// The types with their writers.
///
/// # Errors
/// A type with two writers.
pub(super) fn written(declared: &[(&'static str, &[EventType])]) -> anyhow::Result<Vec<Written>> {
    let writers = |event: &EventType| {
        let writers = declared.iter().filter(|(_, events)| events.contains(event));
        let writers: Vec<_> = writers.map(|(service, _)| *service).collect();
        ensure!(
            writers.len() < 2 || OF_SEVERAL.contains(event),
            "events of type {} are declared by more than one service: {}",
            event.name(),
            writers.join(", ")
        );
        Ok((*event, writers))
    };
    EventType::ALL.iter().map(writers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_of_the_vocabulary_is_declared_by_a_service() {
        for (event, writers) in of_all().unwrap() {
            assert!(!writers.is_empty(), "no service declares {}", event.name());
        }
    }

    #[test]
    fn a_second_writer_is_refused_but_for_events_about_jobs() {
        let both = |events| written(&[("a", events), ("b", events)]);
        let error = both(&[EventType::KeyGenerated]).unwrap_err().to_string();
        assert_eq!(
            error,
            "events of type key.generated are declared by more than one service: a, b"
        );
        let jobs = both(&[EventType::JobProgress]).unwrap();
        assert!(jobs.contains(&(EventType::JobProgress, vec!["a", "b"])));
    }
}
