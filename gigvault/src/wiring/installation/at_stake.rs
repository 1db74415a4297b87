//! What is lost with a database that is older than it was, and what is made again.

use std::path::PathBuf;

use vocabulary::service;

use super::{HighWater, Kind, Places, Record, parts};
use crate::wiring::layout::DataDir;

/// The services whose databases can be made again from that of `ca`, where an operator accepts what is lost with them.
const MADE_AGAIN: [&str; 2] = [service::OCSP, service::CRL];

/// What is missing from older databases of these services.
pub(super) fn of(services: &[&str]) -> String {
    let lost = services.iter().filter_map(|service| lost_with(service));
    lost.collect::<Vec<_>>().join(". ")
}

fn lost_with(of: &str) -> Option<&'static str> {
    Some(match of {
        service::CA => {
            "What was issued and revoked since then is missing from that of ca: certificates that cannot be revoked by serial \
             number, and revoked ones that count as valid"
        }
        service::KEYMGR => {
            "Keys that were made since then are missing from that of keymgr: a CA or an OCSP responder whose key is not there \
             signs nothing"
        }
        service::AUTH => {
            "API keys that were made since then are missing from that of auth, and those that were revoked since then are \
             accepted again"
        }
        service::OCSP => {
            "Nothing but OCSP responders is missing from that of ocsp: others are made, and what is revoked is read from the \
             database of ca"
        }
        service::CRL => {
            "Lists are missing from that of crl: those of issuers whose keys are elsewhere have to be imported again, the others are \
             made from what the database of ca has, and CRL numbers go on above all that were used once this is accepted. Where an \
             older database of ca was ever accepted, that of crl was the only one that had what was revoked in between"
        }
        _ => return None,
    })
}

/// Whether no other files are missing than such databases.
pub(super) fn can_be_made_again(missing: &[PathBuf], data: &DataDir) -> bool {
    let files = MADE_AGAIN.map(|service| data.database(service));
    missing.iter().all(|path| files.contains(path))
}

/// What an operator accepts of databases that were restored.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Accept {
    /// They are older than they were, or can be made again.
    pub(crate) older: bool,
    /// That of `crl` is lost, with revocations that no other has.
    pub(crate) lost_revocations: bool,
}

/// The installation without the databases that are lost and can be made again: they count as those of services that are new to it.
/// What only one of them had is not given up without a word.
pub(crate) fn without_lost(
    mut record: Option<Record>,
    mut high_water: HighWater,
    (places, accept): (Places, Accept),
    data: &DataDir,
) -> anyhow::Result<(Option<Record>, HighWater)> {
    if let Some(record) = record.as_mut().filter(|record| !record.is_founding())
        && (places.database, record.database) == (Kind::Sqlite, Kind::Sqlite)
    {
        for lost in MADE_AGAIN {
            if parts::is_missing(&data.database(lost))? {
                if lost == service::CRL {
                    record.give_up_crl("is missing", accept, data)?;
                }
                record.services.remove(lost);
                high_water.forget(lost);
            }
        }
    }
    Ok((record, high_water))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::wiring::settings::Settings;

    #[test]
    fn a_database_of_crl_that_alone_has_revocations_is_not_made_again_without_a_word() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::create(dir.path()).unwrap();
        let mut record = Record {
            id: "one".to_owned(),
            state: State::Complete,
            database: Kind::Sqlite,
            database_at: String::new(),
            own_kek: true,
            services: service::ALL.iter().map(|name| (*name).to_owned()).collect(),
            revocations_in_crl_alone: None,
            starts: 3,
            joining: false,
        };
        for service in service::ALL {
            files::create(&data.database(service), b"", 0o600).unwrap();
        }
        std::fs::remove_file(data.database(service::CRL)).unwrap();
        let places = Places {
            database: Kind::Sqlite,
            ..Places::of(&Settings::default())
        };
        let look = |record: &Record, lost_revocations| {
            let accept = Accept {
                older: true,
                lost_revocations,
            };
            without_lost(
                Some(record.clone()),
                HighWater::default(),
                (places, accept),
                &data,
            )
        };
        let (taken, _) = look(&record, false).unwrap();
        assert!(!taken.unwrap().services.contains(service::CRL));
        // Both are older, of one backup or of two; the same ones are taken again.
        let either = Accept::default();
        for _ in 0..2 {
            let both = [service::CA, service::CRL].into();
            record.note_older((&both, 1), either, &data).unwrap();
            assert_eq!(record.revocations_in_crl_alone, Some(0));
        }
        look(&record, false).unwrap_err();

        record
            .note_older((&[service::CA].into(), 5), either, &data)
            .unwrap();
        let kept = Record::read(&data).unwrap().unwrap();
        assert_eq!(kept.revocations_in_crl_alone, Some(5));
        let said = look(&record, false).unwrap_err().to_string();
        assert!(
            said.contains("crl.db") && said.contains("--accept-lost-revocations"),
            "{said}"
        );
        let (taken, _) = look(&record, true).unwrap();
        assert_eq!(taken.unwrap().revocations_in_crl_alone, None);
        // Nor is one from before taken for it.
        let said = record
            .note_older((&[service::CRL].into(), 5), either, &data)
            .unwrap_err();
        assert!(said.to_string().contains("is older than it was"), "{said}");
        // Taken all the same, it may have some of them, and is not expendable.
        let lost = Accept {
            older: true,
            lost_revocations: true,
        };
        for older in [&[service::CRL][..], &[service::CA, service::CRL]] {
            let older = older.iter().copied().collect();
            record.note_older((&older, 4), lost, &data).unwrap();
            assert_eq!(record.revocations_in_crl_alone, Some(5), "{older:?}");
            let kept = Record::read(&data).unwrap().unwrap();
            assert_eq!(kept.revocations_in_crl_alone, Some(5));
        }
        // A backup of all that was made since has them.
        let both = [service::CA, service::CRL].into();
        record.note_older((&both, 7), either, &data).unwrap();
        assert_eq!(record.revocations_in_crl_alone, Some(6));
    }

    #[test]
    fn a_record_of_an_earlier_version_takes_no_copy_for_one_that_has_them() {
        let written = |member: &str| {
            let text = format!(
                r#"{{"id": "one", "state": "complete", "database": "sqlite", "own_kek": true, {member}"starts": 3, "joining": false}}"#
            );
            serde_json::from_str::<Record>(&text)
                .unwrap()
                .revocations_in_crl_alone
        };
        assert_eq!(written(r#""revocations_in_crl_alone": true, "#), Some(i64::MAX));
        assert_eq!(written(""), None);
        assert_eq!(written(r#""revocations_in_crl_alone": 7, "#), Some(7));
    }

    #[test]
    fn what_is_lost_with_it_is_said_of_each_service() {
        for service in service::ALL {
            let said = lost_with(service).unwrap();
            assert!(said.contains(&format!("that of {service}")), "{said}");
        }
        let said = of(&["auth", "crl"]);
        assert!(
            said.starts_with("API keys") && said.contains("CRL numbers"),
            "{said}"
        );
    }
}
