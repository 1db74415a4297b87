//! The CRLs, as this process makes and serves them.

use std::sync::Arc;

use crl::{Crl, Deps, NAME};

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
    Ok((crl.service(), None))
}
