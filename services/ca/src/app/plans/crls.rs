//! What is said of CRLs before they are made or imported.

use kit::clock::rfc3339;
use kit::dry_run::{Consequence, Plan, Severity};
use vocabulary::EventType;

use crate::app::ImportedCrl;
use crate::domain::Crl;

/// The CRLs of a CA that would be made, one for each that is out.
pub(in crate::app) fn crls_published(ca: &str, out: &[Crl]) -> Plan {
    let text = format!(
        "complete CRLs and deltas of CA {ca} are made now, with higher numbers than those that are out"
    );
    let urls = out.iter().map(|crl| crl.url.clone());
    let made = Consequence::new(EventType::CrlPublished.name(), Severity::Info, text).of(urls);
    Plan::new().causes(made)
}

/// The CRL that would be imported, in the place of which.
pub(in crate::app) fn crl_imported(name: &str, imported: &ImportedCrl) -> Plan {
    let ImportedCrl {
        crl,
        replaced,
        unchanged,
    } = imported;
    let out = match (replaced, unchanged) {
        (_, true) => crl.number.to_string(),
        (Some(replaced), _) => replaced.number.to_string(),
        (None, _) => "none".to_owned(),
    };
    let plan = Plan::new().rests_on(format!("number of the CRL of {name} that is out"), out);
    if *unchanged {
        return plan;
    }
    let in_place = match replaced {
        Some(before) => format!(
            "in the place of CRL {} of {}",
            before.number,
            rfc3339(before.this_update)
        ),
        None => "where there was none".to_owned(),
    };
    let text = format!(
        "CRL {} of {name} with {} entries, in force until {}, is served {in_place}",
        crl.number,
        crl.entries,
        rfc3339(crl.next_update)
    );
    let served = Consequence::new(EventType::CrlPublished.name(), Severity::Warning, text);
    plan.causes(served.of([crl.url.clone()]))
}
