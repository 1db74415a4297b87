//! From settings to a running process: one flat function for `up` and `serve`, one for `bootstrap`.

mod bootstrap;
mod databases;
mod https;
mod identities;
mod layout;
mod listeners;
mod openapi;
mod ready;
mod renewal;
mod services;
mod settings;
mod status;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use kit::clock::{SharedClock, SystemClock};
use kit::grpc::edge;
use kit::health::Health;
use kit::tls::{Identity, IdentityFiles};
use secrecy::ExposeSecret;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Layer;

use bootstrap::Bootstrap;
use layout::DataDir;
use listeners::{Content, Listeners};
use ready::Ready;
use renewal::Renewal;
use services::{Ground, Services};

pub(crate) use services::Service;
pub(crate) use settings::Settings;

/// What to run.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) services: BTreeSet<Service>,
    /// Make a hierarchy, a first admin and identities where they are missing: `up`.
    pub(crate) first_start: bool,
    pub(crate) ready_file: Option<PathBuf>,
}

/// Runs until SIGTERM or SIGINT, then drains.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<()> {
    let settings = plan.settings;
    kit::telemetry::init(settings.telemetry.format, &settings.telemetry.filter)?;
    let metrics = kit::metrics::install()?;
    kit::metrics::build_info(env!("CARGO_PKG_VERSION"));
    let stop = kit::shutdown::on_signal()?;
    let clock: SharedClock = Arc::new(SystemClock::from_env()?);
    let data = DataDir::create(&settings.data_dir).with_context(|| in_data_dir(&settings))?;
    let _lock = lock(&data)?;
    let listeners = Listeners::bind(&settings.listen).await?;

    let name = process_name(&settings, &plan.services, plan.first_start);
    refuse_api(&name)?;
    let files = identities::files(&settings, &data, &name);
    let loaded = match plan.first_start {
        true => None,
        false => Some(load_identity(&files, &clock)?),
    };
    let ground = Ground {
        settings: &settings,
        data: &data,
        clock: Arc::clone(&clock),
        identity: loaded.clone(),
        public_http_url: public_http_url(&settings, listeners.http_url()?),
        stop: stop.clone(),
    };
    let services = Services::build(&ground, &plan.services).await?;
    if plan.first_start {
        first_start(&ground, &services, std::slice::from_ref(&name)).await?;
    }
    let identity = match loaded {
        Some(identity) => identity,
        None => load_identity(&files, &clock)?,
    };
    let https = https::identity(&ground, &services, plan.first_start).await?;

    let ready = Ready {
        https: if https.is_some() {
            listeners.https_url()?
        } else {
            String::new()
        },
        http: listeners.http_url()?,
        grpc: listeners.grpc_url()?,
        ldap: String::new(),
        metrics: listeners.metrics_url()?,
        data_dir: std::path::absolute(data.path())?.display().to_string(),
        pid: std::process::id(),
    };
    let health = Health::new(stop.clone());
    services.register(&health);
    if let Some(identity) = https.clone() {
        health.register("HTTPS certificate", move || {
            std::future::ready(match identity.borrow().is_some() {
                true => Ok(()),
                false => Err("keymgr has not signed it yet".into()),
            })
        });
    }
    let mut jobs = jobs(&services, &stop);
    jobs.spawn(metrics.clone().upkeep(stop.clone()));
    jobs.spawn(identity.clone().watch(stop.clone()));
    jobs.spawn(Renewal::new(&ground, &services, identity.clone())?.run(stop.clone()));
    let mut serving = listeners.serve(content(&services, https, identity, metrics, health), &stop);

    ready.announce(&data, plan.ready_file.as_deref())?;
    tracing::info!(
        https = ready.https,
        grpc = ready.grpc,
        data_dir = ready.data_dir,
        "ready"
    );
    if plan.first_start && std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        banner(&ready.banner(&data, points_home(&settings.listen, &ground.public_http_url)));
    }
    while serving.join_next().await.is_some() {}
    while jobs.join_next().await.is_some() {}
    Ok(())
}

/// Background work of the services, until `stop`.
fn jobs(services: &Services, stop: &CancellationToken) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    if let Some(ca) = services.ca.clone() {
        let stop = stop.clone();
        jobs.spawn(async move { ca.jobs(stop).await });
    }
    if let Some(auth) = services.auth.clone() {
        let stop = stop.clone();
        jobs.spawn(async move { auth.jobs(stop).await });
    }
    jobs
}

