//! From settings to a running process: one flat function for `up` and `serve`, one for `bootstrap`.

mod accepted;
mod configuration;
mod databases;
mod doctor;
mod drain;
mod events;
mod https;
mod https_names;
mod identities;
mod identity_directory;
mod installation;
mod kek;
mod layout;
mod listeners;
mod lock;
mod once;
mod openapi;
mod pruning;
mod ready;
mod reload;
mod root_crl;
mod routes;
mod services;
mod settings;
mod status;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use client::ServerInfo;
use kit::auth::Epoch;
use kit::clock::{Clock as _, SharedClock, SystemClock};
use kit::health::Health;
use kit::http::{Declared, PublicRoutes};
use kit::peer::PROCESS;
use setup::revoked_peers::LastWord;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use vocabulary::metric;

use databases::Databases;
use identities::Identities;
use installation::{Keeper, Record};
use listeners::{Content, Listeners, Routes};
use lock::lock;
use services::{Environment, Services};

pub(crate) use events::of_all as event_writers;
pub(crate) use installation::{
    Accept, Acceptable, Accepted, Belonging, Exchanged, Kind as DatabaseKind, Part, belonging, database_flag,
};
pub(crate) use layout::{DataDir, check as check_dir, closed_to_owner};
pub(crate) use once::{Bootstrapped, bootstrap, migrate, new_admin_token};
pub(crate) use openapi::document as openapi_document;
pub(crate) use routes::Routes as RouteOwners;
pub(crate) use services::Service;
pub(crate) use settings::Settings;

/// What to run.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) services: BTreeSet<Service>,
    /// Make a hierarchy, a first admin and identities where they are missing: `up`.
    pub(crate) first_start: bool,
    pub(crate) ready_file: Option<PathBuf>,
    /// Reads and checks the settings again: for SIGHUP.
    pub(crate) reload: reload::Load,
}

/// Runs until SIGTERM or SIGINT, then drains.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<()> {
    let settings = plan.settings;
    let filter = kit::telemetry::init(settings.telemetry.format, &settings.telemetry.filter)?;
    // From here on SIGHUP does not end the process, also while it starts.
    let hangups = (reload::hangups()?, reload::Terminal::now());
    let metrics = kit::metrics::install()?;
    kit::metrics::build_info(env!("CARGO_PKG_VERSION"));
    let stop = kit::shutdown::on_signal()?;
    if let Some(path) = &plan.ready_file {
        ready::check_ready_file(path)?;
    }
    let clock = clock()?;
    let data = DataDir::create(&settings.data_dir).with_context(|| in_data_dir(&settings))?;
    let _lock = lock(&data)?;
    if plan.first_start {
        check_clock(&data, &clock)?;
    }
    let listeners = Listeners::bind(&settings.listen, &plan.services).await?;
    let (databases, record) = match plan.first_start {
        true => {
            let (databases, joined) = Databases::of_installation(&settings, &data, Accept::default()).await?;
            (databases, Some(joined.record))
        }
        false => (Databases::of_part(&settings, &data, &plan.services).await?, None),
    };
    let parts = ProcessParts {
        data,
        clock,
        metrics,
        stop,
        listeners,
        record,
        filter,
        hangups,
    };
    let ended = run_services(&Plan { settings, ..plan }, parts, &databases).await;
    if let Ok(Some(keeper)) = ended {
        keeper.finish().await;
        databases.close().await;
        return Ok(());
    }
    databases.close().await;
    ended.map(drop)
}

/// What a process has before its services are built.
struct ProcessParts {
    data: DataDir,
    clock: SharedClock,
    metrics: kit::metrics::Metrics,
    stop: CancellationToken,
    listeners: Listeners,
    record: Option<Record>,
    filter: kit::telemetry::Filter,
    hangups: (tokio::signal::unix::Signal, reload::Terminal),
}

