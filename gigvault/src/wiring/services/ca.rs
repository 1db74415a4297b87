//! The certificate authority, as this process runs it.

use std::sync::Arc;

use ca::{Ca, Deps, NAME};

use super::{Environment, Parts, Service, Services};
use crate::wiring::{identities, listeners};

pub(super) async fn build(environment: &Environment<'_>, services: &mut Services) -> Parts {
    let settings = environment.settings;
    let deps = Deps {
        db: environment.databases.of(Service::Ca)?,
        clock: Arc::clone(&environment.clock),
        keymgr: services.transport(environment, NAME, Service::Keymgr)?,
        crl: services.transport_back(environment, NAME, Service::Crl)?,
        ocsp: services.transport_back(environment, NAME, Service::Ocsp)?,
        authenticator: services.authenticator(environment)?,
        public_http_url: environment.public_http_url.clone(),
        stop: environment.stop.clone(),
        trust_domain: settings.identity.trust_domain.clone(),
        identity_validity: identities::validity(settings)?,
        api_names: listeners::api_names(&settings.listen, &environment.public_http_url)?,
    };
    let ca = Ca::build(settings.ca.clone(), deps).await?;
    Ok((ca.service(), None))
}
