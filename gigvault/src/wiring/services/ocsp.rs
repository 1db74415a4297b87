//! The OCSP responder, as this process runs it.

use std::sync::Arc;

use futures::FutureExt;
use ocsp::{Deps, NAME, Ocsp};

use super::{Environment, Parts, Service, Services};

pub(super) async fn build(environment: &Environment<'_>, services: &mut Services) -> Parts {
    let deps = Deps {
        db: environment.databases.of(Service::Ocsp)?,
        clock: Arc::clone(&environment.clock),
        ca: services.transport(environment, NAME, Service::Ca)?,
        keymgr: services.transport(environment, NAME, Service::Keymgr)?,
        redis: services.redis(environment)?,
        stop: environment.stop.clone(),
    };
    let ocsp = Ocsp::build(environment.settings.ocsp.clone(), deps)?;
    let parts = ocsp.service();
    // The CAs are there by then: the first request finds their responders.
    let prepare = async move {
        ocsp.prepare().await;
        Ok(())
    };
    Ok((parts, Some(prepare.boxed())))
}
