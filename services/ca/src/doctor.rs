//! What this service looks at when an operator asks what is wrong.

use kit::error::{Common, Fault as _, Kind};
use kit::grpc::RemoteFault;
use kit::service::{DoctorCheck, Finding};
use proto::keymgr::v1::GetRequest;

use crate::app::App;
use crate::authorities;
use crate::domain::Authority;
use crate::error::Error;
use crate::issuance::Keymgr;

pub(crate) fn checks(app: &App) -> Vec<DoctorCheck> {
    let app = app.clone();
    vec![DoctorCheck::new("CA keys", move || {
        let app = app.clone();
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
    })]
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
        false => Finding::failed(wrong.join("; "), RESTORE),
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
