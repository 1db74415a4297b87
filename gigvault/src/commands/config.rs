//! `config show | validate`.

use crate::cli::ConfigCommand;
use crate::output::Output;
use crate::wiring::Settings;

pub(super) fn run(command: ConfigCommand, output: Output) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Show { defaults: true, .. } => output.write(&super::reference::commented_defaults()?),
        ConfigCommand::Show { config, .. } => {
            let loaded = kit::config::load::<Settings>(config.as_deref())?;
            output.write(&serde_saphyr::to_string(&loaded.settings)?)
        }
        ConfigCommand::Validate { config } => {
            let name = config.display().to_string();
            super::serve::load(config)?;
            super::cert::note(&format!("{name} can be used"));
            Ok(())
        }
    }
}