/// Makes databases, hierarchy, first admin and the first identities of the named services, and ends.
pub(crate) async fn bootstrap(mut settings: Settings, identities: &[String]) -> anyhow::Result<PathBuf> {
    identities.iter().try_for_each(|name| refuse_api(name))?;
    // That is the folder of the one process that serves with this file; here each name gets its own.
    settings.identity.directory = PathBuf::new();
    kit::telemetry::init(settings.telemetry.format, &settings.telemetry.filter)?;
    let clock: SharedClock = Arc::new(SystemClock::from_env()?);
    let data = DataDir::create(&settings.data_dir).with_context(|| in_data_dir(&settings))?;
    let _lock = lock(&data)?;
    // It is written into every certificate, the first identities among them.
    let public_http_url = match settings.listen.public_http_url.as_str() {
        "" if settings.listen.http_port == 0 => bail!(
            "listen.public_http_url is empty and listen.http_port is 0: say where certificates are to point to"
        ),
        _ => public_http_url(&settings, listeners::configured_http_url(&settings.listen)),
    };
    let ground = Ground {
        settings: &settings,
        data: &data,
        clock: Arc::clone(&clock),
        identity: None,
        public_http_url,
        stop: CancellationToken::new(),
    };
    let services = Services::build(&ground, &Service::ALL.into_iter().collect()).await?;
    first_start(&ground, &services, identities).await?;
    Ok(data.path().to_owned())
}

/// Makes another API key of a root-admin where an installation is, and answers the file that it is in.
pub(crate) async fn new_admin_token(settings: &Settings) -> anyhow::Result<PathBuf> {
    if !settings.data_dir.is_dir() {
        bail!(
            "there is no data directory {}: give --data-dir or --config",
            settings.data_dir.display()
        );
    }
    kit::telemetry::init(settings.telemetry.format, &settings.telemetry.filter)?;
    let clock: SharedClock = Arc::new(SystemClock::from_env()?);
    let data = DataDir::create(&settings.data_dir).with_context(|| in_data_dir(settings))?;
    let _lock = lock(&data)?;
    let db = databases::open(
        &settings.database,
        &data,
        Service::Auth.name(),
        Service::Auth.migrations(),
    )
    .await?;
    let auth = auth::Auth::build(settings.auth.clone(), auth::Deps { db, clock })?;
    let path = data.admin_token();
    if !auth.replace_first_admin(keep_token(path.clone())).await? {
        bail!("another process made an admin's key in this database at the same time; run it again");
    }
    Ok(path)
}

/// Writes an API key where the admin finds it.
fn keep_token(path: PathBuf) -> impl FnOnce(&secrecy::SecretString) -> std::io::Result<()> + Send {
    move |token| {
        let line = format!("{}\n", token.expose_secret());
        Ok(::files::replace(&path, line.as_bytes(), 0o600)?)
    }
}

/// Brings the databases of services to the current schema, and ends.
pub(crate) async fn migrate(settings: &Settings, services: &BTreeSet<Service>) -> anyhow::Result<()> {
    let data = DataDir::create(&settings.data_dir).with_context(|| in_data_dir(settings))?;
    let database = settings::Database {
        migrate: true,
        ..settings.database.clone()
    };
    for service in services {
        let db = databases::open(&database, &data, service.name(), service.migrations()).await?;
        db.close().await;
    }
    Ok(())
}

/// The OpenAPI document, from services built in a directory of their own.
pub(crate) async fn openapi_document(directory: &Path) -> anyhow::Result<utoipa::openapi::OpenApi> {
    let settings = Settings {
        data_dir: directory.to_owned(),
        ..Settings::default()
    };
    let data = DataDir::create(directory)?;
    let ground = Ground {
        settings: &settings,
        data: &data,
        clock: Arc::new(SystemClock::from_env()?),
        identity: None,
        public_http_url: "http://localhost:8080".to_owned(),
        stop: CancellationToken::new(),
    };
    let services = Services::build(&ground, &Service::ALL.into_iter().collect()).await?;
    let health = Health::new(ground.stop.clone());
    Ok(openapi::routes(&services, &health).1)
}

