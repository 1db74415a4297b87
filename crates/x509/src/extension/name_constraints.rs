//! NameConstraints of a CA and their judgment over a certificate to be issued (RFC 5280 section 4.2.1.10).
//!
//! The judgment errs on the side of refusal: a kind of name that is constrained but cannot be compared is a
//! violation, and common names and emailAddress attributes that look like host names, addresses or mail addresses
//! are judged like alternative names, since clients exist that still believe them.

use std::fmt;
use std::net::IpAddr;

use super::Subtree;
use super::subtree::{DNS, EMAIL, IP, OTHER_NAME, REGISTERED_ID, Subject, URI};
use crate::Oid;
use crate::asn1::{DerError, Reader, Writer, ia5, tag};
use crate::name::{self, DistinguishedName};
use crate::san::address::embedded_ipv4;
use crate::san::free_text::{self, FreeText};
use crate::san::{self, DnsName, EmailAddress, San, SmtpUtf8Mailbox};
use crate::uri::UriParts;

const PERMITTED: u8 = tag::context_constructed(0);
const EXCLUDED: u8 = tag::context_constructed(1);

/// The names that certificates below a CA may and may not have.
///
/// A name of a kind with permitted subtrees must be within one of them; no name may be within an excluded subtree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NameConstraints {
    /// Subtrees that names of their kind must be within.
    pub permitted: Vec<Subtree>,
    /// Subtrees that no name may be within.
    pub excluded: Vec<Subtree>,
}

/// The name that broke the constraints, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} {}", self.how())]
pub struct Violation {
    /// The name, as `kind:value`.
    pub name: String,
    /// The excluded subtree that it is within; `None` if it is within no permitted one.
    pub excluded_by: Option<Subtree>,
}

impl Violation {
    fn how(&self) -> String {
        match &self.excluded_by {
            Some(subtree) => format!("is excluded by the issuer's name constraint {subtree}"),
            None => "is in none of the issuer's permitted name constraints of its kind".to_owned(),
        }
    }
}

