//! Which databases may be made where there is none: those of services that a later version brought.

use super::*;

#[test]
fn the_database_of_a_service_that_a_later_version_brings_is_made_and_not_called_lost() {
    let parts = |services: &[&str]| Record {
        services: services.iter().map(|name| (*name).to_owned()).collect(),
        ..record(State::Complete).unwrap()
    };
    let empty = [found("ca", Some(ID), 5, true), found("auth", None, 0, false)];
    let (before, after) = (parts(&["ca"]), parts(&["ca", "auth"]));
    assert_eq!(next_start(&before, &HighWater::default(), &empty), 6);
    decided(Some(before.clone()), &empty, true, false).unwrap();
    let said = decided(Some(after), &empty, true, false).unwrap_err().to_string();
    assert!(said.contains("the database of auth is empty"), "{said}");
    // One with something in it is of another installation.
    let foreign = [found("ca", Some(ID), 5, true), found("auth", None, 0, true)];
    let said = decided(Some(before), &foreign, true, false)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("the database of auth names no installation"),
        "{said}"
    );
    // What an earlier version has without a record is of its services.
    let used = ["ca", "keymgr", "auth"].map(|name| found(name, None, 0, true));
    let with_new = [&used[..], &[found("later", None, 0, false)]].concat();
    assert_eq!(
        decided(None, &with_new, true, false).unwrap().state,
        State::Adopting
    );
}

#[test]
fn a_record_of_an_earlier_version_has_the_services_of_that_version() {
    let mut text = serde_json::to_value(record(State::Complete).unwrap()).unwrap();
    text.as_object_mut().unwrap().remove("services");
    let read: Record = serde_json::from_value(text).unwrap();
    for (service, new) in [("ca", false), ("keymgr", false), ("auth", false), ("later", true)] {
        assert_eq!(read.is_new_to(service, &HighWater::default()), new, "{service}");
    }
}

#[test]
fn the_file_of_a_database_is_missing_only_where_the_service_had_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::create(dir.path()).unwrap();
    let mut of_some = record(State::Complete).unwrap();
    of_some.services.remove("auth");
    of_some.own_kek = false;
    let places = Places {
        own_kek: false,
        database: Kind::Sqlite,
    };
    let auth = [Service::Auth];
    let nothing = HighWater::default();
    check_files(Some(&of_some), &nothing, places, &data, &auth).unwrap();
    let said = check_files(record(State::Complete).as_ref(), &nothing, places, &data, &auth);
    assert!(said.unwrap_err().to_string().contains("db/auth.db"));
    let seen = HighWater::of(ID, [("auth".to_owned(), 7)].into());
    let said = check_files(Some(&of_some), &seen, places, &data, &auth);
    assert!(said.unwrap_err().to_string().contains("db/auth.db"));
}

#[test]
fn a_database_that_a_process_worked_on_is_not_new_whatever_the_record_says() {
    let seen = HighWater::of(ID, [("ca".to_owned(), 3), ("auth".to_owned(), 7)].into());
    let elsewhere = HighWater::of("f", [("auth".to_owned(), 7)].into());
    let parts = [found("ca", Some(ID), 5, true), found("auth", None, 0, false)];
    for state in [State::Complete, State::Adopting, State::Founding] {
        let mut without = record(state).unwrap();
        without.services.remove("auth");
        for accept in [false, true] {
            let said = decide(Some(without.clone()), &parts, &root(true), &seen, accept);
            let said = said.unwrap_err().to_string();
            assert!(
                said.contains("the database of auth is empty"),
                "{state:?}: {said}"
            );
        }
        // Nothing was seen of this installation.
        decide(Some(without), &parts, &root(true), &elsewhere, false).unwrap();
    }
    // One that names no installation any more is of before it was seen.
    let used = ["ca", "keymgr", "auth"].map(|name| found(name, None, 0, true));
    for parts in [
        &used[..],
        &[&used[..], &[found("later", None, 0, false)]].concat(),
    ] {
        let seen = HighWater::of(ID, [(parts.last().unwrap().service.to_owned(), 7)].into());
        let said = decide(None, parts, &root(true), &seen, false).unwrap_err();
        assert!(said.to_string().contains("is older than it was"), "{said}");
        decide(None, parts, &root(true), &seen, true).unwrap();
    }
    let seen = HighWater::of(ID, [("ca".to_owned(), 7)].into());
    check_part(None, &[found("ca", None, 0, true)], &seen).unwrap_err();
}
