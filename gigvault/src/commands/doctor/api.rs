//! What the API shows to a credential: whose it is, the CAs, a certificate, and what the services find in their own state.

use client::{Client, Error, Filter, Problem, Status};
use vocabulary::ProblemType;

use super::pointers::{self, Issued};
use super::{Check, chain, directory, failed, ok, warning};
use crate::cli::Connection;
use crate::commands::{now, times};
use crate::connection::{Versions, advice};

/// CAs that run out within this need a successor.
const CA_WARNING: time::Duration = time::Duration::days(90);
const SEE_LOG: &str = "see the server's log";

/// The API as this credential sees it.
struct Api<'a> {
    client: &'a Client,
    connection: &'a Connection,
    /// Services of the process at this URL; empty where it does not tell.
    here: Vec<String>,
    versions: Versions,
}

/// What needs a credential is not asked for where none can be checked: that is said once. `ldap` is the URL of the directory of the
/// server, where that is known.
pub(super) async fn look(
    client: &Client,
    connection: &Connection,
    (here, ldap): (Vec<String>, Option<&str>),
) -> Vec<Check> {
    let status = client.status().await;
    // It needs nothing but the credential.
    if let Err(error) = &status
        && error.problem().and_then(Problem::known) == Some(ProblemType::CredentialUnchecked)
    {
        return vec![unchecked(error)];
    }
    let mut checks: Vec<Check> = clock_offset(status.as_ref().ok()).into_iter().collect();
    let api = Api {
        client,
        connection,
        here,
        versions: Versions::by(status.ok().map(|status| status.version)),
    };
    match api.credential().await {
        Ok(credential) => checks.push(credential),
        // Every other request would be refused for the same.
        Err(refused) => {
            checks.push(refused);
            return checks;
        }
    }
    let authorities = api.client.cas().list().items().all().await;
    checks.push(api.authorities(&authorities));
    let authorities = authorities.unwrap_or_default();
    let directory = match ldap {
        Some(url) if !authorities.is_empty() => Some(directory::look(url, &authorities, now()).await),
        _ => None,
    };
    checks.extend(api.pointers(authorities).await);
    checks.extend(directory);
    checks.extend(api.services().await);
    checks
}

/// For a server that cannot find out whose the credential is. Who does not answer is in its words.
fn unchecked(error: &Error) -> Check {
    let said = chain(error);
    let what = match () {
        () if said.contains("the database of auth does not answer") => {
            "start the database of auth, or make it reachable for auth"
        }
        () if said.contains("auth does not answer") => {
            "start auth on its machine, `gigvault serve auth --config FILE`, or make it reachable from the process at this URL"
        }
        () => SEE_LOG,
    };
    let detail = format!("{said}; what needs a credential was not looked at");
    failed(
        "credential",
        detail,
        &format!("{what}, and run `gigvault doctor` again"),
    )
}

/// A clock that the environment shifts, on either side; nothing where it is not, or where this credential may not know.
fn clock_offset(status: Option<&Status>) -> Option<Check> {
    use kit::clock::{Clock as _, OFFSET_VARIABLE, SystemClock};
    let theirs = status.map_or(0, |status| status.clock_offset_seconds);
    let ours = SystemClock::from_env().map_or(0, |clock| clock.offset().whole_seconds());
    let (whose, seconds) = match (theirs, ours) {
        (0, 0) => return None,
        (0, ours) => ("this machine's", ours),
        (theirs, _) => ("the server's", theirs),
    };
    Some(warning(
        "clock offset",
        format!("{OFFSET_VARIABLE} shifts {whose} clock by {seconds} s"),
        &format!(
            "it is for tests only: `unset {OFFSET_VARIABLE}` where that is started from, and start it again"
        ),
    ))
}

