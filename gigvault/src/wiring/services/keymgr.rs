//! The key manager, as this process runs it.

use std::sync::Arc;

use keymgr::{Deps, Keymgr};

use super::{Environment, Parts, Service, Services};
use crate::wiring::kek;

pub(super) async fn build(environment: &Environment<'_>, services: &mut Services) -> Parts {
    let config = kek::keymgr_config(environment.settings, environment.data)?;
    if environment.founding && kek::is_own(environment.settings) {
        kek::create(environment.data)?;
    }
    let deps = Deps {
        db: environment.databases.of(Service::Keymgr)?,
        clock: Arc::clone(&environment.clock),
        authenticator: services.authenticator(environment)?,
        stop: environment.stop.clone(),
    };
    let keymgr = Keymgr::build(config, deps).await?;
    Ok((keymgr.service(), None))
}
