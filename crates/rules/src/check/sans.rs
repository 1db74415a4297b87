//! Subject alternative names: kinds, number, wildcards, schemes. Their syntax was checked when they were parsed.

use std::collections::HashSet;

use x509::name::oids;
use x509::san::{MAX_TEXT, SanKind};
use x509::{DistinguishedName, San};

use super::{accounts, spiffe};
use crate::denied::Denied;
use crate::profile::{Profile, SanRule};
use crate::request::Request;

/// The names to certify: those asked for, in their order, each once, and the mailboxes of the subject if the profile
/// says so.
pub(crate) fn settle(profile: &Profile, request: &Request) -> Result<Vec<San>, Denied> {
    let rule = &profile.san;
    let mut asked = request.sans.clone();
    if profile.subject.email_to_san {
        asked.extend(mailboxes(&request.subject)?);
    }
    let mut seen = HashSet::with_capacity(asked.len());
    let sans: Vec<San> = asked.iter().filter(|san| seen.insert(*san)).cloned().collect();
    if sans.len() > rule.max {
        return Err(Denied::san(format!(
            "there are {} names; profile {} takes at most {}",
            sans.len(),
            profile.name,
            rule.max
        )));
    }
    sans.iter().try_for_each(|san| check_one(profile, san))?;
    spiffe::check(&sans, !profile.certificate.is_ca()).map_err(Denied::san)?;
    if !rule.required.is_empty() && !sans.iter().any(|san| rule.required.contains(&san.kind())) {
        return Err(Denied::san(format!(
            "profile {} needs at least one name of kind {}",
            profile.name,
            list(&rule.required, " or ")
        )));
    }
    Ok(sans)
}

/// The emailAddress attributes of a subject as alternative names.
fn mailboxes(subject: &DistinguishedName) -> Result<Vec<San>, Denied> {
    let read = |address: String| {
        let refused = |error| Denied::subject(format!("emailAddress {address}: {error}"));
        format!("email:{address}").parse().map_err(refused)
    };
    subject
        .values_of(oids::EMAIL_ADDRESS)
        .into_iter()
        .map(read)
        .collect()
}

fn check_one(profile: &Profile, san: &San) -> Result<(), Denied> {
    let length = san.to_string().len();
    if length > MAX_TEXT {
        return Err(Denied::san(format!(
            "a name of kind {} has {length} bytes as text; at most {MAX_TEXT} are accepted",
            san.kind().as_str()
        )));
    }
    let rule = &profile.san;
    if !rule.allowed.contains(&san.kind()) {
        let allowed = if rule.allowed.is_empty() {
            "none".to_owned()
        } else {
            list(&rule.allowed, ", ")
        };
        return Err(Denied::san(format!(
            "{san}: profile {} does not take names of this kind; allowed: {allowed}",
            profile.name
        )));
    }
    if accounts::is_windows_account(san) && !rule.allowed.contains(&SanKind::Upn) {
        return Err(Denied::san(format!(
            "{san}: profile {} does not name Windows accounts; use one that takes user principal names, such as user-logon",
            profile.name
        )));
    }
    match san {
        San::Dns(name) if name.is_wildcard() => check_wildcard(rule, san, name.base()),
        San::Uri(uri)
            if spiffe::is_id(uri.as_str())
                && !rule.uri_schemes.iter().any(|known| known == spiffe::SCHEME) =>
        {
            Err(Denied::san(format!(
                "{san}: profile {} does not take SPIFFE IDs; use one whose `uri_schemes` lists spiffe",
                profile.name
            )))
        }
        San::Uri(uri)
            if !rule.uri_schemes.is_empty()
                && !rule
                    .uri_schemes
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(uri.scheme())) =>
        {
            Err(Denied::san(format!(
                "{san}: the scheme must be {}",
                rule.uri_schemes.join(" or ")
            )))
        }
        San::Dns(_)
        | San::Ip(_)
        | San::Email(_)
        | San::SmtpUtf8(_)
        | San::Uri(_)
        | San::DirName(_)
        | San::RegisteredId(_)
        | San::OtherName { .. }
        | San::Opaque(_) => Ok(()),
    }
}

/// Clients do not match `*.test`, and where they did it would cover a whole top-level domain.
fn check_wildcard(rule: &SanRule, san: &San, base: &str) -> Result<(), Denied> {
    if !rule.wildcards {
        return Err(Denied::san(format!(
            "{san}: this profile takes no wildcards; list the names"
        )));
    }
    if !base.contains('.') {
        return Err(Denied::san(format!(
            "{san}: a wildcard needs at least two labels after it"
        )));
    }
    Ok(())
}

fn list(kinds: &[SanKind], separator: &str) -> String {
    kinds
        .iter()
        .map(|kind| kind.as_str())
        .collect::<Vec<_>>()
        .join(separator)
}
