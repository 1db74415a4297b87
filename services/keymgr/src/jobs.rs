//! Background work: the record of signatures, which every process writes for itself.

use std::time::Duration;

use kit::service::Job;

use crate::app::App;

/// How often the record is written; a process that is killed loses as many seconds of it.
const EVERY: Duration = Duration::from_secs(5);

pub(crate) fn all(app: &App) -> Vec<Job> {
    let app = app.clone();
    let write = move || {
        let app = app.clone();
        async move { app.write_signatures().await }
    };
    vec![Job::each("record of signatures", EVERY, write).and_at_the_end()]
}
