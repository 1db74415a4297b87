//! Where the identity of this process is stored, who issues it, and how long it lives.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use kit::clock::SharedClock;
use kit::peer::PROCESS;
use kit::tls::{Identity, IdentityFiles};
use setup::Issuer;

use super::identity_directory;
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

/// The identity of this process, from its files.
pub(crate) fn load(
    settings: &Settings,
    data: &DataDir,
    name: &str,
    clock: &SharedClock,
) -> anyhow::Result<Identity> {
    identity_directory::warn(settings, clock);
    let files = files(settings, data, name);
    let directory = &settings.identity.directory;
    Identity::from_files(files.clone(), Arc::clone(clock)).with_context(|| {
        // One file may configure `bootstrap` and this process, and `bootstrap` gives each name a folder of its own.
        let moved = match directory.as_os_str().is_empty() {
            true => String::new(),
            false => format!(
                " in identities/{name} of the data directory that it works on: move it to {}, which identity.directory names",
                ::files::quoted(directory)
            ),
        };
        format!(
            "the identity in {}; `gigvault bootstrap --identity {name}` makes the first{moved}",
            files.certificate.display()
        )
    })
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
