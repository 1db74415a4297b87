//! What this service looks at when an operator asks what is wrong.

use keys::KeyError;
use kit::page::Ask;
use kit::service::{DoctorCheck, Finding, first_of};

use crate::app::App;
use crate::config::KekSource;
use crate::error::Error;
use crate::{tables, unlock};

/// Where the steps are.
const GUIDE: &str = "docs/guides/operating.md, \"Restore\"";

pub(crate) fn checks(app: &App, kek: &KekSource) -> Vec<DoctorCheck> {
    let of_kek = (app.clone(), kek.clone());
    let app = app.clone();
    vec![
        DoctorCheck::new("key-encryption key", move || {
            let (app, kek) = of_kek.clone();
            async move { key_encryption_key(&app, &kek).await }
        }),
        DoctorCheck::new("stored keys", move || {
            let app = app.clone();
            async move {
                stored_keys(&app)
                    .await
                    .unwrap_or_else(|error| Finding::unknown(&error))
            }
        }),
    ]
}

/// Whether the next start would find the key-encryption key that this one found.
async fn key_encryption_key(app: &App, kek: &KekSource) -> Finding {
    match unlock::check_again(app.db(), kek).await {
        Ok(()) => Finding::ok("the next start finds it"),
        Err(error) => match fix_of_kek(&error, &kek.path().display().to_string()) {
            Some(fix) => Finding::failed(format!("the next start would be refused: {error}"), fix),
            None => Finding::unknown(&error),
        },
    }
}

/// What to do about what a start refuses of the file; none where the error is of something else.
fn fix_of_kek(error: &Error, file: &str) -> Option<String> {
    match error {
        Error::LostKek => Some(format!(
            "stop the server, restore the database of keymgr from the backup ({GUIDE}), and start it again"
        )),
        // The error names the command.
        Error::Key(KeyError::Exposed { .. }) => {
            Some("run that command, and consider what is in the file as known to others".to_owned())
        }
        Error::WrongKek { .. } | Error::Key(_) => Some(format!(
            "put what the backup has of {file} back there, with mode 0600 and the user of this process as its owner, before this \
             process ends: it still has the right one in memory"
        )),
        _ => None,
    }
}

/// Whether the stored keys can be opened and their public halves are those that others were told: the first page of them, so
/// that the check has an end. A key in memory says nothing: it would sign until the next start, and no longer.
async fn stored_keys(app: &App) -> Result<Finding, Error> {
    let page = app.list(&Ask::default()).await?;
    // A list leaves these out.
    let (damaged, _) = tables::damaged(app.db()).await?;
    let mut broken = Vec::new();
    for key in &page.items {
        match app.load(&key.name).await {
            Ok(_) => {}
            Err(error) if is_of_the_key(&error) => broken.push(key.name.to_string()),
            Err(error) => return Err(error),
        }
    }
    let unreadable = || format!("{} cannot be read: {}", damaged.len(), first_of(&damaged));
    let sealed = || format!("cannot be opened: {}", first_of(&broken));
    Ok(match (damaged.is_empty(), broken.is_empty()) {
        (true, true) => {
            let which = if page.next_cursor.is_some() {
                "the first "
            } else {
                "all "
            };
            Finding::ok(format!("{which}{} can be opened", page.items.len()))
        }
        (false, true) => Finding::failed(unreadable(), RESTORE_ROWS),
        (true, false) => Finding::failed(sealed(), restore_keys()),
        // The same backup has these columns too.
        (false, false) => Finding::failed(format!("{}; {}", sealed(), unreadable()), restore_keys()),
    })
}

const RESTORE_ROWS: &str = "restore these columns from a backup of the database of keymgr; until then lists leave these keys out, \
                            and they sign nothing";

fn restore_keys() -> String {
    format!(
        "stop the server, restore the database of keymgr and its key-encryption key from the same backup ({GUIDE}), and start \
         it again"
    )
}

/// Rather than of a database that does not answer, or of a machine that has too much to do.
fn is_of_the_key(error: &Error) -> bool {
    kit::error::Fault::kind(error) == kit::error::Kind::Internal
}
