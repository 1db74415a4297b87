//! The identities of this process: where they are stored, who issues them, and how long they live.
//!
//! A process serves gRPC with one identity, its own. A service that calls another process does so with an identity of its own:
//! what a caller may do depends on which service it is, not on what else runs beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use kit::clock::SharedClock;
use kit::health::CheckError;
use kit::peer::PROCESS;
use kit::service::{DoctorCheck, Finding};
use kit::tls::{Identity, IdentityFiles, RevokedPeers};
use setup::Issuer;
use setup::revoked_peers::LastWord;
use tokio::task::JoinSet;

use super::identity_directory;
use super::layout::DataDir;
use super::services::{Environment, Service, Services};
use super::settings::Settings;

/// The files of the identity of a process.
pub(crate) fn files(settings: &Settings, data: &DataDir, name: &str) -> IdentityFiles {
    let configured = identity_directory::configured(settings);
    files_in(configured.map_or_else(|| data.identity(name), PathBuf::from))
}

fn files_in(folder: PathBuf) -> IdentityFiles {
    IdentityFiles::new(&folder, "tls", folder.join("roots.pem"))
}

/// The identities of this process, from their files.
#[derive(Clone)]
pub(crate) struct Identities {
    /// What it serves with, and asks for what concerns the whole process.
    process: Identity,
    /// Those of services that call other processes under another name.
    services: BTreeMap<&'static str, Identity>,
}

impl Identities {
    /// Reads that of the process, whose name is `name`, and those that `services` call others with.
    pub(crate) fn load(
        settings: &Settings,
        data: &DataDir,
        (name, services): (&str, &BTreeSet<Service>),
        clock: &SharedClock,
    ) -> anyhow::Result<Self> {
        let configured = identity_directory::configured(settings);
        let process = load(&files(settings, data, name), configured.is_some(), name, clock)?;
        let mut others = BTreeMap::new();
        for service in callers_of_others(services) {
            let own = service.name();
            if own == name {
                continue;
            }
            let folder = configured.map_or_else(|| data.identity(own), |directory| directory.join(own));
            let identity = load(&files_in(folder), configured.is_some(), own, clock);
            let identity = identity.with_context(|| {
                format!("service {own} calls other processes with an identity of its own")
            })?;
            others.insert(own, identity);
        }
        let identities = Self {
            process,
            services: others,
        };
        for (caller, identity) in identities.all() {
            let peers = identity.revoked_peers();
            match last_word(settings, data, (caller, identity)).read() {
                Some(serials) => peers.replace(serials),
                None => peers.await_word(),
            }
        }
        Ok(identities)
    }

    /// That of the process.
    pub(crate) fn process(&self) -> &Identity {
        &self.process
    }

    /// The one that `caller` calls other processes with.
    pub(crate) fn of(&self, caller: &'static str) -> anyhow::Result<&Identity> {
        if caller == PROCESS || caller == self.process.id().service() {
            return Ok(&self.process);
        }
        let own = self.services.get(caller);
        own.with_context(|| format!("the identity of service {caller} was not loaded"))
    }

    /// All of them, with who calls others with each.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &Identity)> {
        let services = self.services.iter().map(|(name, identity)| (*name, identity));
        std::iter::once((PROCESS, &self.process)).chain(services)
    }

    /// Has them refuse every peer until it is known which are revoked: from the last run, else from `ca`, which is asked here where it
    /// runs in this process, since others wait for it.
    pub(crate) async fn admit_no_revoked(
        &self,
        environment: &Environment<'_>,
        services: &Services,
    ) -> anyhow::Result<()> {
        for (caller, identity) in self.all() {
            let peers = identity.revoked_peers();
            if services.has(Service::Ca) {
                let issuer = issuer(environment, services, caller)?;
                let last = last_word(environment.settings, environment.data, (caller, identity));
                if let Err(error) = setup::revoked_peers::learn(&issuer, peers, &last).await {
                    tracing::warn!(
                        cause = kit::error::chain(&error),
                        "revoked services are not known yet; asked again"
                    );
                }
            }
        }
        Ok(())
    }

    /// Renews them, reads their files again when these change, and has them refuse peers that are revoked, until the process stops.
    pub(crate) fn keep(
        &self,
        jobs: &mut JoinSet<()>,
        environment: &Environment<'_>,
        services: &Services,
    ) -> anyhow::Result<()> {
        let (clock, stop) = (&environment.clock, &environment.stop);
        for (caller, identity) in self.all() {
            jobs.spawn(identity.clone().watch(stop.clone()));
            let issuer = issuer(environment, services, caller)?;
            let revoked = identity.revoked_peers().clone();
            let last = last_word(environment.settings, environment.data, (caller, identity));
            jobs.spawn(setup::revoked_peers::follow(
                issuer.clone(),
                revoked,
                last,
                stop.clone(),
            ));
            let renewal =
                setup::service_identity::renew(issuer, identity.clone(), Arc::clone(clock), stop.clone());
            jobs.spawn(renewal);
        }
        Ok(())
    }
}