async fn run_services(
    plan: &Plan,
    parts: ProcessParts,
    databases: &Databases,
) -> anyhow::Result<Option<Keeper>> {
    let settings = &plan.settings;
    let ProcessParts {
        data,
        clock,
        metrics,
        stop,
        listeners,
        record,
        filter,
        hangups: (hangups, terminal),
    } = parts;
    let name = identities::process_name(settings, &plan.services, plan.first_start)?;
    let load = || Identities::load(settings, &data, (&name, &plan.services), &clock);
    let loaded = match plan.first_start {
        true => None,
        false => Some(load()?),
    };
    let environment = Environment {
        settings,
        data: &data,
        clock: Arc::clone(&clock),
        databases,
        founding: record.as_ref().is_some_and(Record::is_founding),
        identities: loaded.clone(),
        public_http_url: public_http_url(settings, listeners.http_url()?),
        revocations: Epoch::default(),
        stop: stop.clone(),
    };
    let mut services = Services::build(&environment, &plan.services).await?;
    if plan.first_start {
        make_hierarchy(&environment, &services).await?;
        root_crl::at_start(&environment, &services, clock.now()).await?;
        first_start(&environment, &mut services, std::slice::from_ref(&name)).await?;
    }
    let identities = loaded.map_or_else(load, Ok)?;
    identities.admit_no_revoked(&environment, &services).await?;
    let https = https::identity(&environment, &services, identities.process().revoked_peers()).await?;
    if let Some(record) = record {
        record.complete(&data)?;
    }
    let keeper = databases.keep_high_water(&data).await?;
    let ready = ready::info(&listeners, https.is_some(), &data)?;
    let health = Health::of(services.names(), stop.clone());
    services.register(&health, databases)?;
    https::register(&health, https.as_ref(), &identities, &clock);
    let mut jobs = JoinSet::new();
    services.start_jobs(&mut jobs, &stop);
    let effective = configuration::Effective::of(settings)?;
    let reload = reload::Reload {
        filter,
        load: Arc::clone(&plan.reload),
        current: settings.clone(),
        effective: effective.clone(),
        identities: identities.clone(),
        https: https.clone(),
        terminal,
    };
    jobs.spawn(reload.run(hangups, stop.clone()));
    jobs.spawn(metrics.clone().upkeep(stop.clone()));
    spawn_upkeep(&mut jobs, &environment, &services, &identities)?;
    root_crl::spawn_upkeep(&mut jobs, &environment, &services, plan)?;
    let keeper = keeper.map(|keeper| tokio::spawn(keeper.run(stop.clone())));
    let accepted = accepted::AcceptedAuthorities::of(&services, &environment)?;
    let own = own_routes(&mut services, &environment, (&health, &identities), effective)?;
    let content = Content {
        routes: routes(services, own),
        https,
        accepted,
        identity: identities.process().clone(),
        metrics,
        health,
    };
    let serving = listeners.serve(content, &settings.limits, &stop);

    ready::announce(&ready, &data, plan.ready_file.as_deref())?;
    tell_ready(&ready, plan, &data, &environment.public_http_url);
    drain::wind_down(serving, jobs, &stop).await;
    let Some(keeper) = keeper else { return Ok(None) };
    Ok(keeper.await.ok())
}

/// In the log, and on the terminal of whoever typed `up`.
fn tell_ready(ready: &ServerInfo, plan: &Plan, data: &DataDir, public_http_url: &str) {
    tracing::info!(
        https = ready.https,
        grpc = ready.grpc,
        data_dir = %ready.data_dir.display(),
        "ready"
    );
    if plan.first_start && std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        let width =
            terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| usize::from(width.0));
        let only_here = unreachable_for_others(&plan.settings.listen, public_http_url);
        // Below 40 columns words would be cut; above 100 lines are hard to read.
        banner(&ready::banner(ready, data, only_here, width.clamp(40, 100)));
    }
}

/// The machine's clock, with a loud word if the environment shifts it.
fn clock() -> anyhow::Result<SharedClock> {
    let clock = SystemClock::from_env()?;
    let offset = clock.offset();
    metrics::gauge!(metric::CLOCK_OFFSET_SECONDS).set(offset.as_seconds_f64());
    if !offset.is_zero() {
        tracing::warn!(
            offset_seconds = offset.whole_seconds(),
            "{} shifts the clock of this process, which is for tests only: validity, expiry, and revocation go by the \
             shifted time; unset it and start again",
            kit::clock::OFFSET_VARIABLE
        );
    }
    Ok(Arc::new(clock))
}

/// A clock older than the program makes no CA: its whole life would be wrong. An installation that exists still starts,
/// for whoever has to look or to revoke.
fn check_clock(data: &DataDir, clock: &SharedClock) -> anyhow::Result<()> {
    let founding = match Record::read(data)? {
        Some(record) => record.is_founding(),
        None => !data.has_root(),
    };
    if founding {
        rootca::check_clock(clock.now())?;
    }
    Ok(())
}

