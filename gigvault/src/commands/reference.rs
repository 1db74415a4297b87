//! The generated reference documents: OpenAPI, commands, configuration, lints, roles.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use crate::cli::Cli;
use crate::wiring::{self, Settings};

/// Where the fields of the configuration are described: the sources of its types.
const SETTINGS: &str = include_str!("../wiring/settings.rs");
const SERVICES: &[(&str, &str)] = &[
    ("ca", include_str!("../../../services/ca/src/config.rs")),
    ("keymgr", include_str!("../../../services/keymgr/src/config.rs")),
    ("auth", include_str!("../../../services/auth/src/config.rs")),
];

/// Writes all of them into `folder`.
pub(super) fn write(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut openapi = wiring::openapi_document().to_pretty_json()?;
    openapi.push('\n');
    let all = [
        ("openapi.json", openapi),
        ("cli.md", commands()),
        ("configuration.md", configuration()?),
        ("lints.md", lint::reference_markdown()),
        ("roles.md", roles()),
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

fn configuration() -> anyhow::Result<String> {
    Ok(format!(
        "# Configuration\n\nOne YAML file (`--config`), and a variable `GIGVAULT_<SECTION>__<FIELD>` for every field: \
         `GIGVAULT_LISTEN__HTTPS_PORT=443`. Variables win over the file, flags over both. A key that is not known is \
         refused, with the nearest that is. These are the defaults.\n\n```yaml\n{}```\n",
        commented_defaults()?
    ))
}

/// All defaults as YAML, each field with what its source says about it.
pub(super) fn commented_defaults() -> anyhow::Result<String> {
    let yaml = serde_saphyr::to_string(&Settings::default()).context("writing the defaults")?;
    let mut out = String::new();
    let mut section = String::new();
    for line in yaml.lines() {
        let indent = line.len() - line.trim_start().len();
        let name = line.trim_start().split(':').next().unwrap_or_default();
        let source = if indent == 0 {
            SETTINGS
        } else {
            source_of(&section)
        };
        for comment in comment(source, name) {
            let _infallible = writeln!(out, "{:indent$}# {comment}", "");
        }
        let _infallible = writeln!(out, "{line}");
        if indent == 0 {
            name.clone_into(&mut section);
        }
    }
    Ok(out)
}

/// The source in which the fields of a section stand.
fn source_of(section: &str) -> &'static str {
    if let Some((_, source)) = SERVICES.iter().find(|(service, _)| *service == section) {
        return source;
    }
    let start = SETTINGS
        .find(&format!("/// Section `{section}`."))
        .unwrap_or_default();
    SETTINGS.get(start..).unwrap_or_default()
}

/// The doc comment of the first field of that name.
fn comment(source: &str, field: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in source.lines().map(str::trim) {
        let bare = line.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        if let Some(text) = line.strip_prefix("/// ") {
            lines.push(text.to_owned());
        } else if bare.starts_with(&format!("{field}: ")) {
            return lines;
        } else if !line.starts_with("#[") {
            lines.clear();
        }
    }
    Vec::new()
}

fn roles() -> String {
    let mut text = "# Roles\n\nWhat each built-in role may do. A permission covers those that add a qualifier to it: who \
                    may `certificates:read` may `certificates:read-own`.\n\n| permission |"
        .to_owned();
    for role in kit::auth::roles::NAMES {
        let _infallible = write!(text, " {role} |");
    }
    let _infallible = write!(
        text,
        "\n| --- |{}\n",
        " :---: |".repeat(kit::auth::roles::NAMES.len())
    );
    for permission in kit::auth::permission::ALL {
        let _infallible = write!(text, "| `{permission}` |");
        for role in kit::auth::roles::NAMES {
            let held = kit::auth::roles::permissions_of(role).unwrap_or_default();
            let _infallible = write!(text, " {} |", if held.contains(permission) { "yes" } else { "" });
        }
        text.push('\n');
    }
    text
}