fn load(
    files: &IdentityFiles,
    is_configured: bool,
    name: &str,
    clock: &SharedClock,
) -> anyhow::Result<Identity> {
    let folder = files.certificate.parent().unwrap_or(&files.certificate);
    if is_configured {
        identity_directory::warn(folder, clock);
    }
    Identity::from_files(files.clone(), Arc::clone(clock)).with_context(|| {
        // One file may configure `bootstrap` and this process, and `bootstrap` gives each name a folder of its own.
        let moved = match is_configured {
            false => String::new(),
            true => format!(
                " in identities/{name} of the data directory that it works on: move it to {}, where identity.directory has it",
                ::files::quoted(folder)
            ),
        };
        format!(
            "the identity in {}; `gigvault bootstrap --identity {name}` makes the first{moved}",
            files.certificate.display()
        )
    })
}

/// What `ca` said last to who has that identity, beside it.
fn last_word(settings: &Settings, data: &DataDir, (caller, identity): (&str, &Identity)) -> LastWord {
    let folder = match (identity_directory::configured(settings), caller) {
        (Some(directory), PROCESS) => directory.to_owned(),
        (Some(directory), service) => directory.join(service),
        (None, _) => data.identity(identity.id().service()),
    };
    LastWord::in_directory(&folder)
}

/// A process that does not know which services are revoked takes none as a peer, and is not ready.
pub(crate) fn check_known(identity: &Identity) -> Result<(), CheckError> {
    match identity.revoked_peers().are_known() {
        true => Ok(()),
        false => Err("ca has not said yet which services are revoked".into()),
    }
}

/// What `doctor` says of it.
pub(crate) fn doctor(identities: &Identities) -> DoctorCheck {
    let identities = identities.clone();
    DoctorCheck::new("revoked services", move || {
        let all = || identities.all().map(|(_, identity)| identity.revoked_peers());
        let fix = "see that ca runs and that this process reaches it; its log says why it is not heard";
        let found = if !all().all(RevokedPeers::are_known) {
            Finding::failed(
                "it is not known which services are revoked, so that no other process is accepted",
                fix,
            )
        } else if !all().all(RevokedPeers::are_current) {
            Finding::warning(
                "which services are revoked is known from before, and ca is not heard: later revocations are not",
                fix,
            )
        } else {
            Finding::ok("ca tells which services are revoked")
        };
        std::future::ready(found)
    })
}

/// A process of several services serves with one identity.
pub(crate) fn process_name(
    settings: &Settings,
    services: &BTreeSet<Service>,
    everything: bool,
) -> anyhow::Result<String> {
    let name = match services.first() {
        _ if !settings.identity.name.is_empty() => settings.identity.name.clone(),
        Some(first) if !everything => first.name().to_owned(),
        _ => "gigvault".to_owned(),
    };
    setup::service_identity::check_name(&name)?;
    Ok(name)
}

/// Those of a process that call a service elsewhere for themselves. Who asks `auth` about callers is the process.
fn callers_of_others(here: &BTreeSet<Service>) -> impl Iterator<Item = Service> {
    let is_elsewhere = |callee: &Service| *callee != Service::Auth && !here.contains(callee);
    let calls_others = move |service: &Service| service.calls().iter().any(is_elsewhere);
    here.iter().copied().filter(calls_others)
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

/// The CA of services, here or elsewhere, asked by `caller`. An identity is renewed by whoever calls others with it: the CA issues
/// each service its own alone.
pub(crate) fn issuer(
    environment: &Environment<'_>,
    services: &Services,
    caller: &'static str,
) -> anyhow::Result<Issuer> {
    let ca = services.transport(environment, caller, Service::Ca)?;
    Ok(Issuer::new(ca))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_calls_others_with_an_identity_of_its_own_where_they_are_elsewhere() {
        let callers = |here: &[Service]| -> Vec<Service> {
            let here = here.iter().copied().collect();
            callers_of_others(&here).collect()
        };
        assert_eq!(callers(&Service::ALL), []);
        assert_eq!(callers(&[Service::Keymgr, Service::Auth]), []);
        assert_eq!(callers(&[Service::Ca, Service::Auth]), [Service::Ca]);
        let without_keymgr = [Service::Ca, Service::Ocsp, Service::Crl];
        assert_eq!(callers(&without_keymgr), without_keymgr);
        assert_eq!(
            callers(&[Service::Ca, Service::Keymgr, Service::Auth, Service::Ocsp]),
            []
        );
    }
}
