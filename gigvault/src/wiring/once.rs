//! What runs once and ends: bootstrap, a new admin's key, migrations.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use kit::auth::Epoch;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::databases::{Databases, Joined};
use super::installation::{self, Accept, Accepted};
use super::layout::DataDir;
use super::services::{Environment, Service, Services};
use super::settings::{self, Settings};
use super::{
    check_clock, clock, first_identities, first_start, in_data_dir, listeners, lock, make_hierarchy,
    public_http_url, root_crl,
};

/// What was made, and what was taken as it is.
pub(crate) struct Bootstrapped {
    pub(crate) data_dir: PathBuf,
    pub(crate) accepted: Vec<Accepted>,
}

/// Makes databases, hierarchy, first admin and the first identities of the named services, and ends.
pub(crate) async fn bootstrap(
    mut settings: Settings,
    identities: &[String],
    accept: Accept,
) -> anyhow::Result<Bootstrapped> {
    let accept_restored = accept.older;
    for name in identities {
        setup::service_identity::check_name(name)?;
    }
    // That is the folder of the one process that serves with this file; here each name gets its own.
    settings.identity.directory = PathBuf::new();
    kit::telemetry::init(settings.telemetry.format, &settings.telemetry.filter)?;
    let clock = clock()?;
    if accept_restored {
        installation::check_is_there(&DataDir::at(&settings.data_dir))?;
    }
    let data = DataDir::create(&settings.data_dir).with_context(|| in_data_dir(&settings))?;
    let _lock = lock(&data)?;
    // It is written into every certificate, the first identities among them.
    let public_http_url = match settings.listen.public_http_url.as_str() {
        "" if settings.listen.http_port == 0 => bail!(
            "listen.public_http_url is empty and listen.http_port is 0: say where certificates are to point to"
        ),
        _ => public_http_url(&settings, listeners::configured_http_url(&settings.listen)),
    };
    check_clock(&data, &clock)?;
    // One that is made again has nothing that is not in that of ca; on PostgreSQL both are in one database.
    let had_lists = data.database(vocabulary::service::CRL).exists();
    let (databases, Joined { mut record, older }) =
        Databases::of_installation(&settings, &data, accept).await?;
    let environment = Environment {
        settings: &settings,
        data: &data,
        clock: Arc::clone(&clock),
        databases: &databases,
        founding: record.is_founding(),
        identities: None,
        public_http_url,
        revocations: Epoch::default(),
        stop: CancellationToken::new(),
    };
    let made = async {
        let mut services = Services::build(&environment, &Service::ALL.into_iter().collect()).await?;
        make_hierarchy(&environment, &services).await?;
        // Before services make anything: the numbers of CRLs go on above those of before.
        let accepted = match accept_restored {
            true => {
                if had_lists {
                    let crl_mark = databases.of(Service::Crl)?.high_water().await?;
                    record.note_older((&older, crl_mark), accept, &data)?;
                    if older.contains(vocabulary::service::CA) {
                        crl::expect_older_ca(&databases.of(Service::Crl)?).await?;
                    }
                }
                Some(databases.accept(&data, &older).await?)
            }
            false => None,
        };
        if accepted.is_some() {
            root_crl::after_restore(&data, &databases).await?;
        }
        root_crl::at_start(&environment, &services, clock.now()).await?;
        match &accepted {
            None => first_start(&environment, &mut services, identities).await?,
            // Lists and responders are left to the start that follows, which has its flags: they say where CRLs are.
            Some(_) => first_identities(&environment, &services, identities).await?,
        }
        record.complete(&data)?;
        match accepted {
            Some(accepted) => anyhow::Ok(accepted),
            None => Ok((databases.keep_high_water(&data).await?, Vec::new())),
        }
    };
    let made = made.await;
    let accepted = match made {
        Ok((Some(keeper), accepted)) => {
            keeper.finish().await;
            Ok(accepted)
        }
        made => made.map(|(_, accepted)| accepted),
    };
    databases.close().await;
    Ok(Bootstrapped {
        data_dir: data.path().to_owned(),
        accepted: accepted?,
    })
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
    let clock = clock()?;
    let data = DataDir::create(&settings.data_dir).with_context(|| in_data_dir(settings))?;
    let _lock = lock(&data)?;
    let databases = Databases::of_part(settings, &data, &BTreeSet::from([Service::Auth])).await?;
    let path = data.admin_token();
    let replaced = async {
        let db = databases.of(Service::Auth)?;
        let deps = auth::Deps {
            db,
            clock,
            revocations: Epoch::default(),
            stop: CancellationToken::new(),
        };
        let auth = auth::Auth::build(settings.auth.clone(), deps)?;
        Ok::<_, anyhow::Error>(auth.replace_first_admin(keep_token(path.clone())).await?)
    };
    let replaced = replaced.await;
    databases.close().await;
    if !replaced? {
        bail!("another process made an admin's key in this database at the same time; run it again");
    }
    Ok(path)
}

/// Writes an API key where the admin finds it.
pub(super) fn keep_token(path: PathBuf) -> auth::KeepToken {
    Box::new(move |token| {
        let line = format!("{}\n", token.expose_secret());
        Ok(::files::replace(&path, line.as_bytes(), 0o600)?)
    })
}

/// Brings the databases of services to the current schema, and ends.
pub(crate) async fn migrate(settings: &Settings, services: &BTreeSet<Service>) -> anyhow::Result<()> {
    let data = DataDir::create(&settings.data_dir).with_context(|| in_data_dir(settings))?;
    let settings = Settings {
        database: settings::Database {
            migrate: true,
            ..settings.database.clone()
        },
        ..settings.clone()
    };
    Databases::unchecked(&settings, &data, services)
        .await?
        .close()
        .await;
    Ok(())
}
