//! Limits on the names that one credential may have certified, or that a profile takes.
//!
//! A limit is a pattern: `dns:web.example.test`, `dns:*.dev.example.test` (every name below, wildcards too),
//! `ip:10.1.0.0/16`, `email:*@example.test`, `upn:*@example.test`, `uri:https://a.example.test/x/*`,
//! `subject:O=Example`, `subject:CN=ci-*`. Without any limit every name is allowed; with one, every alternative name
//! needs a limit that covers it, and so does every attribute of the subject that does not repeat an alternative name.
//! Kinds without a pattern (`dirname`, `rid`, `othername`) are then refused.

mod network;
mod uri;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use x509::name::oids;
use x509::san::SanKind;
use x509::{DistinguishedName, Oid, San};

use crate::denied::Denied;
use crate::text::attributes;
use network::Network;

/// Most limits of one credential or profile.
pub const MAX_LIMITS: usize = 100;
/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 512;

/// The patterns of one credential or profile; none at all allows everything. In configuration a list of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub struct NameLimits(Vec<NameLimit>);

/// One pattern. `Display` gives its canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameLimit(Pattern);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Dns {
        below: bool,
        name: String,
    },
    Ip(Network),
    /// `email` or `upn`; without a local part every one of that domain.
    Mailbox {
        kind: SanKind,
        local: Option<String>,
        domain: String,
    },
    Uri {
        prefix: bool,
        text: String,
    },
    Subject {
        attribute: Oid,
        prefix: bool,
        text: String,
    },
}

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is not a limit on names: {problem}")]
pub struct LimitError {
    pattern: String,
    problem: String,
}

impl TryFrom<Vec<String>> for NameLimits {
    type Error = LimitError;

    fn try_from(patterns: Vec<String>) -> Result<Self, LimitError> {
        Self::parse(&patterns)
    }
}

impl From<NameLimits> for Vec<String> {
    fn from(limits: NameLimits) -> Self {
        limits.patterns()
    }
}

impl NameLimits {
    /// Reads the patterns.
    ///
    /// # Errors
    /// The first one that cannot be read, or more than [`MAX_LIMITS`].
    pub fn parse<T: AsRef<str>>(patterns: &[T]) -> Result<Self, LimitError> {
        if patterns.len() > MAX_LIMITS {
            return Err(LimitError {
                pattern: format!("{} patterns", patterns.len()),
                problem: format!("at most {MAX_LIMITS} are allowed"),
            });
        }
        let limits = patterns.iter().map(|pattern| pattern.as_ref().parse());
        Ok(Self(limits.collect::<Result<_, _>>()?))
    }

    /// Whether everything is allowed.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.0.is_empty()
    }

    /// The canonical patterns, in their order.
    #[must_use]
    pub fn patterns(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// The first pattern of `other` that allows more than these limits do; an unlimited `other` is `Some("*")`.
    #[must_use]
    pub fn exceeded_by(&self, other: &Self) -> Option<String> {
        match (self.is_unlimited(), other.is_unlimited()) {
            (true, _) => None,
            (false, true) => Some("*".to_owned()),
            (false, false) => other
                .0
                .iter()
                .find(|wanted| !self.0.iter().any(|own| own.0.contains(&wanted.0)))
                .map(ToString::to_string),
        }
    }

    /// Whether a pattern for this attribute was given that covers the value.
    pub(crate) fn name_attribute(&self, attribute: Oid, value: &str) -> bool {
        self.0.iter().any(|limit| limit.0.names(attribute, value))
    }

    /// Whether there is a pattern for alternative names of this kind.
    pub(crate) fn may_name(&self, kind: SanKind) -> bool {
        self.0.iter().any(|limit| match &limit.0 {
            Pattern::Dns { .. } => kind == SanKind::Dns,
            Pattern::Ip(_) => kind == SanKind::Ip,
            Pattern::Mailbox { kind: own, .. } => kind == *own,
            Pattern::Uri { .. } => kind == SanKind::Uri,
            Pattern::Subject { .. } => false,
        })
    }

    /// Whether there is a pattern for values of this attribute of the subject.
    pub(crate) fn may_name_attribute(&self, asked: Oid) -> bool {
        self.0
            .iter()
            .any(|limit| matches!(&limit.0, Pattern::Subject { attribute, .. } if *attribute == asked))
    }

    /// Refuses the first name that no pattern covers; `whose` limits these are is said.
    pub(crate) fn check(&self, whose: &str, subject: &DistinguishedName, sans: &[San]) -> Result<(), Denied> {
        if self.is_unlimited() {
            return Ok(());
        }
        let advice = || format!("{whose} is limited to {}", self.patterns().join(", "));
        if let Some(san) = sans
            .iter()
            .find(|san| !self.0.iter().any(|limit| limit.0.covers(san)))
        {
            return Err(Denied::san(format!("{san}: {}", advice())));
        }
        let repeats = |attribute: Oid, value: &str| {
            [oids::COMMON_NAME, oids::EMAIL_ADDRESS].contains(&attribute)
                && sans.iter().any(|san| san.value() == value)
        };
        let named =
            |attribute, value: &str| repeats(attribute, value) || self.name_attribute(attribute, value);
        match subject
            .attributes()
            .find(|(attribute, value)| !named(*attribute, value))
        {
            Some((attribute, value)) => Err(Denied::subject(format!(
                "{}={value}: {}",
                attributes::label(attribute),
                advice()
            ))),
            None => Ok(()),
        }
    }
}