impl NameConstraints {
    /// Whether there is no subtree at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.permitted.is_empty() && self.excluded.is_empty()
    }

    /// Judges a subject and its alternative names.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn permits(&self, subject: &DistinguishedName, sans: &[San]) -> Result<(), Violation> {
        if !subject.is_empty() {
            self.judge(&Subject::Directory(subject), &format_args!("subject {subject}"))?;
        }
        for address in subject.values_of(name::oids::EMAIL_ADDRESS) {
            self.judge_email(&address)?;
        }
        for attribute in free_text::ATTRIBUTES {
            for text in subject.values_of(attribute) {
                self.judge_free_text(attribute, &text)?;
            }
        }
        sans.iter().try_for_each(|san| self.judge_san(san))
    }

    /// Whether an address among the subtrees has no mask of its own length.
    pub(crate) fn has_broken_address(&self) -> bool {
        let mut all = self.permitted.iter().chain(&self.excluded);
        all.any(Subtree::is_broken_address)
    }

    /// Judges the names of a certificate that exists, as verifiers do: alternative names, the subject with its mail
    /// addresses, and of a leaf without DNS names the common names that are hosts with a dot: one word is the name of a
    /// person or a service, and no host of a CA is looked up by its common name. Unlike [`permits`](Self::permits), names
    /// are taken for what they are and not for all that some program may take them for, and those that could not be
    /// issued are compared as far as their kind can be.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn allows(&self, subject: &DistinguishedName, sans: &[San], leaf: bool) -> Result<(), Violation> {
        if !subject.is_empty() {
            self.judge(&Subject::Directory(subject), &format_args!("subject {subject}"))?;
        }
        for address in subject.values_of(name::oids::EMAIL_ADDRESS) {
            self.judge_email(&address)?;
        }
        let is_dns = |san: &San| match san {
            San::Dns(_) => true,
            San::Opaque(der) => der.first() == Some(&DNS),
            San::Ip(_)
            | San::Email(_)
            | San::SmtpUtf8(_)
            | San::Uri(_)
            | San::DirName(_)
            | San::RegisteredId(_)
            | San::OtherName { .. } => false,
        };
        if leaf && !sans.iter().any(is_dns) {
            let names = subject.common_names().into_iter();
            for host in names.filter_map(|text| host_of_common_name(&text)) {
                self.judge(&Subject::Dns(&host), &format_args!("common name {host}"))?;
            }
        }
        sans.iter().try_for_each(|san| match san {
            San::Ip(address) => self.judge(&Subject::Ip(address.ip()), san),
            San::Uri(uri) => self.judge(&Subject::Uri(uri.host().filter(|host| is_named(host))), san),
            San::OtherName { .. } => self.judge(&Subject::Opaque(OTHER_NAME), san),
            San::Opaque(der) => match foreign_address(der) {
                Some(address) => self.judge(&Subject::Ip(address), san),
                None => self.judge_foreign(der, san),
            },
            San::Dns(_) | San::Email(_) | San::SmtpUtf8(_) | San::DirName(_) | San::RegisteredId(_) => {
                self.judge_san(san)
            }
        })
    }

    /// A name of a foreign certificate that could not be issued, such as a host with an underscore.
    fn judge_foreign(&self, der: &[u8], shown: &dyn fmt::Display) -> Result<(), Violation> {
        let kind = der.first().copied().unwrap_or_default();
        let text = Reader::single(der, kind).and_then(ia5).unwrap_or_default();
        let host = |text: &str| Some(text.to_ascii_lowercase()).filter(|host| is_like_a_host(host));
        let mailbox = text.rsplit_once('@');
        match (
            kind,
            host(text),
            mailbox.map(|(local, domain)| (local, host(domain))),
        ) {
            (DNS, Some(name), _) => self.judge(&Subject::Dns(&name), shown),
            (EMAIL, _, Some((local, Some(domain)))) if !local.is_empty() => {
                self.judge(&Subject::Email(Some(local), &domain), shown)
            }
            (URI, ..) => {
                let name = UriParts::parse(text)
                    .ok()
                    .and_then(|uri| host(uri.authority?.host));
                let name = name.as_deref().filter(|host| is_named(host));
                self.judge(&Subject::Uri(name), shown)
            }
            _ => self.judge(&Subject::Opaque(kind), shown),
        }
    }

    fn judge_san(&self, san: &San) -> Result<(), Violation> {
        self.judge_san_as(san, san)
    }

    fn judge_san_as(&self, san: &San, shown: &dyn fmt::Display) -> Result<(), Violation> {
        match san {
            San::Dns(name) => self.judge(&Subject::Dns(name.as_str()), shown),
            San::Ip(address) => self.judge_ip(address.ip(), shown),
            San::Email(address) => self.judge(&email(address), shown),
            San::SmtpUtf8(address) => {
                self.judge(&email_utf8(address), shown)?;
                self.judge(&Subject::Opaque(OTHER_NAME), shown)
            }
            // Constraints on a host say nothing about URIs without one, and those with an address are refused.
            San::Uri(uri) => {
                let host = uri.host().filter(|host| host.parse::<DnsName>().is_ok());
                self.judge(&Subject::Uri(host), shown)
            }
            San::DirName(name) => self.judge(&Subject::Directory(name), shown),
            San::RegisteredId(_) => self.judge(&Subject::Opaque(REGISTERED_ID), shown),
            San::OtherName { .. } => {
                if let Some(host) = san.service_host() {
                    self.judge(&Subject::Dns(&host.to_ascii_lowercase()), shown)?;
                }
                self.judge(&Subject::Opaque(OTHER_NAME), shown)
            }
            San::Opaque(der) if let Some(address) = foreign_address(der) => self.judge_ip(address, shown),
            San::Opaque(der) => self.judge(&Subject::Opaque(der.first().copied().unwrap_or_default()), shown),
        }
    }

    /// Judges an address, and the IPv4 addresses that programs may take it for.
    fn judge_ip(&self, address: IpAddr, shown: &dyn fmt::Display) -> Result<(), Violation> {
        self.judge(&Subject::Ip(address), shown)?;
        match address {
            IpAddr::V4(_) => Ok(()),
            IpAddr::V6(v6) => embedded_ipv4(v6).try_for_each(|v4| self.judge(&Subject::Ip(v4.into()), shown)),
        }
    }

    /// Judges a common name, or its like, as what programs take it for. Names among other words bind only where they are excluded:
    /// no program takes the whole text for one of them.
    fn judge_free_text(&self, attribute: Oid, text: &str) -> Result<(), Violation> {
        let attribute = match attribute {
            name::oids::COMMON_NAME => "common name".to_owned(),
            other => format!("attribute {other}"),
        };
        let shown = format!("{attribute} {}", san::shown(text));
        match free_text::read(text) {
            Ok(FreeText::Name(names)) => names.iter().try_for_each(|name| match name {
                // Whatever else it may be, a text with an `@` is taken for a mailbox.
                San::OtherName { .. }
                    if !names
                        .iter()
                        .any(|name| matches!(name, San::Email(_) | San::SmtpUtf8(_))) =>
                {
                    self.judge(&Subject::Opaque(EMAIL), &shown)
                }
                San::OtherName { .. } => Ok(()),
                San::Dns(_)
                | San::Ip(_)
                | San::Email(_)
                | San::SmtpUtf8(_)
                | San::Uri(_)
                | San::DirName(_)
                | San::RegisteredId(_)
                | San::Opaque(_) => self.judge_san_as(name, &shown),
            }),
            Ok(FreeText::Words) => {
                let excluded = Self {
                    permitted: Vec::new(),
                    excluded: self.excluded.clone(),
                };
                let names = free_text::names_within(text);
                names
                    .iter()
                    .try_for_each(|name| excluded.judge_san_as(name, &shown))
            }
            Err(_) => [DNS, IP, EMAIL, URI]
                .into_iter()
                .try_for_each(|kind| self.judge(&Subject::Opaque(kind), &shown)),
        }
    }

    fn judge_email(&self, text: &str) -> Result<(), Violation> {
        let shown = format_args!("emailAddress {text}").to_string();
        match text.parse::<EmailAddress>() {
            Ok(address) => self.judge(&email(&address), &shown),
            Err(_) => self.judge(&Subject::Opaque(EMAIL), &shown),
        }
    }

    fn judge(&self, subject: &Subject<'_>, shown: &dyn fmt::Display) -> Result<(), Violation> {
        if let Some(subtree) = self.excluded.iter().find(|subtree| subtree.may_contain(subject)) {
            return Err(Violation {
                name: shown.to_string(),
                excluded_by: Some(subtree.clone()),
            });
        }
        let mut permitted = self
            .permitted
            .iter()
            .filter(|subtree| subtree.is_about(subject))
            .peekable();
        if permitted.peek().is_some() && !permitted.any(|subtree| subtree.contains(subject)) {
            return Err(Violation {
                name: shown.to_string(),
                excluded_by: None,
            });
        }
        Ok(())
    }

    /// The NameConstraints SEQUENCE.
    pub(crate) fn to_der(&self) -> Vec<u8> {
        Writer::one(tag::SEQUENCE, |out| {
            for (tag, subtrees) in [(PERMITTED, &self.permitted), (EXCLUDED, &self.excluded)] {
                if !subtrees.is_empty() {
                    out.constructed(tag, |out| subtrees.iter().for_each(|subtree| subtree.write(out)));
                }
            }
        })
    }

    pub(crate) fn from_der(der: &[u8]) -> Result<Self, DerError> {
        let mut lists = Reader::within(der, tag::SEQUENCE)?;
        let mut list = |tag| {
            let mut subtrees = Vec::new();
            let mut entries = Reader::new(lists.optional(tag)?.unwrap_or_default());
            while !entries.is_empty() {
                subtrees.push(Subtree::read(&mut entries)?);
            }
            Ok::<_, DerError>(subtrees)
        };
        let constraints = Self {
            permitted: list(PERMITTED)?,
            excluded: list(EXCLUDED)?,
        };
        lists.finish()?;
        Ok(constraints)
    }
}

