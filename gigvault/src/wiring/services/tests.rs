//! Those that run, and the order in which they are built.

use super::*;

#[test]
fn those_that_run_are_the_ones_of_the_vocabulary() {
    assert_eq!(
        Service::ALL.map(Service::name).as_slice(),
        vocabulary::service::ALL
    );
}

#[test]
fn whoever_is_called_is_built_before_its_callers() {
    let all: BTreeSet<Service> = Service::ALL.into_iter().collect();
    let order = in_build_order(&all);
    assert_eq!(order.len(), all.len());
    for (place, service) in order.iter().enumerate() {
        for callee in service.calls() {
            let callee = order.iter().position(|other| other == callee).unwrap();
            assert!(callee < place, "{service:?} is built before one that it calls");
        }
    }
    let two = BTreeSet::from([Service::Ca, Service::Keymgr]);
    assert_eq!(in_build_order(&two), [Service::Keymgr, Service::Ca]);
}

#[test]
fn every_service_lets_its_events_be_watched() {
    for service in Service::ALL {
        let watch = service
            .allow()
            .iter()
            .find(|(method, _)| method.ends_with("/Watch"));
        let (_, callers) = watch.unwrap_or_else(|| panic!("{service:?} has no Watch"));
        assert!(
            callers.contains(&"audit"),
            "{service:?}: audit records every event"
        );
    }
}
