//! Which parts are taken for one installation.

mod new_services;

use super::*;
use crate::wiring::layout::DataDir;

const ID: &str = "0123456789abcdef0123456789abcdef";

fn record(state: State) -> Option<Record> {
    Some(Record {
        id: ID.to_owned(),
        state,
        database: Kind::Sqlite,
        database_at: String::new(),
        revocations_in_crl_alone: None,
        own_kek: true,
        services: first_services(),
        starts: 5,
        joining: false,
    })
}

fn found(service: &'static str, id: Option<&str>, starts: i64, used: bool) -> DatabaseState {
    DatabaseState {
        service,
        id: id.map(str::to_owned),
        starts,
        mark: 0,
        used,
        is_there: true,
    }
}

fn root(root: bool) -> Remains {
    Remains {
        root,
        ..Remains::default()
    }
}

fn decided(
    record: Option<Record>,
    found: &[DatabaseState],
    has_root: bool,
    accept_older: bool,
) -> anyhow::Result<Record> {
    decide(
        record,
        found,
        &root(has_root),
        &HighWater::default(),
        accept_older,
    )
}

fn refusal(record: Option<Record>, ca: DatabaseState, has_root: bool) -> String {
    let rest = found("auth", ca.id.as_deref().map(|_| ID), 5, ca.used);
    decided(record, &[rest, ca], has_root, false)
        .unwrap_err()
        .to_string()
}

#[test]
fn nothing_anywhere_is_a_first_start_and_an_earlier_version_is_adopted() {
    let empty = [found("ca", None, 0, false), found("auth", None, 0, false)];
    assert_eq!(
        decided(None, &empty, false, false).unwrap().state,
        State::Founding
    );
    let used = [found("ca", None, 0, true), found("auth", None, 0, true)];
    assert_eq!(decided(None, &used, true, false).unwrap().state, State::Adopting);
}

#[test]
fn whatever_is_left_of_an_installation_is_named_instead_of_a_first_start() {
    let empty = [found("ca", None, 0, false), found("auth", None, 0, false)];
    for left in [
        "root.crt",
        "ca.crt",
        "chain.pem",
        "admin.token",
        "identities/gigvault/tls.crt",
        "keys/root/root.key",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::create(dir.path()).unwrap();
        // Folders alone are what a start makes before it comes to anything else.
        std::fs::create_dir_all(dir.path().join("identities/gigvault")).unwrap();
        std::fs::create_dir_all(dir.path().join("keys/root")).unwrap();
        let nothing = Remains::of(&data).unwrap();
        decide(None, &empty, &nothing, &HighWater::default(), false).unwrap();
        files::create(&dir.path().join(left), b"", 0o600).unwrap();
        let remains = Remains::of(&data).unwrap();
        for accept in [false, true] {
            let said = decide(None, &empty, &remains, &HighWater::default(), accept);
            let said = said.unwrap_err().to_string();
            let named = left.rsplit_once('/').map_or(left, |(folder, _)| folder);
            assert!(
                said.contains(&format!("it holds {named}.")) && said.contains("another data directory"),
                "{said}"
            );
        }
        // With a record a first start goes on.
        decide(
            record(State::Founding),
            &empty,
            &remains,
            &HighWater::default(),
            false,
        )
        .unwrap();
    }
}

#[test]
fn to_start_over_is_no_way_out_where_a_start_came_to_an_end() {
    let used = [found("ca", None, 0, true), found("auth", None, 0, true)];
    for ended in [false, true] {
        let remains = Remains {
            ended,
            ..Remains::default()
        };
        let said = decide(None, &used, &remains, &HighWater::default(), false);
        let said = said.unwrap_err().to_string();
        assert_eq!(said.contains("remove the data directory"), !ended, "{said}");
    }
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::create(dir.path()).unwrap();
    assert!(!Remains::of(&data).unwrap().ended);
    files::create(&data.root_certificate(), b"", 0o600).unwrap();
    assert!(Remains::of(&data).unwrap().ended);
}

#[test]
fn nothing_is_accepted_before_a_first_start_has_ended() {
    let empty = [found("ca", None, 0, false), found("auth", None, 0, false)];
    for record in [None, record(State::Founding)] {
        decided(record.clone(), &empty, false, false).unwrap();
        let said = decided(record, &empty, false, true).unwrap_err().to_string();
        assert!(said.contains("nothing was restored there"), "{said}");
    }
}

#[test]
fn files_that_are_not_there_are_not_called_empty() {
    let absent = [DatabaseState::absent("ca"), DatabaseState::absent("auth")];
    let empty = [found("ca", None, 0, false), found("auth", None, 0, false)];
    let remains = Remains {
        others: vec!["root.crt".to_owned()],
        ..Remains::default()
    };
    let seen = HighWater::of(ID, [("ca".to_owned(), 3)].into());
    for high_water in [&seen, &HighWater::default()] {
        let said = |found: &[DatabaseState]| {
            let said = decide(None, found, &remains, high_water, false);
            said.unwrap_err().to_string()
        };
        assert!(
            said(&empty).contains("the databases are empty"),
            "{}",
            said(&empty)
        );
        assert!(
            !said(&absent).contains("empty") && said(&absent).contains("those on PostgreSQL"),
            "{}",
            said(&absent)
        );
    }
}

#[test]
fn a_first_start_that_was_cut_off_goes_on() {
    let some = [found("ca", Some(ID), 5, true), found("auth", None, 0, false)];
    assert_eq!(
        decided(record(State::Founding), &some, true, false)
            .unwrap()
            .state,
        State::Founding
    );
    let foreign = refusal(record(State::Founding), found("ca", None, 0, true), true);
    assert!(foreign.contains("another installation"), "{foreign}");
}

