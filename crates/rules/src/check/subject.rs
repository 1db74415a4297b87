//! The subject's distinguished name: which attributes, and that no name hides in it that the alternative names do not
//! show.

use x509::extension::Eku;
use x509::name::oids;
use x509::san::SanKind;
use x509::san::free_text::{self, FreeText};
use x509::{DistinguishedName, Oid, San};

use super::claims;
use crate::denied::Denied;
use crate::profile::{CommonName, Profile};
use crate::request::Request;
use crate::text::attributes::label;

/// Longest subject in RFC 4514 form, in bytes: it is a key of the inventory, and an index of PostgreSQL holds at most
/// 2704 bytes per row.
const MAX_TEXT: usize = 1024;

/// The subject to certify: the one asked for in our encodings or, where they are kept, its own; its common name spelled like the
/// alternative name that it repeats (BR 7.1.4.3: character for character).
pub(crate) fn settle(
    profile: &Profile,
    request: &Request,
    sans: &[San],
) -> Result<DistinguishedName, Denied> {
    let asked = &request.subject;
    let subject = asked
        .canonical()
        .map_err(|error| Denied::subject(error.to_string()))?;
    let length = subject.to_string().len();
    if length > MAX_TEXT {
        return Err(Denied::subject(format!(
            "the subject has {length} bytes as text; at most {MAX_TEXT} are accepted"
        )));
    }
    if subject.is_empty() && sans.is_empty() {
        return Err(Denied::subject(
            "the request names no subject: the subject is empty and there are no alternative names",
        ));
    }
    let attributes: Vec<_> = subject.attributes().collect();
    check_attributes(profile, &attributes)?;
    check_mailboxes(&attributes, sans)?;
    check_free_texts(&attributes)?;
    claims::check(profile, request.grant.names(), &attributes, sans)?;
    // Octets of a CA's subject are names that certificates below it repeat (RFC 5280 section 4.1.2.4).
    let kept = if profile.certificate.is_ca() || profile.subject.keep_encoding {
        asked.clone()
    } else {
        subject.clone()
    };
    let mut common_names = attributes.iter().filter(|(oid, _)| *oid == oids::COMMON_NAME);
    match (common_names.next(), common_names.next()) {
        (None, _) => Ok(kept),
        (Some((_, text)), None) => match spelling(profile, text, sans)? {
            Some(spelled) if spelled != *text => respell(subject, attributes.clone(), &spelled),
            _ => Ok(kept),
        },
        (Some(_), Some(_)) => Err(Denied::subject("there is more than one common name; keep one")),
    }
}

fn check_attributes(profile: &Profile, attributes: &[(Oid, String)]) -> Result<(), Denied> {
    let rule = &profile.subject;
    let labels = |oids: &[Oid]| oids.iter().copied().map(label).collect::<Vec<_>>().join(", ");
    if let Some((oid, _)) = attributes.iter().find(|(oid, _)| !rule.attributes.contains(oid)) {
        return Err(Denied::subject(format!(
            "profile {} does not take the attribute {}; allowed: {}",
            profile.name,
            label(*oid),
            labels(&rule.attributes)
        )));
    }
    let denied = attributes
        .iter()
        .find_map(|(_, value)| Some((value, rule.denied_prefix_of(value)?)));
    if let Some((value, prefix)) = denied {
        return Err(Denied::subject(format!(
            "profile {} does not take {value:?}: values that begin with {prefix} are denied by its `denied_prefixes`",
            profile.name
        )));
    }
    let missing = rule
        .required
        .iter()
        .find(|oid| !attributes.iter().any(|(held, _)| held == *oid));
    match missing {
        Some(oid) => Err(Denied::subject(format!(
            "profile {} needs the attribute {}",
            profile.name,
            label(*oid)
        ))),
        None => Ok(()),
    }
}

/// Mail programs believe an emailAddress attribute, so it may only repeat what was checked as an alternative name.
fn check_mailboxes(attributes: &[(Oid, String)], sans: &[San]) -> Result<(), Denied> {
    for (_, address) in attributes.iter().filter(|(oid, _)| *oid == oids::EMAIL_ADDRESS) {
        if !read_as(&["email"], address).any(|san| sans.contains(&san)) {
            return Err(Denied::subject(format!(
                "emailAddress {address} is not one of the alternative names; add email:{address} there"
            )));
        }
    }
    Ok(())
}

