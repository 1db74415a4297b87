//! What this service looks at when an operator asks what is wrong.

use kit::clock::rfc3339;
use kit::error::{Common, Fault as _, Kind};
use kit::grpc::RemoteFault;
use kit::service::{DoctorCheck, Finding, first_of};
use proto::keymgr::v1::GetRequest;
use store::{StoreError, jobs};

use crate::app::App;
use crate::authorities;
use crate::domain::{Authority, Health, STALE};
use crate::error::Error;
use crate::issuance::Keymgr;
use crate::tables::certificates;

pub(crate) fn checks(app: &App) -> Vec<DoctorCheck> {
    let [of_keys, of_rows, of_compromises, of_jobs, of_health] = std::array::from_fn(|_| app.clone());
    vec![
        DoctorCheck::new("CA keys", move || {
            let app = of_keys.clone();
            async move {
                match ca_keys(&app).await {
                    Ok(found) => found,
                    Err(Error::Keymgr(fault)) => Finding::failed(
                        format!("keymgr does not answer: {}", fault.public()),
                        "start the process of keymgr if it does not run; else see that this one reaches it, and the log of both",
                    ),
                    Err(error) => Finding::unknown(&error),
                }
            }
        }),
        DoctorCheck::new("stored certificates", move || {
            let app = of_rows.clone();
            async move {
                stored_certificates(&app)
                    .await
                    .unwrap_or_else(|error| Finding::unknown(&error))
            }
        }),
        DoctorCheck::new("compromised keys", move || {
            let app = of_compromises.clone();
            async move {
                compromised_keys(&app)
                    .await
                    .unwrap_or_else(|error| Finding::unknown(&error))
            }
        }),
        DoctorCheck::new("stored jobs", move || {
            let app = of_jobs.clone();
            async move {
                stored_jobs(&app)
                    .await
                    .unwrap_or_else(|error| Finding::unknown(&error))
            }
        }),
        DoctorCheck::new("self-check of CRLs and OCSP", move || {
            let app = of_health.clone();
            async move {
                self_check(&app)
                    .await
                    .unwrap_or_else(|error| Finding::unknown(&error))
            }
        }),
    ]
}

/// What the self-check of crl found of each CA at the URLs in its certificates.
async fn self_check(app: &App) -> Result<Finding, Error> {
    let now = app.clock.now();
    let (mut wrong, mut unknown, mut healthy, mut all) = (Vec::new(), Vec::new(), 0, 0);
    for authority in app.authorities.current().await? {
        if authority.certificate.not_after() < now {
            continue;
        }
        all += 1;
        let checks = app.self_checks(&authority).await?;
        // What was found too long ago says nothing of now.
        for found in checks.found.iter().filter(|found| !found.is_stale(now)) {
            wrong.extend(
                found
                    .problems
                    .iter()
                    .map(|text| format!("{}: {text}", found.issuer)),
            );
            unknown.extend(
                found
                    .unknown
                    .iter()
                    .map(|text| format!("{}: {text}", found.issuer)),
            );
        }
        match (checks.health, checks.checked) {
            (Health::Healthy, _) => healthy += 1,
            (Health::Unknown, Some(last)) if (now - last).abs() > STALE => {
                unknown.push(format!(
                    "CA {} was looked at last at {}",
                    authority.name,
                    rfc3339(last)
                ));
            }
            (Health::Unknown, None) if (now - app.started).abs() > STALE => {
                unknown.push(format!("CA {} was never looked at", authority.name));
            }
            (Health::Unknown | Health::Unhealthy, _) => {}
        }
    }
    if !wrong.is_empty() {
        return Ok(Finding::failed(
            first_of(&wrong),
            "find out what answers at these URLs, such as a proxy or a cache; see the log of the processes that run crl and ocsp, \
             and `gigvault ca health`",
        ));
    }
    if !unknown.is_empty() {
        return Ok(Finding::warning(
            first_of(&unknown),
            "see that a process with crl runs, has `crl.self_check: true`, and reaches ca and the URLs in certificates; see its log",
        ));
    }
    Ok(Finding::ok(match all - healthy {
        0 => format!("relying parties see what is true of {healthy} CAs"),
        rest => format!("{rest} of {all} CAs were not looked at yet, in the first minutes of this process"),
    }))
}

/// Jobs that are read, the newest; lists show the damage of each.
const MOST_JOBS: i64 = 1000;
/// Jobs whose ids are looked at.
const MOST_IDS: i64 = 100_000;