/// Hierarchy, first admin, identities: each only where it is missing.
async fn first_start(ground: &Ground<'_>, services: &Services, identities: &[String]) -> anyhow::Result<()> {
    let (Some(ca), Some(auth), Some(keymgr)) = (&services.ca, &services.auth, &services.keymgr_for_ca) else {
        bail!("a first start needs ca, keymgr and auth in one process");
    };
    let kek = ground.data.kek();
    let kek =
        keys::KeyEncryptionKey::from_file(&kek).with_context(|| format!("reading {}", kek.display()))?;
    let (app, now) = (ca.app(), ground.clock.now());
    Bootstrap {
        data: ground.data,
        kek: &kek,
        keymgr: keymgr.clone(),
        app,
        now,
    }
    .hierarchy()
    .await?;
    auth.ensure_first_admin(keep_token(ground.data.admin_token()))
        .await?;
    for name in identities {
        let files = identities::files(ground.settings, ground.data, name);
        identities::ensure_service(app, ground.settings, &files, name, now).await?;
    }
    Ok(())
}

fn content(
    services: &Services,
    https: Option<https::Later>,
    identity: Identity,
    metrics: kit::metrics::Metrics,
    health: Health,
) -> Content {
    let (rest, document) = openapi::routes(services, &health);
    let rest = rest.merge(openapi::viewer(document));
    let mut grpc = tonic::service::Routes::default();
    let (mut http, mut rest) = (axum::Router::new(), rest);
    if let Some(ca) = &services.ca {
        grpc = grpc.add_service(edge("ca", ca::ALLOW).layer(ca.grpc()));
        http = http.merge(ca.public());
        rest = rest.merge(ca.public());
    }
    if let Some(keymgr) = &services.keymgr {
        grpc = grpc.add_service(edge("keymgr", keymgr::ALLOW).layer(keymgr.grpc()));
    }
    if let Some(auth) = &services.auth {
        grpc = grpc.add_service(edge("auth", auth::ALLOW).layer(auth.grpc()));
    }
    Content {
        https: https.map(|identity| (identity, rest)),
        http,
        grpc: Some((identity, grpc.into_axum_router())),
        metrics,
        health,
    }
}

/// A process of several services has one identity.
fn process_name(settings: &Settings, services: &BTreeSet<Service>, everything: bool) -> String {
    match services.first() {
        _ if !settings.identity.name.is_empty() => settings.identity.name.clone(),
        Some(first) if !everything => first.name().to_owned(),
        _ => "gigvault".to_owned(),
    }
}

/// Whoever has this name could pass for the API.
fn refuse_api(name: &str) -> anyhow::Result<()> {
    if name == identities::API {
        bail!("the identity name {name} is reserved for the HTTPS certificate; choose another");
    }
    Ok(())
}

fn load_identity(files: &IdentityFiles, clock: &SharedClock) -> anyhow::Result<Identity> {
    Identity::from_files(files.clone(), Arc::clone(clock)).with_context(|| {
        format!(
            "the identity in {}; `gigvault bootstrap --identity NAME` makes the first",
            files.certificate.display()
        )
    })
}

/// What certificates point to: what was configured, or where this process listens.
fn public_http_url(settings: &Settings, own: String) -> String {
    let listen = &settings.listen;
    let url = match listen.public_http_url.as_str() {
        "" => own,
        url => url.trim_end_matches('/').to_owned(),
    };
    if points_home(listen, &url) {
        tracing::warn!(
            url,
            "certificates point to localhost, where no other machine finds anything: set listen.public_http_url"
        );
    }
    url
}

/// Other machines are to reach this process, and what certificates point to is their own localhost.
fn points_home(listen: &settings::Listen, url: &str) -> bool {
    !listen.address.is_loopback() && url.starts_with("http://localhost")
}

fn in_data_dir(settings: &Settings) -> String {
    format!("the data directory {}", settings.data_dir.display())
}

/// One process a data directory.
fn lock(data: &DataDir) -> anyhow::Result<File> {
    let path = data.lock();
    let Some(held) = ::files::try_lock(&path)? else {
        bail!(
            "another gigvault process works on this data directory ({} is locked)",
            path.display()
        );
    };
    data.sweep()?;
    Ok(held)
}

#[expect(clippy::print_stderr, reason = "for the person who typed the command")]
fn banner(text: &str) {
    eprintln!("{text}");
}
