//! What the self-check found, as metrics of the process that looks.

use std::collections::BTreeSet;

use metrics::gauge;
use time::OffsetDateTime;
use vocabulary::metric;

use crate::app::{Findings, IssuerFindings};

/// The gauges of issuers that were looked at. Once this is dropped they tell when the last look was, and not what it found: another process
/// looks then, and what was found here last would be wrong for as long as this process runs.
#[derive(Default)]
pub(super) struct Gauges(BTreeSet<String>);

impl Gauges {
    /// Forgets issuers that are no longer looked at.
    pub(super) fn keep(&mut self, checked: &[IssuerFindings]) {
        let looked_at: BTreeSet<&str> = checked.iter().map(|one| one.issuer.as_str()).collect();
        self.0.retain(|issuer| {
            let kept = looked_at.contains(issuer.as_str());
            if !kept {
                clear(issuer);
            }
            kept
        });
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of problems, and a time far below 2^52"
    )]
    pub(super) fn set(&mut self, issuer: &str, found: &Findings, now: OffsetDateTime) {
        let is_first = self.0.insert(issuer.to_owned());
        let (count, now) = (found.problems.len() as f64, now.unix_timestamp() as f64);
        gauge!(metric::CRL_SELF_CHECK_PROBLEMS, "ca" => issuer.to_owned()).set(count);
        let seconds = gauge!(metric::CRL_SELF_CHECK_SECONDS, "ca" => issuer.to_owned());
        match (found.unknown.is_empty(), is_first) {
            (true, _) => seconds.set(now),
            // Never, which is long ago for an alert, where none at all would be no alert.
            (false, true) => seconds.set(0.0),
            (false, false) => {}
        }
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        for issuer in &self.0 {
            gauge!(metric::CRL_SELF_CHECK_PROBLEMS, "ca" => issuer.clone()).set(f64::NAN);
        }
    }
}

/// A gauge cannot be taken away. NaN is above and below nothing, so no alert has it, and `max by (ca)` passes over it.
fn clear(issuer: &str) {
    gauge!(metric::CRL_SELF_CHECK_PROBLEMS, "ca" => issuer.to_owned()).set(f64::NAN);
    gauge!(metric::CRL_SELF_CHECK_SECONDS, "ca" => issuer.to_owned()).set(f64::NAN);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(issuer: &str) -> IssuerFindings {
        IssuerFindings {
            issuer: issuer.to_owned(),
            found: Findings {
                problems: vec!["signature".to_owned()],
                unknown: Vec::new(),
            },
        }
    }

    #[test]
    fn what_a_process_found_is_no_metric_of_it_once_it_looks_no_more() {
        let metrics = kit::metrics::install().unwrap();
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let shown = |issuer: &str| {
            let rendered = metrics.render();
            [metric::CRL_SELF_CHECK_PROBLEMS, metric::CRL_SELF_CHECK_SECONDS].map(|name| {
                let start = format!("{name}{{ca=\"{issuer}\"}} ");
                let line = rendered.lines().find_map(|line| line.strip_prefix(&start));
                line.unwrap_or("absent").to_owned()
            })
        };
        let mut gauges = Gauges::default();
        for one in [checked("gauges-a"), checked("gauges-b")] {
            gauges.set(&one.issuer, &one.found, now);
        }
        assert_eq!(shown("gauges-a"), ["1", "1800000000"]);
        gauges.keep(&[checked("gauges-b")]);
        assert_eq!(shown("gauges-a"), ["NaN", "NaN"]);
        assert_eq!(shown("gauges-b"), ["1", "1800000000"]);
        let mut unknown = checked("gauges-c");
        unknown.found.unknown.push("ocsp".to_owned());
        gauges.set(&unknown.issuer, &unknown.found, now);
        assert_eq!(shown("gauges-c"), ["1", "0"]);
        unknown.found.unknown.clear();
        gauges.set(&unknown.issuer, &unknown.found, now);
        unknown.found.unknown.push("ocsp".to_owned());
        gauges.set(&unknown.issuer, &unknown.found, now + time::Duration::minutes(1));
        assert_eq!(shown("gauges-c"), ["1", "1800000000"]);
        // When the last look was is told on.
        drop(gauges);
        assert_eq!(shown("gauges-b"), ["NaN", "1800000000"]);
    }
}
