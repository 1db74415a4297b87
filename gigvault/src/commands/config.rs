//! `config show | routes | validate`.

use kit::config::Shown;

use crate::cli::{ConfigCommand, Connection};
use crate::connection;
use crate::output::{Column, Output};
use crate::wiring::{RouteOwners, Settings};

pub(super) fn run(command: ConfigCommand, connection: &Connection, output: Output) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Show { running: true, .. } => super::block_on(running(connection, output)),
        ConfigCommand::Show { defaults: true, .. } => output.write(&super::reference::commented_defaults()?),
        ConfigCommand::Show { config, .. } => {
            let loaded = kit::config::load::<Settings>(config.as_deref())?;
            output.write(&serde_saphyr::to_string(&Shown::of(&loaded.settings)?)?)
        }
        ConfigCommand::Routes => routes(output),
        ConfigCommand::Validate { config } => {
            let name = config.display().to_string();
            super::serve::load(config)?;
            super::cert::note(&format!("{name} can be used"));
            Ok(())
        }
    }
}

fn routes(output: Output) -> anyhow::Result<()> {
    const COLUMNS: [Column; 3] = [
        Column::whole("paths", 0),
        Column::whole("service", 0),
        Column::value("methods", 0),
    ];
    let owners = RouteOwners::of_all()?;
    let rows = owners.routes.iter().map(|owned| {
        let mut methods: Vec<&str> = owned
            .operations
            .iter()
            .map(|operation| operation.method.as_str())
            .collect();
        methods.sort_unstable();
        methods.dedup();
        vec![owned.paths(), owned.service.to_owned(), methods.join(" ")]
    });
    output.list(&owners, &COLUMNS, rows)
}

/// What a server runs with, and where each value came from.
async fn running(connection: &Connection, output: Output) -> anyhow::Result<()> {
    const COLUMNS: [Column; 3] = [
        Column::whole("setting", 0),
        Column::value("value", 0),
        Column::value("from", 0),
    ];
    let config = connection::client(connection)?.effective_config().await?;
    let rows = config.settings.iter().map(|setting| {
        // A place tells its kind: a flag, a variable, a line of a file.
        let from = setting.from.as_ref().unwrap_or(&setting.source);
        vec![setting.field.clone(), setting.value.to_string(), from.clone()]
    });
    output.list(&config, &COLUMNS, rows)
}
