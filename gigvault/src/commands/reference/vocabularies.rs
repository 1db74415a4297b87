//! One table per vocabulary: roles and permissions, problem types, event types, metrics.

use std::fmt::Write as _;

use kit::auth::{permission, roles as known};
use vocabulary::event::member::{self, Encoding, Member};
use vocabulary::metric::{Kind, Unit};
use vocabulary::{EventType, ProblemType, event, metric, problem};

use crate::wiring;

pub(super) fn roles() -> String {
    let mut text = "# Roles and permissions\n\nWhat each built-in role may do. A permission covers those that add a \
                    qualifier to it: who may `certificates:read` may `certificates:read-own`.\n\n| permission |"
        .to_owned();
    for role in known::NAMES {
        let _infallible = write!(text, " {role} |");
    }
    let _infallible = write!(
        text,
        " its holder may |\n| --- |{} --- |\n",
        " :---: |".repeat(known::NAMES.len())
    );
    for name in permission::ALL {
        let _infallible = write!(text, "| `{name}` |");
        for role in known::NAMES {
            let held = known::permissions_of(role).unwrap_or_default();
            let _infallible = write!(text, " {} |", if held.contains(name) { "yes" } else { "" });
        }
        let meaning = permission::meaning(name).unwrap_or_default();
        let _infallible = writeln!(text, " {meaning} |");
    }
    text
}

pub(super) fn problems() -> String {
    let mut text = format!(
        "# Problem types\n\nEvery refusal of the REST API is a problem document (RFC 9457), `application/problem+json`. Its \
         `type` is `{}` and one of these names; `status` is the HTTP status. `detail` says what failed and what to do, \
         `field` names the input at fault, `lints` the rules that refused, `correlation_id` finds the log lines.\n\n\
         | type | status | meaning | what to do |\n| --- | --- | --- | --- |\n",
        problem::TYPE_BASE
    );
    for known in ProblemType::ALL {
        let statuses: Vec<String> = known.statuses().iter().map(u16::to_string).collect();
        let (slug, statuses) = (known.slug(), statuses.join(", "));
        let _infallible = writeln!(
            text,
            "| `{slug}` | {statuses} | {} | {} |",
            known.meaning(),
            known.fix()
        );
    }
    text
}

pub(super) fn events() -> anyhow::Result<String> {
    let mut text = format!(
        "# Event types\n\nWhat the change feeds of the services report, in the form of CloudEvents: `source` is \
         `urn:gigvault:<service>`, `type` is `{}` and one of these names, `subject` is what it happened to.\n\n\
         | type | service | subject | written when |\n| --- | --- | --- | --- |\n",
        event::PREFIX
    );
    for (known, services) in wiring::event_writers()? {
        let (name, service) = (known.name(), services.join(", "));
        let _infallible = writeln!(
            text,
            "| `{name}` | {service} | {} | {} |",
            known.subject(),
            known.meaning()
        );
    }
    text.push_str(
        "\n## Members\n\n`data` of an event is an object with all members of its type and no others; one that does not apply is null. \
         A member means the same, and is written in the same way, in every event that has it. Events that an earlier version wrote \
         stay in the feed as they are.\n\n| type | members |\n| --- | --- |\n",
    );
    for known in EventType::ALL {
        let names: Vec<String> = known
            .members()
            .iter()
            .map(|member| format!("`{}`", member.name))
            .collect();
        let _infallible = writeln!(text, "| `{}` | {} |", known.name(), names.join(", "));
    }
    text.push_str("\n| member | meaning | in JSON | null where |\n| --- | --- | --- | --- |\n");
    for member in member::ALL {
        let _infallible = write!(text, "{}", member_row("", member));
        if let Encoding::Object(inner) = member.encoding {
            for inner in inner {
                let _infallible = write!(text, "{}", member_row(&format!("{}.", member.name), inner));
            }
        }
    }
    Ok(text)
}

fn member_row(outer: &str, member: &Member) -> String {
    let null = member.null.unwrap_or_default();
    let Member { name, meaning, .. } = member;
    format!(
        "| `{outer}{name}` | {meaning} | {} | {null} |\n",
        member.encoding.text()
    )
}

pub(super) fn metrics() -> String {
    let mut text = "# Metrics\n\nPrometheus text on the metrics port (9090), `/metrics`, without authentication. A metric is \
                    there once something has been counted.\n\n| metric | labels | kind | unit | meaning |\n\
                    | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for known in metric::ALL {
        let labels: Vec<String> = known.labels.iter().map(|label| format!("`{label}`")).collect();
        let kind = match known.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let unit = match known.unit {
            Unit::Count => "",
            Unit::Seconds => "seconds",
        };
        let (name, labels) = (known.name, labels.join(", "));
        let _infallible = writeln!(text, "| `{name}` | {labels} | {kind} | {unit} | {} |", known.help);
    }
    text
}
