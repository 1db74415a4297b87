//! The key manager, as this process runs it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use keymgr::{Deps, Keymgr};

use super::{Environment, Parts, Service, Services};

pub(super) async fn build(environment: &Environment<'_>, services: &mut Services) -> Parts {
    let mut config = environment.settings.keymgr.clone();
    let software = &mut config.backends.software;
    if software.kek_file.is_none() && software.passphrase_file.is_none() {
        let path = environment.data.kek();
        if environment.founding {
            create_kek(&path).with_context(|| format!("key-encryption key {}", path.display()))?;
        }
        software.kek_file = Some(path);
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

/// An empty file is what earlier versions left on a full disk: it has sealed nothing.
fn create_kek(path: &Path) -> anyhow::Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.len() > 0 => return Ok(()),
        Ok(_) => std::fs::remove_file(path)?,
        Err(_) => {}
    }
    keys::KeyEncryptionKey::create_file(path)?;
    Ok(())
}
