//! NameConstraints of a CA and their judgement over a certificate to be issued (RFC 5280 section 4.2.1.10).
//!
//! The judgement errs on the side of refusal: a kind of name that is constrained but cannot be compared is a
//! violation, and common names and emailAddress attributes that look like host names, addresses or mail addresses
//! are judged like alternative names, since clients exist that still believe them.

use std::{fmt, net::IpAddr};

use super::{
    Subtree,
    subtree::{DNS, EMAIL, IP, OTHER_NAME, REGISTERED_ID, Subject, URI},
};
use crate::{
    asn1::{DerError, Reader, Writer, tag},
    name::{self, DistinguishedName},
    san::{
        self, DnsName, EmailAddress, San, SmtpUtf8Mailbox,
        address::embedded_ipv4,
        free_text::{self, FreeText},
    },
};

const PERMITTED: u8 = tag::context_constructed(0);
const EXCLUDED: u8 = tag::context_constructed(1);

/// The names that certificates below a CA may and may not have.
///
/// Of each kind with permitted subtrees a name must lie in one of them; no name may lie in an excluded subtree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NameConstraints {
    /// Subtrees that names of their kind must lie in.
    pub permitted: Vec<Subtree>,
    /// Subtrees that no name may lie in.
    pub excluded: Vec<Subtree>,
}

/// The name that broke the constraints, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} {}", self.how())]
pub struct Violation {
    /// The name, as `kind:value`.
    pub name: String,
    /// The excluded subtree that it lies in; `None` if it lies in no permitted one.
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
        for common_name in subject.common_names() {
            self.judge_free_text(&common_name)?;
        }
        sans.iter().try_for_each(|san| self.judge_san(san))
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
            San::OtherName { .. } => self.judge(&Subject::Opaque(OTHER_NAME), shown),
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

