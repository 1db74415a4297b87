//! The generated reference documents: OpenAPI, commands, configuration, lints, vocabularies.

mod settings;
mod vocabularies;

use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::wiring;

pub(super) use settings::commented_defaults;

/// Writes all of them into `folder`.
pub(super) fn write(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut openapi = wiring::openapi_document().to_pretty_json()?;
    openapi.push('\n');
    let all = [
        ("openapi.json", openapi),
        ("cli.md", commands()),
        ("configuration.md", settings::reference()?),
        ("configuration.schema.json", settings::schema()?),
        ("lints.md", lint::reference_markdown()),
        ("roles.md", vocabularies::roles()),
        ("problems.md", vocabularies::problems()),
        ("events.md", vocabularies::events()?),
        ("metrics.md", vocabularies::metrics()),
    ];
    for (name, text) in all {
        ::files::replace(&folder.join(name), text.as_bytes(), 0o644)?;
    }
    Ok(())
}

fn commands() -> String {
    let mut text = "# Commands\n\nGenerated from `gigvault --help` of every command.\n".to_owned();
    let mut root = Cli::command().term_width(100);
    root.build();
    command(&mut text, &mut root, "gigvault");
    text
}

fn command(text: &mut String, command_: &mut clap::Command, path: &str) {
    let help = command_.clone().render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _infallible = write!(
        text,
        "\n## {path}\n\n```text\n{}\n```\n",
        help.join("\n").trim_end()
    );
    let names: Vec<String> = command_
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names {
        if let Some(sub) = command_.find_subcommand_mut(&name)
            && !sub.is_hide_set()
            && name != "help"
        {
            command(text, sub, &format!("{path} {name}"));
        }
    }
}