#[test]
fn what_is_lost_is_named_and_never_made_anew() {
    for (record, ca, has_root, says) in [
        (
            record(State::Complete),
            found("ca", None, 0, false),
            true,
            "the database of auth, ca is empty",
        ),
        (
            record(State::Complete),
            found("ca", None, 0, true),
            true,
            "different backups",
        ),
        (
            record(State::Complete),
            found("ca", Some("f"), 5, true),
            true,
            "belongs to installation f",
        ),
        (
            record(State::Founding),
            found("ca", Some("f"), 5, true),
            true,
            "belongs to installation f",
        ),
        (
            record(State::Complete),
            found("ca", Some(ID), 3, true),
            true,
            "older",
        ),
        (
            None,
            found("ca", Some(ID), 5, true),
            true,
            "keys/installation is missing",
        ),
        (
            None,
            found("ca", None, 0, false),
            true,
            "the database of auth, ca is empty",
        ),
        (None, found("ca", None, 0, true), false, "keys/root is missing"),
    ] {
        let said = refusal(record, ca, has_root);
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn a_start_that_was_cut_off_makes_no_database_older_and_an_older_one_can_be_accepted() {
    let joining = record(State::Complete).map(|record| Record {
        joining: true,
        ..record
    });
    let cut_off = [found("ca", Some(ID), 4, true), found("auth", Some(ID), 5, true)];
    decided(joining, &cut_off, true, false).unwrap();
    let keys_are_older = [found("ca", Some(ID), 9, true), found("auth", Some(ID), 9, true)];
    decided(record(State::Complete), &keys_are_older, true, false).unwrap();
    let older = [found("ca", Some(ID), 4, true), found("auth", Some(ID), 5, true)];
    decided(record(State::Complete), &older, true, false).unwrap_err();
    decided(record(State::Complete), &older, true, true).unwrap();
}

#[test]
fn a_part_takes_no_empty_database_and_no_mixture() {
    check_part(None, &[found("ca", Some(ID), 1, true)], &HighWater::default()).unwrap();
    check_part(None, &[found("ca", None, 0, true)], &HighWater::default()).unwrap();
    for (parts, says) in [
        (vec![found("ca", None, 0, false)], "gigvault bootstrap"),
        (
            vec![found("ca", Some("a"), 1, true), found("auth", Some("b"), 1, true)],
            "different",
        ),
    ] {
        assert!(
            check_part(None, &parts, &HighWater::default())
                .unwrap_err()
                .to_string()
                .contains(says)
        );
    }
    let other = [found("ca", Some("a"), 1, true)];
    check_part(record(State::Complete).as_ref(), &other, &HighWater::default()).unwrap_err();
}

#[test]
fn a_database_that_is_behind_what_was_seen_of_it_is_refused_until_it_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::create(dir.path()).unwrap();
    let seen = |marks: &[(&str, i64)]| {
        let marks = marks.iter().map(|(name, mark)| ((*name).to_owned(), *mark));
        HighWater::of(ID, marks.collect()).write(&data).unwrap();
        HighWater::read(&data).unwrap()
    };
    let at = |service, mark| DatabaseState {
        mark,
        ..found(service, Some(ID), 5, true)
    };
    for (high_water, refused) in [
        (seen(&[("ca", 7), ("auth", 3)]), false),
        (seen(&[("ca", 6)]), false),
        (seen(&[]), false),
        (HighWater::default(), false),
        (seen(&[("ca", 8), ("auth", 3)]), true),
        (seen(&[("ca", 7), ("auth", 4)]), true),
    ] {
        let parts = [at("ca", 7), at("auth", 3)];
        let decided = decide(record(State::Complete), &parts, &root(true), &high_water, false);
        assert_eq!(decided.is_err(), refused, "{high_water:?}");
        assert_eq!(check_part(None, &parts, &high_water).is_err(), refused);
        decide(record(State::Complete), &parts, &root(true), &high_water, true).unwrap();
    }
    // What was seen of another installation says nothing.
    HighWater::of("f", [("ca".to_owned(), 99)].into())
        .write(&data)
        .unwrap();
    check_part(None, &[at("ca", 7)], &HighWater::read(&data).unwrap()).unwrap();
    let damaged = |mark: i64| format!(r#"{{"installation":"{ID}","marks":{{"ca":{mark}}}}}"#);
    for content in [
        "{".to_owned(),
        damaged(i64::MAX),
        damaged((1 << 62) + 1),
        damaged(-1),
    ] {
        files::replace(&dir.path().join("high-water"), content.as_bytes(), 0o600).unwrap();
        let said = format!("{:#}", HighWater::read(&data).unwrap_err());
        assert!(
            said.contains("high-water") && said.contains("remove it"),
            "{said}"
        );
    }
    let highest = damaged(1 << 62);
    files::replace(&dir.path().join("high-water"), highest.as_bytes(), 0o600).unwrap();
    HighWater::read(&data).unwrap();
}

#[test]
fn a_root_that_is_older_than_its_published_list_is_refused_unless_that_is_accepted() {
    let all = [found("ca", Some(ID), 5, true), found("auth", Some(ID), 5, true)];
    let remains = Remains {
        list_ahead: Some((3, 1)),
        ..root(true)
    };
    let decided = |accept| {
        decide(
            record(State::Complete),
            &all,
            &remains,
            &HighWater::default(),
            accept,
        )
    };
    let refused = decided(false).unwrap_err().to_string();
    assert!(
        refused.contains("CRL number 3") && refused.contains("--accept-restored"),
        "{refused}"
    );
    decided(true).unwrap();
}
