//! What this service looks at when an operator asks what is wrong.

use kit::clock::rfc3339;
use kit::service::{DoctorCheck, Finding, first_of};
use time::Duration;

use crate::app::App;
use crate::domain::End;

/// Time enough to make another key before the last one that can ends.
const WARNING: Duration = Duration::days(30);

pub(crate) fn checks(app: &App) -> Vec<DoctorCheck> {
    let (of_admins, of_rows) = (app.clone(), app.clone());
    vec![
        DoctorCheck::new("admin keys", move || {
            let app = of_admins.clone();
            async move { admin_keys(&app).await }
        }),
        DoctorCheck::new("stored API keys", move || {
            let app = of_rows.clone();
            async move { stored_keys(&app).await }
        }),
    ]
}

/// Whether the rows of API keys can be read, each column of them: the newest, so that the check has an end.
async fn stored_keys(app: &App) -> Finding {
    let (damaged, read) = match app.damaged().await {
        Ok(found) => found,
        Err(error) => return Finding::unknown(&error),
    };
    match damaged.len() {
        0 => Finding::ok(format!("the newest {read} can be read")),
        number => Finding::failed(
            format!(
                "{number} of the newest {read} cannot be read: {}",
                first_of(&damaged)
            ),
            "restore these columns from a backup of the database of auth; until then lists leave these keys out, and they \
             are refused; `gigvault apikey revoke` revokes them all the same",
        ),
    }
}

/// Whether API keys can be made, now and in a month.
async fn admin_keys(app: &App) -> Finding {
    let (last, now) = match app.last_admin().await {
        Ok(last) => (last, app.clock().now()),
        Err(error) => return Finding::unknown(&error),
    };
    match last {
        None => Finding::failed("no API key that can be read may make API keys", NEW),
        Some(end) if end.is_over(now) => {
            Finding::failed("every API key that may make API keys has ended", NEW)
        }
        Some(End::At(end)) if end - now < WARNING => Finding::warning(
            format!("the last API key that may make API keys ends at {}", rfc3339(end)),
            format!(
                "a key ends with its maker at the latest, so none of these makes one that ends later: {NEW}"
            ),
        ),
        Some(End::At(_) | End::Never) => Finding::ok("API keys can be made"),
    }
}

const NEW: &str = "stop the server, run on its machine `gigvault bootstrap --new-admin-token --data-dir DIR` with its data \
                   directory, or with --config FILE in place of it, which writes a new key into admin.token there, and start \
                   the server again";