    /// Judges a common name as what programs take it for. Names among other words bind only where they are excluded:
    /// no program takes the whole text for one of them.
    fn judge_free_text(&self, text: &str) -> Result<(), Violation> {
        let shown = format_args!("common name {}", san::shown(text)).to_string();
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
                name => self.judge_san_as(name, &shown),
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
mod tests {
    use super::*;

    fn constraints(permitted: &[&str], excluded: &[&str]) -> NameConstraints {
        let all = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        NameConstraints {
            permitted: all(permitted),
            excluded: all(excluded),
        }
    }

    fn allows(constraints: &NameConstraints, name: &str) -> bool {
        constraints
            .permits(&DistinguishedName::default(), &[name.parse().unwrap()])
            .is_ok()
    }

    #[track_caller]
    fn check(constraints: &NameConstraints, inside: &[&str], outside: &[&str]) {
        for name in inside {
            assert!(allows(constraints, name), "{name} must be allowed");
        }
        for name in outside {
            assert!(!allows(constraints, name), "{name} must be refused");
        }
    }

    #[test]
    fn permitted_host_names_lie_at_or_below_the_domain() {
        check(
            &constraints(&["dns:example.test"], &[]),
            &[
                "dns:example.test",
                "dns:a.b.example.test",
                "dns:*.example.test",
                "ip:192.0.2.1",
                "uri:https://x.test",
            ],
            &[
                "dns:xexample.test",
                "dns:test",
                "dns:example.test.x",
                "dns:*.test",
            ],
        );
    }

    #[test]
    fn excluded_host_names_include_what_a_wildcard_could_mean() {
        check(
            &constraints(&[], &["dns:secret.example.test"]),
            &[
                "dns:example.test",
                "dns:xsecret.example.test",
                "dns:*.b.example.test",
                "dns:*.test",
            ],
            &[
                "dns:secret.example.test",
                "dns:a.secret.example.test",
                "dns:*.secret.example.test",
                "dns:*.example.test",
            ],
        );
        check(
            &constraints(&["dns:example.test"], &["dns:a.example.test"]),
            &["dns:b.example.test"],
            &["dns:a.example.test"],
        );
    }

    #[test]
    fn addresses_are_compared_by_their_family() {
        check(
            &constraints(&["ip:10.0.0.0/8", "ip:2001:db8::/32"], &["ip:10.9.0.0/16"]),
            &["ip:10.1.2.3", "ip:2001:db8::1"],
            &["ip:11.0.0.1", "ip:10.9.0.1", "ip:2001:db9::1"],
        );
        check(
            &constraints(&["ip:10.0.0.0/8"], &[]),
            &["ip:10.0.0.1"],
            &["ip:::1"],
        );
        check(
            &constraints(&[], &["ip:0.0.0.0/0"]),
            &["ip:::1", "dns:a.test"],
            &["ip:192.0.2.1"],
        );
    }

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_judged_as_both() {
        let foreign = |text: &str| {
            let address: std::net::Ipv6Addr = text.parse().unwrap();
            San::Opaque([&[IP, 16][..], &address.octets()].concat())
        };
        let permits = |constraints: &NameConstraints, text: &str| {
            constraints
                .permits(&DistinguishedName::default(), &[foreign(text)])
                .is_ok()
        };
        let forms = [
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:a00:1::",
            "2001::f5ff:fffe",
        ];
        for form in forms {
            assert!(
                !permits(&constraints(&[], &["ip:10.0.0.0/8"]), form),
                "{form} is excluded"
            );
            assert!(
                !permits(&constraints(&["ip:::/0"], &[]), form),
                "{form} is also IPv4"
            );
            assert!(
                !permits(&constraints(&["ip:10.0.0.0/8"], &[]), form),
                "{form} is also IPv6"
            );
            assert!(
                permits(&constraints(&["ip:10.0.0.0/8", "ip:::/0"], &[]), form),
                "{form}"
            );
            assert!(
                permits(&constraints(&["dns:a.test"], &["ip:11.0.0.0/8"]), form),
                "{form}"
            );
        }
        // A subtree in the mapped form means IPv4 addresses too.
        let mapped = [
            &[0x30, 0x26, 0xa1, 0x24, 0x30, 0x22, 0x87, 0x20][..],
            &"::ffff:10.0.0.0".parse::<std::net::Ipv6Addr>().unwrap().octets(),
            &[0xff; 13],
            &[0; 3],
        ];
        let mapped = NameConstraints::from_der(&mapped.concat()).unwrap();
        check(&mapped, &["ip:11.0.0.1", "ip:2001:db8::1"], &["ip:10.0.0.1"]);
        assert!(!permits(&mapped, "::ffff:10.0.0.1") && permits(&mapped, "2001:db8::1"));
        assert!(!permits(
            &constraints(&[], &["ip:224.0.0.0/4"]),
            "::ffff:224.0.0.1"
        ));
    }

    #[test]
    fn mail_addresses_have_three_forms() {
        check(
            &constraints(&["email:Root@a.test", "email:b.test", "email:.c.test"], &[]),
            &[
                "email:Root@a.test",
                "email:Root@A.test",
                "email:x@b.test",
                "email:x@y.c.test",
                "email:ü@b.test",
            ],
            &[
                "email:root@a.test",
                "email:x@a.test",
                "email:x@y.b.test",
                "email:x@c.test",
                "email:ü@a.test",
            ],
        );
        check(
            &constraints(&[], &["email:b.test"]),
            &["email:a@c.test"],
            &["email:ü@b.test"],
        );
    }

    #[test]
    fn uris_are_judged_by_their_host() {
        check(
            &constraints(&["uri:a.test", "uri:.b.test"], &[]),
            &["uri:https://a.test/x", "uri:spiffe://x.b.test/svc"],
            &[
                "uri:https://x.a.test",
                "uri:https://b.test",
                "uri:urn:a:b",
                "uri:https://192.0.2.1/",
            ],
        );
        check(
            &constraints(&[], &["uri:a.test"]),
            &["uri:https://b.test"],
            &["uri:https://a.test", "uri:urn:a:b", "uri:https://[::1]/"],
        );
    }

    #[test]
    fn directory_names_bind_the_subject_too() {
        let constraints = constraints(&["dirname:O=Example,C=DE"], &["dirname:OU=Secret,O=Example,C=DE"]);
        let permits = |subject: &str| constraints.permits(&subject.parse().unwrap(), &[]).is_ok();
        assert!(permits("CN=a,O=EXAMPLE,C=DE") && permits(""));
        assert!(!permits("CN=a,O=Other,C=DE") && !permits("CN=a,OU=secret,O=Example,C=DE"));
        check(&constraints, &["dirname:CN=x,O=Example,C=DE"], &["dirname:CN=x"]);
    }

    #[test]
    fn names_in_the_subject_count_like_alternative_names() {
        let constraints = constraints(&["dns:example.test", "email:example.test", "ip:10.0.0.0/8"], &[]);
        let permits = |subject: &str| constraints.permits(&subject.parse().unwrap(), &[]).is_ok();
        for subject in [
            "CN=web.example.test",
            "CN=Some Name",
            "CN=host",
            "CN=10.1.1.1",
            "emailAddress=a@example.test",
            "CN=a@example.test",
            "CN=J.R.R. Tolkien",
            "CN=Gateway 192.0.2.1",
            "CN=ACME Corp. Web Signing",
            "CN=tool-1.2.3",
            "CN=system:node:a",
            "CN=123456789",
        ] {
            assert!(permits(subject), "{subject}");
        }
        for subject in [
            "CN=web.other.test",
            "CN=ok,CN=WEB.other.test",
            "CN=192.0.2.1",
            "emailAddress=a@b.test",
            "emailAddress=x",
            "CN=a@b.test",
            "CN=::1",
            "CN=web.example.test.",
            "CN=web.other.test.",
            "CN=\\ web.other.test",
            "CN=web.other.test\u{a0}",
            "CN=web．other．test",
            "CN=web_1.other.test",
            "CN=192.0.2.1/8",
            "CN=10.0.0.1/8",
            "CN=0x7f.1",
            "CN=0300.0.2.1",
            "CN=１９２.0.2.1",
            "CN=[2001:db8::1]",
            "CN=::ffff:10.0.0.1",
            "CN=a@b.test\\ ",
            "CN=a＠b.test",
            "CN=Admin \\<a@b.test\\>",
            "CN=web.other.test:443",
            "CN=a@CORP_X",
        ] {
            assert!(!permits(subject), "{subject}");
        }
    }

    #[test]
    fn excluded_names_are_found_in_every_common_name() {
        let constraints = constraints(
            &[],
            &[
                "dns:bank.test",
                "ip:10.0.0.0/8",
                "ip:127.0.0.0/8",
                "email:corp.test",
                "uri:bank.test",
            ],
        );
        let permits = |subject: &str| constraints.permits(&subject.parse().unwrap(), &[]).is_ok();
        for subject in [
            "CN=www.bank.test",
            "CN=bank.test",
            "CN=Visit www.bank.test.",
            "CN=dns:www.bank.test",
            "CN=Gateway 10.0.0.1",
            "CN=Gateway (10.0.0.1)",
            "CN=0x7f000001",
            "CN=a@corp.test",
            "CN=A@CORP.TEST",
            "CN=https://bank.test/x",
        ] {
            assert!(!permits(subject), "{subject}");
        }
        for subject in [
            "CN=www.other.test",
            "CN=Gateway 192.0.2.1",
            "CN=a@other.test",
            "CN=Jane Doe",
            "CN=0x01000000",
        ] {
            assert!(permits(subject), "{subject}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let foreign = |tag: u8, general_name: &[u8]| {
            let der = Writer::one(tag::SEQUENCE, |out| {
                out.constructed(tag, |out| out.sequence(|subtree| subtree.raw(general_name)));
            });
            NameConstraints::from_der(&der).unwrap()
        };
        for list in [PERMITTED, EXCLUDED] {
            check(
                &foreign(list, b"\x88\x02\x2a\x03"),
                &["dns:a.test"],
                &["rid:1.2.3"],
            );
            check(
                &foreign(list, b"\xa0\x00"),
                &["dns:a.test"],
                &["upn:a@b", "othername:1.2.3=0500", "email:ü@b.test"],
            );
            check(&foreign(list, b"\x82\x02\xc3\xbc"), &["ip:::1"], &["dns:a.test"]);
        }
        let opaque = [San::Opaque(b"\x82\x01_".to_vec())];
        let nobody = DistinguishedName::default();
        assert!(constraints(&["dns:test"], &[]).permits(&nobody, &opaque).is_err());
        assert!(constraints(&[], &["dns:test"]).permits(&nobody, &opaque).is_err());
        assert!(constraints(&["ip:::/0"], &[]).permits(&nobody, &opaque).is_ok());
    }

    #[test]
    fn a_foreign_base_with_a_dot_means_names_below() {
        let der = b"\x30\x0d\xa0\x0b\x30\x09\x82\x07.a.test";
        let constraints = NameConstraints::from_der(der).unwrap();
        check(
            &constraints,
            &["dns:b.a.test", "dns:*.a.test"],
            &["dns:a.test", "dns:b.test"],
        );
    }

    #[test]
    fn a_violation_says_what_and_why() {
        let constraints = constraints(&["dns:a.test"], &["dns:b.a.test"]);
        let refusal = |name: &str| {
            constraints
                .permits(&DistinguishedName::default(), &[name.parse().unwrap()])
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal("dns:x.b.a.test"),
            "dns:x.b.a.test is excluded by the issuer's name constraint dns:b.a.test"
        );
        assert!(refusal("dns:x.test").starts_with("dns:x.test is in none"));
    }
}