/// Root and CAs at a first start; at another one they have to be there.
async fn make_hierarchy(environment: &Environment<'_>, services: &Services) -> anyhow::Result<()> {
    let now = environment.clock.now();
    let hierarchy = setup::Hierarchy {
        files: environment.data.hierarchy(),
        keymgr: services.transport(environment, PROCESS, Service::Keymgr)?,
        ca: services.transport(environment, PROCESS, Service::Ca)?,
        now,
        public_http_url: environment.public_http_url.clone(),
    };
    match environment.founding {
        true => {
            let opener = kek::RootOpener::read(environment.settings, environment.data)?;
            hierarchy.make(opener.protection()).await?;
        }
        false => hierarchy.check().await?,
    }
    Ok(())
}

/// First admin, identities, and what else services make: each only where it is missing.
async fn first_start(
    environment: &Environment<'_>,
    services: &mut Services,
    identities: &[String],
) -> anyhow::Result<()> {
    services.first_start().await?;
    first_identities(environment, services, identities).await
}

async fn first_identities(
    environment: &Environment<'_>,
    services: &Services,
    identities: &[String],
) -> anyhow::Result<()> {
    let issuer = identities::issuer(environment, services, PROCESS)?;
    let all = Service::ALL.into_iter().collect();
    let process = identities::process_name(environment.settings, &all, true)?;
    let own = LastWord::in_directory(&environment.data.identity(&process));
    for name in identities {
        let files = identities::files(environment.settings, environment.data, name);
        let id = setup::service_identity::name_of(&environment.settings.identity.trust_domain, name)?;
        let made = setup::service_identity::ensure(&issuer, &id, &files, &environment.clock).await;
        made.with_context(|| format!("the identity of {name}"))?;
        if let Some(folder) = files.certificate.parent() {
            let last = LastWord::in_directory(folder);
            setup::revoked_peers::write_down(&issuer, &last, &own).await?;
        }
    }
    Ok(())
}

/// What keeps databases and the identities of this process as they should be, until it stops.
fn spawn_upkeep(
    jobs: &mut JoinSet<()>,
    environment: &Environment<'_>,
    services: &Services,
    identities: &Identities,
) -> anyhow::Result<()> {
    let (clock, stop) = (&environment.clock, &environment.stop);
    jobs.spawn(pruning::run(services.feeds(), Arc::clone(clock), stop.clone()));
    identities.keep(jobs, environment, services)
}

/// The routes that each process answers itself.
fn own_routes(
    services: &mut Services,
    environment: &Environment<'_>,
    (health, identities): (&Health, &Identities),
    effective: configuration::Effective,
) -> anyhow::Result<OpenApiRouter> {
    let configuration = configuration::Configuration {
        authenticator: services.authenticator(environment)?,
        effective,
    };
    let status = status::Status::of(services, environment, health)?;
    let doctor = doctor::Doctor::of(services, environment, identities)?;
    let jobs = kit::jobs::routes(services.long_work(), services.authenticator(environment)?);
    Ok(status::router(status)
        .merge(configuration::router(configuration))
        .merge(doctor::router(doctor))
        .merge(jobs))
}

/// The routes of all services and of the process itself, by listener.
fn routes(services: Services, own: OpenApiRouter) -> Routes {
    let (mut public, mut rest, mut ldap) = (PublicRoutes::new(), openapi::base().merge(own), None);
    // It answers methods that no service has; each service brings the same answer, and one is enough.
    let mut grpc = tonic::service::Routes::default().into_axum_router();
    for service in services.into_parts() {
        rest = rest.merge(service.rest);
        public = public.merge(service.public);
        ldap = ldap.or(service.ldap);
        grpc = grpc.merge(service.grpc.into_axum_router().reset_fallback());
    }
    let (rest, document) = openapi::complete(rest);
    Routes {
        declared: Declared::of(&document),
        rest: rest.merge(openapi::viewer(&document)),
        public,
        grpc: tonic::service::Routes::from(grpc),
        ldap,
    }
}

/// What certificates point to: what was configured, or where this process listens.
fn public_http_url(settings: &Settings, own: String) -> String {
    let listen = &settings.listen;
    let url = match listen.public_http_url.as_str() {
        "" => own,
        url => url.trim_end_matches('/').to_owned(),
    };
    if unreachable_for_others(listen, &url) {
        tracing::warn!(
            url,
            "certificates point to this machine, where no other finds anything: set listen.public_http_url"
        );
    }
    url
}

/// Other machines are to reach this process, and what certificates point to is their own machine.
fn unreachable_for_others(listen: &settings::Listen, url: &str) -> bool {
    client::is_unreachable_for_others(url, !listen.address.is_loopback())
}

fn in_data_dir(settings: &Settings) -> String {
    format!("the data directory {}", settings.data_dir.display())
}

/// For the person who typed the command. A terminal that was closed in the meantime ends the process by its signal.
fn banner(text: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stderr(), "{text}"));
}