impl Pattern {
    fn covers(&self, san: &San) -> bool {
        match (self, san) {
            (Self::Dns { below: true, name }, San::Dns(asked)) => {
                is_below(asked.base(), name) || (asked.is_wildcard() && asked.base() == name)
            }
            (Self::Dns { below: false, name }, San::Dns(asked)) => {
                !asked.is_wildcard() && asked.as_str() == name
            }
            (Self::Ip(network), San::Ip(address)) => network.holds(address.ip()),
            (Self::Mailbox { kind, local, domain }, san) if san.kind() == *kind => mailbox(&san.value())
                .is_some_and(|(asked, at)| {
                    at == *domain && local.as_ref().is_none_or(|local| local == asked)
                }),
            (Self::Uri { prefix, text }, San::Uri(asked)) => {
                let asked = asked.canonical();
                asked == text || (*prefix && uri::continues(asked, text))
            }
            _ => false,
        }
    }

    fn names(&self, asked: Oid, value: &str) -> bool {
        matches!(self, Self::Subject { attribute, prefix, text }
            if *attribute == asked && (value == text || (*prefix && value.starts_with(text.as_str()))))
    }

    /// Whether everything that `other` allows is allowed by this one.
    fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dns { below: true, name }, Self::Dns { below, name: other }) => {
                is_below(other, name) || (*below && other == name)
            }
            (Self::Ip(own), Self::Ip(other)) => own.contains(other),
            (
                Self::Mailbox {
                    kind,
                    local: None,
                    domain,
                },
                Self::Mailbox {
                    kind: other_kind,
                    domain: other,
                    ..
                },
            ) => kind == other_kind && domain == other,
            (Self::Uri { prefix: true, text }, Self::Uri { text: other, .. }) => {
                other == text || uri::continues(other, text)
            }
            (
                Self::Subject {
                    attribute,
                    prefix: true,
                    text,
                },
                Self::Subject {
                    attribute: other_attribute,
                    text: other,
                    ..
                },
            ) => attribute == other_attribute && other.starts_with(text.as_str()),
            _ => self == other,
        }
    }
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

/// Local part, and domain in lower case.
fn mailbox(text: &str) -> Option<(&str, String)> {
    text.rsplit_once('@')
        .map(|(local, domain)| (local, domain.to_ascii_lowercase()))
}

impl FromStr for NameLimit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let refuse = |problem: String| LimitError {
            pattern: text.chars().take(100).collect(),
            problem,
        };
        if text.len() > MAX_PATTERN {
            return Err(refuse(format!("it has more than {MAX_PATTERN} bytes")));
        }
        let (kind, value) = text.split_once(':').unwrap_or((text, ""));
        let pattern = match kind {
            "dns" => dns(value),
            "ip" => value.parse().map(Pattern::Ip),
            "email" => parse_mailbox(SanKind::Email, value),
            "upn" => parse_mailbox(SanKind::Upn, value),
            "uri" => uri::parse(value),
            "subject" => parse_subject(value),
            _ => Err("begin with dns:, ip:, email:, upn:, uri: or subject:".to_owned()),
        };
        pattern.map(Self).map_err(refuse)
    }
}

/// The name of that kind, or why it is none.
fn name(kind: &str, value: &str) -> Result<San, String> {
    format!("{kind}:{value}")
        .parse()
        .map_err(|error: x509::san::SanError| error.to_string())
}

fn dns(value: &str) -> Result<Pattern, String> {
    let (below, base) = match value.strip_prefix("*.") {
        Some(base) => (true, base),
        None => (false, value),
    };
    match name("dns", base)? {
        San::Dns(name) if !name.is_wildcard() => Ok(Pattern::Dns {
            below,
            name: name.as_str().to_owned(),
        }),
        _ => Err("write dns:web.example.test or dns:*.example.test".to_owned()),
    }
}

fn parse_mailbox(kind: SanKind, value: &str) -> Result<Pattern, String> {
    let (any, probe) = match value.strip_prefix("*@") {
        Some(domain) => (true, format!("x@{domain}")),
        None => (false, value.to_owned()),
    };
    let text = name(kind.as_str(), &probe)?.value();
    let (local, domain) = mailbox(&text).ok_or("write user@example.test or *@example.test")?;
    Ok(Pattern::Mailbox {
        kind,
        local: (!any).then(|| local.to_owned()),
        domain,
    })
}

fn parse_subject(value: &str) -> Result<Pattern, String> {
    let (label, text) = value
        .split_once('=')
        .ok_or("write subject:O=Example or subject:CN=ci-*")?;
    let attribute = attributes::parse(label)?;
    let (prefix, text) = match text.strip_suffix('*') {
        Some(start) => (true, start),
        None => (false, text),
    };
    if text.is_empty() {
        return Err("write a value after the `=`".to_owned());
    }
    Ok(Pattern::Subject {
        attribute,
        prefix,
        text: text.to_owned(),
    })
}

impl fmt::Display for NameLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = |prefix: &bool| if *prefix { "*" } else { "" };
        match &self.0 {
            Pattern::Dns { below, name } => write!(f, "dns:{}{name}", if *below { "*." } else { "" }),
            Pattern::Ip(network) => write!(f, "ip:{network}"),
            Pattern::Mailbox { kind, local, domain } => {
                write!(
                    f,
                    "{}:{}@{domain}",
                    kind.as_str(),
                    local.as_deref().unwrap_or("*")
                )
            }
            Pattern::Uri { prefix, text } => write!(f, "uri:{text}{}", star(prefix)),
            Pattern::Subject {
                attribute,
                prefix,
                text,
            } => {
                write!(
                    f,
                    "subject:{}={text}{}",
                    attributes::label(*attribute),
                    star(prefix)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