impl Api<'_> {
    /// For what the process at this URL does not know: it lacks the service, or may be older than this program.
    fn unknown(&self, check: &'static str, service: &str, error: &Error) -> Option<Check> {
        let here = self.here.iter().any(|name| name == service);
        if error.status() == Some(404) && !here {
            return Some(warning(
                check,
                format!("not looked at: the process at this URL serves no routes of {service}"),
                &format!("give the --url of the process that runs {service}"),
            ));
        }
        self.older(check, error)
    }

    fn older(&self, check: &'static str, error: &Error) -> Option<Check> {
        let detail = || format!("not looked at: {}", chain(error));
        error
            .suggests_older_server()
            .then(|| warning(check, detail(), &self.versions.hint()))
    }

    /// An error is the check of a credential that is refused.
    async fn credential(&self) -> Result<Check, Check> {
        const CHECK: &str = "credential";
        match self.client.whoami().await {
            Ok(me) => Ok(ok(CHECK, format!("{} with {}", me.subject, me.roles.join(", ")))),
            Err(error) if error.status() == Some(401) => {
                let detail = format!("{}; what needs a credential was not looked at", chain(&error));
                Err(failed(CHECK, detail, &advice::credential(self.connection)))
            }
            Err(error) => Ok(self
                .unknown(CHECK, "auth", &error)
                .unwrap_or_else(|| failed(CHECK, chain(&error), SEE_LOG))),
        }
    }

    fn authorities(&self, list: &Result<Vec<client::Ca>, Error>) -> Check {
        const CHECK: &str = "authorities";
        match list {
            Ok(list) => judged(list),
            Err(error) if error.status() == Some(403) => {
                warning(CHECK, "this credential may not see them".to_owned(), "")
            }
            Err(error) => self
                .unknown(CHECK, "ca", error)
                .unwrap_or_else(|| failed(CHECK, chain(error), SEE_LOG)),
        }
    }

    /// What certificates point to.
    async fn pointers(&self, authorities: Vec<client::Ca>) -> Vec<Check> {
        let mut issued = Vec::new();
        for ca in authorities {
            match self.newest(&ca.name).await {
                Ok(newest) => issued.push(Issued { ca, newest }),
                Err(error) => {
                    let unseen = || pointers::unseen(format!("not looked at: {}", chain(&error)));
                    return vec![self.unknown("issuer url", "ca", &error).unwrap_or_else(unseen)];
                }
            }
        }
        pointers::look(&issued, self.client.url(), now()).await
    }

    /// Of the newest certificates of a CA that this credential sees, and that are not the server's own, the first that says where its
    /// status is; the newest where none does.
    async fn newest(&self, ca: &str) -> Result<Option<client::Certificate>, Error> {
        // Enough to pass over those of responders, which name no OCSP.
        const LOOKED_AT: u32 = 20;
        let filter = Filter {
            ca: vec![ca.to_owned()],
            pem: true,
            ..Filter::default()
        };
        let list = self.client.certificates().list(&filter)?;
        let mut page = list.page(Some(LOOKED_AT), None).await?.items;
        let at = page.iter().position(pointers::names_ocsp).unwrap_or_default();
        Ok((at < page.len()).then(|| page.swap_remove(at)))
    }

    /// What the services of the server find wrong in their own state.
    async fn services(&self) -> Vec<Check> {
        const CHECK: &str = "services";
        let run = match self.client.doctor().await {
            Ok(run) => run,
            Err(error) if error.status() == Some(403) => {
                let detail = "this credential may not have them looked at".to_owned();
                return vec![warning(
                    CHECK,
                    detail,
                    "use an API key with the permission `status:read` (docs/reference/roles.md)",
                )];
            }
            Err(error) => {
                let older = self.older(CHECK, &error);
                return vec![older.unwrap_or_else(|| failed(CHECK, chain(&error), SEE_LOG))];
            }
        };
        let checks = run.checks.into_iter();
        checks
            .map(|found| Check {
                check: format!("{} of {}", found.check, found.service).into(),
                result: match found.result.as_str() {
                    "ok" => "ok",
                    "warning" => "warning",
                    _ => "failed",
                },
                detail: found.detail,
                fix: found.fix,
            })
            .collect()
    }
}

fn judged(list: &[client::Ca]) -> Check {
    if list.is_empty() {
        return failed(
            "authorities",
            "there is no CA".to_owned(),
            "stop the server and run `gigvault doctor` in the folder that holds its data directory: it says what is missing",
        );
    }
    let mut found: Vec<Check> = list.iter().filter_map(authority).collect();
    // The worst is said first, and the others after it.
    found.sort_by_key(|check| check.result != "failed");
    let joined = |part: fn(&Check) -> &str| found.iter().map(part).collect::<Vec<_>>().join("; ");
    let (detail, fix) = (joined(|check| &check.detail), joined(|check| &check.fix));
    match found.first().map(|check| check.result) {
        Some("failed") => failed("authorities", detail, &fix),
        Some(_) => warning("authorities", detail, &fix),
        None => {
            let names: Vec<&str> = list.iter().map(|ca| ca.name.as_str()).collect();
            ok("authorities", names.join(", "))
        }
    }
}

/// What is wrong with a CA, if anything is.
fn authority(ca: &client::Ca) -> Option<Check> {
    if now() < ca.not_before {
        return Some(failed(
            "authorities",
            format!(
                "CA {} is not valid before {}",
                ca.name,
                times::minute(ca.not_before)
            ),
            "set the clocks of both machines; if they are right, they were wrong when this CA was made: wait until then, or \
             start a new installation in a new folder with `gigvault up --data-dir FOLDER`",
        ));
    }
    if let Some(since) = ca.suspended_since {
        let by = ca.suspended_by.as_deref().unwrap_or("an operator");
        return Some(warning(
            "authorities",
            format!(
                "CA {} was suspended by {by} on {} and issues nothing",
                ca.name,
                times::minute(since)
            ),
            &format!("`gigvault ca resume {}` lets it issue again", ca.name),
        ));
    }
    (ca.not_after - now() < CA_WARNING).then(|| {
        let end = format!(
            "{} ({})",
            times::minute(ca.not_after),
            times::left(ca.not_after, now())
        );
        // No command makes a successor within an installation.
        let fix = "start a new installation in a new folder with `gigvault up --data-dir FOLDER`, bring its root.crt to \
                   whoever trusts this one, and have certificates issued there";
        match ca.not_after < now() {
            true => failed("authorities", format!("CA {} ended on {end}", ca.name), fix),
            false => warning("authorities", format!("CA {} ends on {end}", ca.name), fix),
        }
    })
}
