//! The self-check: after each publication, and of everything every five minutes, by whoever makes lists.

mod gauges;

use std::collections::BTreeMap;
use std::time::Duration;

use kit::retry::Retry;
use proto::ca::v1::ReportHealthRequest;
use store::time::to_micros;
use tokio::time::{Instant, sleep, timeout_at};

use crate::app::{App, Checker, Findings, IssuerFindings};
use crate::error::Error;
use gauges::Gauges;

/// Time between two looks at everything.
const ALL: Duration = Duration::from_secs(300);
/// A process that has just started does not serve yet what it looks at.
const START: Duration = Duration::from_secs(3);
/// A list may be replaced while it is looked at, and a server be restarted: what is wrong is looked at again after this time before
/// it is told.
const AGAIN: Duration = Duration::from_secs(2);
/// Time between two looks, at least; and n times as long as a look took, since a long list is fetched whole.
const REST: Duration = Duration::from_secs(2);
const SHARE: u32 = 10;
/// How soon everything is looked at again where something is wrong: when it is right, that is told soon.
const WRONG: Duration = Duration::from_secs(60);
/// How soon ca is told what it was not told.
const TELL_AGAIN: Duration = Duration::from_secs(15);

/// Ends only with the lease.
pub(super) async fn run(app: &App) {
    let mut checker = match app.checker() {
        Ok(Some(checker)) => checker,
        Ok(None) => return std::future::pending().await,
        Err(error) => {
            tracing::warn!(cause = %error, "CRLs are not looked at where they are served");
            return std::future::pending().await;
        }
    };
    sleep(START).await;
    let mut reporter = Reporter::default();
    let mut looks = Retry::of_rounds("self-check of CRLs where they are served");
    let mut published = app.publications();
    let mut next = Instant::now();
    loop {
        published.mark_unchanged();
        let begun = Instant::now();
        let all = begun >= next;
        if all {
            next = begun + ALL;
        }
        let (again, took) = look(app, (&mut checker, &mut looks), &mut reporter, all).await;
        next = next.min(Instant::now() + again);
        // Never longer than what it says stays true for.
        sleep((took * SHARE).clamp(REST, ALL)).await;
        // Elapsed or published, the next step is the same.
        let _ = timeout_at(next, published.changed()).await;
    }
}

/// Looks, and tells what is found; answers how soon everything is to be looked at again, and the time that the looks took.
async fn look(
    app: &App,
    (checker, looks): (&mut Checker, &mut Retry),
    reporter: &mut Reporter,
    all: bool,
) -> (Duration, Duration) {
    let mut took = Duration::ZERO;
    let found = match confirmed(app, checker, all, &mut took).await {
        Ok(found) => found,
        Err(error) => {
            looks.failed(&error);
            return (REST, took);
        }
    };
    looks.works();
    let is_right = found.iter().all(|issuer| issuer.found.is_nothing());
    let is_told = reporter.tell(app, found, all).await;
    let again = match (is_told, is_right) {
        (false, _) => TELL_AGAIN,
        (true, false) => WRONG,
        (true, true) => ALL,
    };
    (again, took)
}

/// What is found twice, where something is wrong or not known; adds the time of the looks to `took`.
async fn confirmed(
    app: &App,
    checker: &mut Checker,
    all: bool,
    took: &mut Duration,
) -> Result<Vec<IssuerFindings>, Error> {
    checker.draw();
    let begun = Instant::now();
    let found = app.self_check(checker, all).await?;
    *took += begun.elapsed();
    if found.iter().all(|issuer| issuer.found.is_nothing()) {
        return Ok(found);
    }
    sleep(AGAIN).await;
    let begun = Instant::now();
    // What was wrong is looked at whole.
    let found = app.self_check(checker, false).await?;
    *took += begun.elapsed();
    Ok(found)
}

/// What was said of each issuer.
#[derive(Default)]
struct Reporter {
    /// In the log.
    noted: BTreeMap<String, Findings>,
    /// By ca.
    taken: BTreeMap<String, Findings>,
    /// Issuers of which ca did not take it.
    not_taken: BTreeMap<String, Retry>,
    gauges: Gauges,
}

impl Reporter {
    /// Tells the log where something has changed.
    fn note(&mut self, issuer: &str, found: &Findings) {
        let before = self.noted.insert(issuer.to_owned(), found.clone());
        if before.as_ref() == Some(found) {
            return;
        }
        if !found.unknown.is_empty() {
            let unknown = found.unknown.join("; ");
            tracing::warn!(issuer, unknown, "self-check could not look at everything");
        }
        let was_wrong = before.is_some_and(|before| !before.problems.is_empty());
        note_problems(issuer, &found.problems, was_wrong);
    }

    /// Tells log, metrics, and `ca`, which makes an event of it; whether `ca` took it.
    async fn tell(&mut self, app: &App, checked: Vec<IssuerFindings>, all: bool) -> bool {
        let mut taken = true;
        self.gauges.keep(&checked);
        for IssuerFindings { issuer, found } in checked {
            self.gauges.set(&issuer, &found, app.clock.now());
            self.note(&issuer, &found);
            if !all && self.taken.get(&issuer) == Some(&found) {
                continue;
            }
            let report = ReportHealthRequest {
                issuer: issuer.clone(),
                problems: found.problems.clone(),
                unknown: found.unknown.clone(),
                checked_us: to_micros(app.clock.now()),
            };
            match app.ca.clone().report_health(report).await {
                Ok(_) => {
                    if let Some(mut retry) = self.not_taken.remove(&issuer) {
                        retry.works();
                    }
                    self.taken.insert(issuer, found);
                }
                Err(status) => {
                    let what = || Retry::of_rounds(format!("report of the self-check of {issuer} to ca"));
                    let retry = self.not_taken.entry(issuer.clone()).or_insert_with(what);
                    retry.failed_by(status.message().to_owned());
                    taken = false;
                }
            }
        }
        taken
    }
}

fn note_problems(issuer: &str, problems: &[String], was_wrong: bool) {
    let text = problems.join("; ");
    if !problems.is_empty() {
        tracing::error!(
            issuer,
            problems = text,
            "self-check found what relying parties see wrong"
        );
    } else if was_wrong {
        tracing::info!(issuer, "self-check no longer finds anything wrong");
    }
}
