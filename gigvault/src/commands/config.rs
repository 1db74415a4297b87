//! `config show | validate`.

use crate::cli::ConfigCommand;
use crate::output::Output;
use crate::wiring::Settings;

pub(super) fn run(command: ConfigCommand, output: Output) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Show { defaults: true, .. } => output.write(&super::reference::commented_defaults()?),
        ConfigCommand::Show { config, .. } => {
            let settings: Settings = kit::config::load(config.as_deref())?;
            output.write(&serde_saphyr::to_string(&settings)?)
        }
        ConfigCommand::Validate { config } => {
            let _settings: Settings = kit::config::load(Some(&config))?;
            super::cert::note(&format!("{} is good", config.display()));
            Ok(())
        }
    }
}