/// Whether the rows of jobs can be read, each column of them.
async fn stored_jobs(app: &App) -> Result<Finding, Error> {
    let newest = jobs::Slice {
        behind: None,
        down: true,
        rows: MOST_JOBS,
    };
    let listed = jobs::list(&app.db, None, &newest).await?;
    let without_id = jobs::without_id(&app.db, MOST_IDS).await?;
    let mut damaged: Vec<String> = listed
        .iter()
        .filter(|job| !job.damage.is_none())
        .map(|job| format!("job {}: {}", job.id, job.damage))
        .collect();
    if without_id > 0 {
        damaged.push(format!("the ids of {without_id} jobs"));
    }
    Ok(match damaged.is_empty() {
        true => Finding::ok(format!("the newest {} can be read", listed.len())),
        false => Finding::failed(
            format!("cannot be read: {}", first_of(&damaged)),
            "restore these columns from a backup of the database of ca; until then these jobs are not done, and lists leave out \
             those whose ids are damaged",
        ),
    })
}

/// Certificates that are read, the newest, so that the check has an end: what is older and damaged is in the log once it is met.
const MOST_READ: usize = 10_000;

/// Whether the rows of certificates can be read, each column of them.
async fn stored_certificates(app: &App) -> Result<Finding, Error> {
    let (mut read, mut damaged, mut before) = (0, Vec::new(), None);
    loop {
        let found = certificates::newest(&app.db, before, AT_ONCE).await?;
        let more = found.len() == AT_ONCE as usize;
        read += found.len();
        before = found.iter().rev().find_map(|(id, _)| *id);
        for (_, issued) in found {
            match issued {
                Err(Error::Common(Common::Store(StoreError::Damaged(problem)))) => damaged.push(problem),
                other => drop(other?),
            }
        }
        if !more || before.is_none() || read >= MOST_READ {
            let which = if more { "the newest " } else { "all " };
            return Ok(match damaged.len() {
                0 => Finding::ok(format!("{which}{read} can be read")),
                number => {
                    let named = first_of(&damaged);
                    Finding::failed(
                        format!("{number} of {which}{read} cannot be read: {named}"),
                        RESTORE_ROWS,
                    )
                }
            });
        }
    }
}

/// Rows that are read at a time.
const AT_ONCE: u32 = 500;
const RESTORE_ROWS: &str = "restore these columns from a backup of the database of ca; until then lists leave these certificates \
     out, they are not renewed, and they are not revoked where a column is one that a revocation is decided on";

/// Whether every key that a certificate was revoked for is refused, whatever the age of the certificate.
async fn compromised_keys(app: &App) -> Result<Finding, Error> {
    let found = app.unrecordable_keys(MOST_READ).await?;
    if found.count == 0 {
        return Ok(Finding::ok(
            "the key of each certificate that is revoked for compromise is recorded or can be",
        ));
    }
    Ok(Finding::failed(
        format!(
            "the keys of {} revoked certificates are not recorded as compromised and can be certified again: {}",
            found.count,
            first_of(&found.named)
        ),
        "restore these columns from a backup of the database of ca; until then look that no CSR with one of these keys is \
         accepted",
    ))
}

const RESTORE: &str = "stop the server, restore the databases of ca and keymgr from the same backup \
                       (docs/guides/operating.md, \"Restore\"), and start it again";

/// Whether the CAs can be read as a start reads them, keymgr has the key of each, and it is the one that the CA's certificate
/// certifies. Not of the CAs in memory: what was lost since they were read would be found by the next start.
async fn ca_keys(app: &App) -> Result<Finding, Error> {
    let mut keymgr = app.keymgr.clone();
    let authorities = match authorities::stored(&app.db).await {
        Err(Error::Common(Common::Internal(problem))) => return Ok(Finding::failed(problem, RESTORE)),
        stored => stored?,
    };
    let mut wrong = Vec::new();
    for authority in &authorities {
        if let Some(problem) = key_of(authority, &mut keymgr).await? {
            wrong.push(format!("CA {}: {problem}", authority.name));
        }
    }
    Ok(match wrong.is_empty() {
        true => Finding::ok(format!("keymgr has the keys of all {} CAs", authorities.len())),
        false => Finding::failed(first_of(&wrong), RESTORE),
    })
}

async fn key_of(authority: &Authority, keymgr: &mut Keymgr) -> Result<Option<String>, Error> {
    let name = authority.key_name.clone();
    let key = match keymgr.get(GetRequest { name }).await {
        Ok(key) => key.into_inner(),
        Err(status) => {
            let fault = RemoteFault::from(status);
            return match fault.kind() {
                Kind::NotFound => Ok(Some(format!("keymgr has no key {}", authority.key_name))),
                Kind::Invalid
                | Kind::Unauthenticated
                | Kind::Denied
                | Kind::Conflict
                | Kind::Changed
                | Kind::TooLarge
                | Kind::Unprocessable
                | Kind::RateLimited
                | Kind::Internal
                | Kind::Unavailable => Err(Error::Keymgr(fault)),
            };
        }
    };
    let same = key.spki == authority.certificate.spki();
    Ok((!same).then(|| {
        format!(
            "key {} of keymgr is not that of its certificate",
            authority.key_name
        )
    }))
}
