//! What this service looks at when an operator asks what is wrong.

use std::time::Duration;

use kit::clock::rfc3339;
use kit::service::{DoctorCheck, Finding, first_of};

use crate::app::App;
use crate::domain::import::warned_from;
use crate::error::Error;

/// Most serial numbers that a finding names.
const MOST_NAMED: usize = 20;
/// Silence of ca that needs attention: a connection that broke without a word is made again before.
const SILENCE: Duration = Duration::from_secs(60);

pub(crate) fn checks(app: &App) -> Vec<DoctorCheck> {
    let [told, out, octets, known, others] = std::array::from_fn(|_| app.clone());
    let mut checks = vec![
        DoctorCheck::new("revocations in CRLs", move || {
            let app = told.clone();
            async move { heard(&app).await.unwrap_or_else(|error| Finding::unknown(&error)) }
        }),
        DoctorCheck::new("published revocations", move || {
            let app = known.clone();
            async move {
                known_to_ca(&app)
                    .await
                    .unwrap_or_else(|error| Finding::unknown(&error))
            }
        }),
        DoctorCheck::new("CRLs", move || {
            let app = out.clone();
            async move {
                in_force(&app)
                    .await
                    .unwrap_or_else(|error| Finding::unknown(&error))
            }
        }),
        DoctorCheck::new("content of CRLs", move || {
            let app = octets.clone();
            async move {
                content(&app)
                    .await
                    .unwrap_or_else(|error| Finding::unknown(&error))
            }
        }),
        DoctorCheck::new("CRLs of other issuers", move || {
            let app = others.clone();
            async move {
                imported(&app)
                    .await
                    .unwrap_or_else(|error| Finding::unknown(&error))
            }
        }),
    ];
    if app.target.is_some() {
        let app = app.clone();
        checks.push(DoctorCheck::new("directory", move || {
            let app = app.clone();
            async move {
                directory(&app)
                    .await
                    .unwrap_or_else(|error| Finding::unknown(&error))
            }
        }));
    }
    checks
}

/// Whether the other directory has what is out.
async fn directory(app: &App) -> Result<Finding, Error> {
    Ok(match app.behind().await? {
        None => Finding::ok("what is out was written to it"),
        Some((entry, since)) => Finding::warning(
            format!("{entry} could not be written since {}", rfc3339(since)),
            "see the log of the processes that run crl for what the directory answers",
        ),
    })
}

/// Whether ca was heard lately: a revocation that it does not tell is in no list.
async fn heard(app: &App) -> Result<Finding, Error> {
    let (state, now) = (app.state().await?, app.clock.now());
    let fix = "see that the process with ca runs, and that those with crl reach it (peers.ca); their log names the cause";
    Ok(match (state.caught_up, state.lag(now)) {
        (Some(at), Some(lag)) if lag > SILENCE => {
            let at = rfc3339(at);
            Finding::failed(
                format!("what was revoked since {at} is in no list: ca was not heard"),
                fix,
            )
        }
        (Some(at), _) => Finding::ok(format!("all are known as of {}", rfc3339(at))),
        (None, _) => Finding::failed(
            "ca was never heard to its end: its revocations are in no list",
            fix,
        ),
    })
}

/// Whether every scope has lists that are in force, made within their time.
async fn in_force(app: &App) -> Result<Finding, Error> {
    let (state, now) = (app.state().await?, app.clock.now());
    let mut missing = state.missing(now);
    missing.extend(state.damaged.iter().cloned());
    if !missing.is_empty() {
        let fix = "see the log of the processes that run crl: ca and keymgr have to answer them";
        return Ok(Finding::failed(first_of(&missing), fix));
    }
    let mut hanging = app.overdue(&state, now);
    hanging.extend(app.progress.stalled());
    if !hanging.is_empty() {
        let fix = "see the log of the processes that run crl for what failed; if it says nothing, restart the one that makes the lists, \
                   and give it more connections (database.max_connections)";
        return Ok(Finding::failed(first_of(&hanging), fix));
    }
    let mut late = Vec::new();
    for scope_state in &state.scopes {
        for kind in [crate::domain::Kind::Complete, crate::domain::Kind::Delta] {
            let Some(list) = scope_state.current(kind) else {
                continue;
            };
            // It is made again long before.
            if now > list.made + (list.next_update - list.made) * 3 / 4 {
                late.push(format!(
                    "{} runs out at {}",
                    scope_state.scope.path(kind),
                    rfc3339(list.next_update)
                ));
            }
        }
    }
    if !late.is_empty() {
        let fix = "see the log of the processes that run crl for why no new one is made";
        return Ok(Finding::warning(first_of(&late), fix));
    }
    Ok(Finding::ok(format!(
        "lists of {} scopes are in force",
        state.scopes.len()
    )))
}

