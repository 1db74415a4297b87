//! The LDAP listener: what is out, for relying parties that ask a directory.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use kit::error::chain;
use kit::service::Protocol;
use ldap::{Directory, Limits, Published, Unavailable};

use crate::app::App;

/// The listener as a process runs it.
pub(crate) fn protocol(app: App) -> Protocol {
    let directory: Arc<dyn Directory> = Arc::new(Lists(app));
    Protocol::new(move |listener, connections, stop| {
        let limits = Limits {
            connections,
            ..Limits::default()
        };
        ldap::serve(listener, Arc::clone(&directory), limits, stop)
    })
}

/// The lists that are out, asked of the database for each search as for each request over HTTP: no process answers an older one
/// after another has answered a newer one.
struct Lists(App);

impl Directory for Lists {
    fn published(&self) -> BoxFuture<'_, Result<Vec<Arc<Published>>, Unavailable>> {
        async {
            self.0.published().await.map_err(|error| {
                tracing::warn!(cause = chain(&error), "directory could not be answered from");
                Unavailable
            })
        }
        .boxed()
    }
}
