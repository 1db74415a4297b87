//! Sample, as this process runs it.

use sample::{Deps, Sample};

use super::{Environment, Parts, Service, Services};

pub(super) async fn build(environment: &Environment<'_>, services: &mut Services) -> Parts {
    let deps = Deps {
        db: environment.databases.of(Service::Sample)?,
        authenticator: services.authenticator(environment)?,
        stop: environment.stop.clone(),
    };
    let sample = Sample::build(&environment.settings.sample, deps)?;
    Ok((sample.service(), None))
}
