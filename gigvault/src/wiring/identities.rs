//! Where the identity of this process lies, who issues it, and how long it lives.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use kit::peer::PROCESS;
use kit::tls::IdentityFiles;
use setup::Issuer;

use super::layout::DataDir;
use super::services::{Environment, Service, Services};
use super::settings::Settings;

/// The files of a service's identity.
pub(crate) fn files(settings: &Settings, data: &DataDir, name: &str) -> IdentityFiles {
    let configured = &settings.identity.directory;
    let folder: PathBuf = if configured.as_os_str().is_empty() {
        data.identity(name)
    } else {
        configured.clone()
    };
    IdentityFiles::new(&folder, "tls", folder.join("roots.pem"))
}

/// Configured life of service identities.
pub(crate) fn validity(settings: &Settings) -> anyhow::Result<Option<Duration>> {
    match settings.identity.validity.as_str() {
        "" => Ok(None),
        text => Ok(Some(
            kit::config::span::parse(text)
                .map_err(anyhow::Error::msg)
                .context("identity.validity")?,
        )),
    }
}

/// The CA of services, here or elsewhere; there it is called with the identity that is renewed.
pub(crate) fn issuer(environment: &Environment<'_>, services: &Services) -> anyhow::Result<Issuer> {
    let ca = services.transport(environment, PROCESS, Service::Ca)?;
    Ok(Issuer::new(ca, validity(environment.settings)?))
}
