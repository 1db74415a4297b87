//! The CRLs, as this process makes and serves them.

use std::sync::Arc;

use crl::{Crl, Deps, NAME};
use futures::FutureExt;

use super::{Environment, Parts, Service, Services};

pub(super) async fn build(environment: &Environment<'_>, services: &mut Services) -> Parts {
    let deps = Deps {
        db: environment.databases.of(Service::Crl)?,
        clock: Arc::clone(&environment.clock),
        ca: services.transport(environment, NAME, Service::Ca)?,
        keymgr: services.transport(environment, NAME, Service::Keymgr)?,
        public_http_url: environment.public_http_url.clone(),
        stop: environment.stop.clone(),
    };
    let crl = Crl::build(environment.settings.crl.clone(), deps)?;
    let parts = crl.service();
    // The CAs are there by then, and their lists before anybody is told that the process is ready.
    let prepare = async move {
        crl.prepare().await;
        Ok(())
    };
    Ok((parts, Some(prepare.boxed())))
}