/// The host that programs take a common name for.
fn host_of_common_name(text: &str) -> Option<String> {
    let host = match text.parse::<DnsName>() {
        Ok(name) => name.to_string(),
        Err(_) => Some(text.to_ascii_lowercase()).filter(|text| san::is_lax_host(text))?,
    };
    host.contains('.').then_some(host)
}

/// Labels of visible characters between dots: what verifiers compare, whatever DNS says of it.
fn is_like_a_host(text: &str) -> bool {
    text.split('.')
        .all(|label| !label.is_empty() && label.bytes().all(|c| c.is_ascii_graphic() && c != b'@'))
}

/// Whether the host of a URI is a name: constraints of URIs say nothing of addresses.
fn is_named(host: &str) -> bool {
    is_like_a_host(host) && !host.starts_with('[') && host.parse::<IpAddr>().is_err()
}

/// The address of a foreign certificate that could not be issued.
fn foreign_address(der: &[u8]) -> Option<IpAddr> {
    san::read_address(Reader::single(der, IP).ok()?)
}

fn email(address: &EmailAddress) -> Subject<'_> {
    Subject::Email(Some(address.local_part()), address.domain())
}

/// Constraints on one mailbox cannot name an internationalised one (RFC 9598 section 6).
fn email_utf8(address: &SmtpUtf8Mailbox) -> Subject<'_> {
    Subject::Email(None, address.domain())
}

#[cfg(test)]
mod tests;
