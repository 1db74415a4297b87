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
            "Nothing but lists is missing from that of crl: what is revoked is read from the database of ca, and CRL numbers go \
             on above all that were used once this is accepted"
        }
        _ => return None,
    })
}

/// Whether no other files are missing than such databases.
pub(super) fn can_be_made_again(missing: &[PathBuf], data: &DataDir) -> bool {
    let files = MADE_AGAIN.map(|service| data.database(service));
    missing.iter().all(|path| files.contains(path))
}

/// The installation without the databases that are lost and can be made again: they count as those of services that are new to it.
pub(crate) fn without_lost(
    mut record: Option<Record>,
    mut high_water: HighWater,
    places: Places,
    data: &DataDir,
) -> Result<(Option<Record>, HighWater), files::Error> {
    if let Some(record) = record.as_mut().filter(|record| !record.is_founding())
        && (places.database, record.database) == (Kind::Sqlite, Kind::Sqlite)
    {
        for service in MADE_AGAIN {
            if parts::is_missing(&data.database(service))? {
                record.services.remove(service);
                high_water.forget(service);
            }
        }
    }
    Ok((record, high_water))
}

#[cfg(test)]
mod tests {
    use super::*;

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
