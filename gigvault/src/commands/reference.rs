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
    for (name, text) in documents()? {
        check(name, &text)?;
        ::files::replace(&folder.join(name), text.as_bytes(), 0o644)?;
    }
    Ok(())
}

/// Each document with its file name.
fn documents() -> anyhow::Result<[(&'static str, String); 9]> {
    let mut openapi = wiring::openapi_document().to_pretty_json()?;
    openapi.push('\n');
    Ok([
        ("openapi.json", openapi),
        ("cli.md", commands()),
        ("configuration.md", settings::reference()?),
        ("configuration.schema.json", settings::schema()?),
        ("lints.md", lint::reference_markdown()),
        ("roles.md", vocabularies::roles()),
        ("problems.md", vocabularies::problems()),
        ("events.md", vocabularies::events()?),
        ("metrics.md", vocabularies::metrics()),
    ])
}

/// Links of rustdoc, and types and paths of Rust: most texts come from comments, which have other readers too.
const OF_THE_SOURCE: [&str; 9] = [
    "[`", "`]", "crate::", "Self::", "self::", "Option<", "Vec<", "Arc<", "Box<",
];

/// Refuses a text that only readers of the source understand.
fn check(name: &str, text: &str) -> anyhow::Result<()> {
    for line in text.lines() {
        if let Some(found) = OF_THE_SOURCE.iter().find(|found| line.contains(**found)) {
            anyhow::bail!(
                "{name} has {found:?}; say it in words, in the comment that this comes from: {line}"
            );
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_written_for_those_who_do_not_read_the_source() {
        for (name, text) in documents().unwrap() {
            assert!(text.len() > 100, "{name}");
            check(name, &text).unwrap();
        }
        for bad in ["How serious a [`Finding`] is.", "an Option<String>"] {
            assert!(check("a", bad).is_err(), "{bad}");
        }
    }
}
