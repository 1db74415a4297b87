//! The LDAP listener: what is out, for relying parties that ask a directory.

use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use kit::error::chain;
use kit::service::Protocol;
use ldap::{Directory, Limits, Published, Unavailable};
use tokio::sync::Mutex;

use crate::app::App;
use crate::error::Error;

/// The listener as a process runs it.
pub(crate) fn protocol(app: App) -> Protocol {
    let directory: Arc<dyn Directory> = Arc::new(Lists {
        app,
        read: Mutex::default(),
    });
    Protocol::new(move |listener, connections, stop| {
        let limits = Limits {
            connections,
            ..Limits::default()
        };
        ldap::serve(listener, Arc::clone(&directory), limits, stop)
    })
}

/// The lists that are out, asked of the database for each search as for each request over HTTP: no process answers an older one
/// after another has answered a newer one. Searches that wait share what is read after they came, so that however many there are,
/// the database is asked by one at a time.
struct Lists {
    app: App,
    read: Mutex<Option<DirectoryContent>>,
}

/// What was out at an instant or later.
struct DirectoryContent {
    begun: Instant,
    published: Vec<Arc<Published>>,
}

impl Lists {
    async fn read_since(&self, asked: Instant) -> Result<Vec<Arc<Published>>, Error> {
        let mut read = self.read.lock().await;
        if let Some(read) = read.as_ref().filter(|read| read.begun >= asked) {
            return Ok(read.published.clone());
        }
        let begun = Instant::now();
        let published = self.app.published().await?;
        *read = Some(DirectoryContent {
            begun,
            published: published.clone(),
        });
        Ok(published)
    }
}

impl Directory for Lists {
    fn published(&self) -> BoxFuture<'_, Result<Vec<Arc<Published>>, Unavailable>> {
        let asked = Instant::now();
        async move {
            self.read_since(asked).await.map_err(|error| {
                tracing::warn!(cause = chain(&error), "directory could not be answered from");
                Unavailable
            })
        }
        .boxed()
    }
}
