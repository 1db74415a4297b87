//! Background work: the times of last use, which every process writes for itself.

use std::time::Duration;

use kit::service::Job;

use crate::app::App;

pub(crate) fn all(app: &App, flush: Duration) -> Vec<Job> {
    let app = app.clone();
    let write = move || {
        let app = app.clone();
        async move { app.write_last_used().await }
    };
    vec![Job::each("times of last use", flush, write).and_at_the_end()]
}