/// What looks like a name is one: the common name has more rules, which [`spelling`] knows.
fn check_free_texts(attributes: &[(Oid, String)]) -> Result<(), Denied> {
    let others = attributes
        .iter()
        .filter(|(oid, _)| *oid != oids::COMMON_NAME && free_text::ATTRIBUTES.contains(oid));
    for (oid, text) in others {
        free_text::read(text).map_err(|disguised| Denied::subject(format!("{} {disguised}", label(*oid))))?;
    }
    Ok(())
}

/// How the common name must be spelled, if it repeats an alternative name.
fn spelling(profile: &Profile, text: &str, sans: &[San]) -> Result<Option<String>, Denied> {
    let rule = profile.subject.common_name;
    if profile.extended_key_usage.contains(&Eku::ServerAuth)
        && !profile.certificate.is_ca()
        && free_text::reads_as_ipv4(text)
    {
        return Err(Denied::subject(format!(
            "the common name {text:?} is a number that clients of a server read as an IP address; write the address, or \
             add a word"
        )));
    }
    let candidates: Vec<San> = match (rule, rule_of_text(rule, text)?) {
        (CommonName::Free, _) => return Ok(None),
        (CommonName::NamesRepeatSan, FreeText::Words) => match claims::claim_of(oids::COMMON_NAME, text) {
            Some(claim) => claim.names,
            None => return Ok(None),
        },
        (CommonName::NamesRepeatSan, FreeText::Name(names)) => {
            if is_called_so(profile, text, &names, sans) {
                return Ok(None);
            }
            names
        }
        (CommonName::RepeatsSan, _) => read_as(&["ip", "dns", "email", "upn", "uri"], text).collect(),
    };
    // Spelled as the alternative name is: two spellings of a URI or of a host are equal.
    if let Some(name) = sans.iter().find(|san| candidates.contains(san)) {
        return Ok(Some(name.value()));
    }
    let read_as = candidates
        .first()
        .map(|name| format!(" as {name}"))
        .unwrap_or_default();
    Err(Denied::subject(match rule {
        CommonName::RepeatsSan => format!(
            "the common name {text:?} is not one of the alternative names; add it there{read_as}, or leave it out"
        ),
        CommonName::NamesRepeatSan | CommonName::Free => format!(
            "the common name {text:?} reads as a name{read_as} and is not one of the alternative names; leave it out, or ask for a \
             profile whose common name is free text"
        ),
    }))
}

/// What has the form of a name, and is what people, devices and applications are called: `jane.doe` where the certificate is
/// none of a server, and `UaServer@plc1` of OPC UA on a host of the alternative names.
fn is_called_so(profile: &Profile, text: &str, names: &[San], sans: &[San]) -> bool {
    if profile.san.required.contains(&SanKind::Uri) {
        return text.rsplit_once('@').is_some_and(|(application, host)| {
            !application.contains('@') && read_as(&["dns", "ip"], host).any(|host| sans.contains(&host))
        });
    }
    let is_server = profile.extended_key_usage.contains(&Eku::ServerAuth);
    !is_server
        && matches!(names, [San::Dns(_)])
        && !text.starts_with("xn--")
        && !free_text::is_host_like(text)
}

/// What the text is taken for. Where it must repeat an alternative name anyway, that says more than its shape.
fn rule_of_text(rule: CommonName, text: &str) -> Result<FreeText, Denied> {
    match free_text::read(text) {
        Err(disguised) if rule != CommonName::RepeatsSan => {
            Err(Denied::subject(format!("the common name {disguised}")))
        }
        read => Ok(read.unwrap_or(FreeText::Words)),
    }
}

/// The text read as a name of each kind, where it is one.
fn read_as(kinds: &[&str], text: &str) -> impl Iterator<Item = San> {
    kinds
        .iter()
        .filter_map(move |kind| format!("{kind}:{text}").parse().ok())
}

/// The same name with another common name. Only names without multi-valued parts can be taken apart and put together
/// again.
fn respell(
    subject: DistinguishedName,
    mut attributes: Vec<(Oid, String)>,
    common_name: &str,
) -> Result<DistinguishedName, Denied> {
    let assemble = |attributes: &[(Oid, String)]| {
        DistinguishedName::from_rdns(attributes.iter().map(|(oid, value)| [(*oid, value.as_str())]))
            .map_err(|error| Denied::subject(error.to_string()))
    };
    if assemble(&attributes)? != subject {
        return Err(Denied::subject(format!(
            "write the common name as the alternative name is written: {common_name}"
        )));
    }
    for (_, value) in attributes.iter_mut().filter(|(oid, _)| *oid == oids::COMMON_NAME) {
        common_name.clone_into(value);
    }
    assemble(&attributes)
}