/// Whether what is out is signed by its CA, and lists what the database has.
async fn content(app: &App) -> Result<Finding, Error> {
    let wrong = app.examine_all().await?;
    if wrong.is_empty() {
        return Ok(Finding::ok("signatures, numbers, and entries are right"));
    }
    let wrong: Vec<String> = wrong
        .iter()
        .map(|(scope, kind, problem)| format!("{}: {problem}", scope.path(*kind)))
        .collect();
    let fix = "nothing at first: such a list is made again within ten minutes; restore the database of crl from a backup if this stays";
    Ok(Finding::failed(first_of(&wrong), fix))
}

/// Whether ca knows what was published as revoked for good. A database of ca that was restored from an older backup does not.
async fn known_to_ca(app: &App) -> Result<Finding, Error> {
    let lost = app.lost_by_ca().await?;
    if !lost.to_revoke.is_empty() {
        let fix = "the database of ca was restored from an older backup: revoke these certificates again with `gigvault cert revoke`; \
                   until then CRLs list them, and OCSP says that they are good";
        let named = named(&lost.to_revoke);
        return Ok(Finding::failed(
            format!("ca does not know that these are revoked: {named}"),
            fix,
        ));
    }
    if !lost.held.is_empty() {
        let fix = "the database of ca was restored from an older backup: put these certificates on hold again with `gigvault cert hold`, \
                   and release them if that is over; until then CRLs list them, and OCSP says that they are good";
        let named = named(&lost.held);
        return Ok(Finding::failed(
            format!("ca does not know that these are on hold: {named}"),
            fix,
        ));
    }
    if !lost.of_unknown_issuers.is_empty() {
        let fix = "the database of ca was restored from a backup of before these CAs: restore a newer one";
        let named = named(&lost.of_unknown_issuers);
        return Ok(Finding::failed(
            format!("ca does not know issuers of what was published, by their number: {named}"),
            fix,
        ));
    }
    if !lost.damaged.is_empty() {
        let fix = "restore the table `entries` of crl from a backup";
        return Ok(Finding::failed(first_of(&lost.damaged), fix));
    }
    if lost.more {
        return Ok(Finding::warning(
            format!(
                "ca lost {} certificates that CRLs list as revoked, and more were not looked at",
                lost.not_issued.len()
            ),
            "look again when these have ended",
        ));
    }
    Ok(Finding::ok(match lost.not_issued.is_empty() {
        true => "ca knows them all".to_owned(),
        // They cannot be revoked again, and need not be: no relying party takes them.
        false => format!(
            "ca knows all but certificates that an older backup of its database does not have: {}; CRLs list them until they end, and \
             OCSP calls none of them good",
            named(&lost.not_issued)
        ),
    }))
}

/// The first of them.
fn named(all: &[String]) -> String {
    let mut named = all
        .iter()
        .take(MOST_NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if all.len() > MOST_NAMED {
        named.push_str(", and more");
    }
    named
}

/// Whether lists whose issuers' keys are elsewhere are in force, and will be for a while: people have to meet to sign the next.
async fn imported(app: &App) -> Result<Finding, Error> {
    let (lists, now) = (app.imported().await?, app.clock.now());
    let mut ended = Vec::new();
    let mut ending = Vec::new();
    for list in &lists {
        let path = list.scope.path(list.kind);
        if list.next_update <= now {
            ended.push(format!(
                "{path} has run out: its nextUpdate is {}",
                rfc3339(list.next_update)
            ));
        } else if warned_from(list.this_update, list.next_update) <= now {
            ending.push(format!("{path} runs out at {}", rfc3339(list.next_update)));
        }
    }
    let fix = "have the issuer sign a new CRL (`gigvault rootca crl`), and import it: `gigvault ca crl import <name> <file>`";
    if !ended.is_empty() {
        ended.extend(ending);
        return Ok(Finding::failed(ended.join("; "), fix));
    }
    if !ending.is_empty() {
        return Ok(Finding::warning(ending.join("; "), fix));
    }
    Ok(Finding::ok(match lists.len() {
        0 => "none was imported".to_owned(),
        number => format!("imported and in force: {number}"),
    }))
}
