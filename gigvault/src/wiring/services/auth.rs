//! Authentication, as this process runs it.

use std::sync::Arc;

use auth::{Auth, Deps};
use futures::FutureExt;

use super::{Environment, Parts, Service, Services};
use crate::wiring::once::keep_token;

pub(super) async fn build(environment: &Environment<'_>, _: &mut Services) -> Parts {
    let deps = Deps {
        db: environment.databases.of(Service::Auth)?,
        clock: Arc::clone(&environment.clock),
        revocations: environment.revocations.clone(),
        stop: environment.stop.clone(),
    };
    let auth = Auth::build(environment.settings.auth.clone(), deps)?;
    let parts = auth.service();
    let keep = keep_token(environment.data.admin_token());
    let first_admin = async move {
        auth.ensure_first_admin(keep).await?;
        Ok(())
    };
    Ok((parts, Some(first_admin.boxed())))
}
