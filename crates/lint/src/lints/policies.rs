//! Certificate policies and what CAs say about them (RFC 5280 sections 4.2.1.4, 4.2.1.5, 4.2.1.11, 4.2.1.14;
//! RFC 6818 section 3).

use x509::Oid;

use crate::catalogue::Check::Content;
use crate::catalogue::Scope::{All, EndEntity, TlsServer};
use crate::catalogue::{Lint, Verdict, error, notice, warn};
use crate::lints::{repeated, require};
use crate::oid;
use crate::syntax::Uri;
use crate::tlv::{Reader, Tlv, tag};
use crate::view::View;
use crate::view::extensions::{Policy, name_of};

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_policies_not_empty",
        "RFC 5280 4.2.1.4",
        "certificatePolicies and the qualifiers in it are not empty.",
    )
    .on(All, Content(not_empty)),
    error(
        "rfc5280_policies_distinct",
        "RFC 5280 4.2.1.4",
        "No policy appears more than once.",
    )
    .on(All, Content(distinct)),
    error(
        "rfc5280_any_policy_qualifiers",
        "RFC 5280 4.2.1.4",
        "anyPolicy has no qualifiers but CPS pointers and user notices.",
    )
    .on(All, Content(any_policy_qualifiers)),
    error(
        "rfc5280_cps_uri",
        "RFC 5280 4.2.1.4",
        "CPS pointers are IA5Strings that hold an absolute http: or https: URI.",
    )
    .on(All, Content(cps_uri)),
    error(
        "rfc6818_explicit_text",
        "RFC 6818 3; RFC 5280 4.2.1.4",
        "The text of a user notice is a UTF8String, BMPString or VisibleString of at most 200 characters.",
    )
    .on(All, Content(explicit_text)),
    warn(
        "rfc5280_no_user_notice",
        "RFC 5280 4.2.1.4",
        "Policies are identifiers alone, or have a CPS pointer.",
    )
    .on(All, Content(no_user_notice)),
    notice(
        "cabf_policies_present",
        "BR 7.1.2.7.9",
        "TLS servers have certificatePolicies.",
    )
    .on(TlsServer, Content(present)),
    error(
        "rfc5280_policy_extensions_only_in_ca",
        "RFC 5280 4.2.1.5, 4.2.1.11, 4.2.1.14",
        "Only CAs have policyMappings, policyConstraints and inhibitAnyPolicy.",
    )
    .on(EndEntity, Content(ca_only)),
    error(
        "rfc5280_policy_extensions_critical",
        "RFC 5280 4.2.1.11, 4.2.1.14",
        "policyConstraints and inhibitAnyPolicy are critical.",
    )
    .on(All, Content(critical)),
    warn(
        "rfc5280_policy_mappings_critical",
        "RFC 5280 4.2.1.5",
        "policyMappings is critical.",
    )
    .on(All, Content(|view| is_critical(view, oid::POLICY_MAPPINGS))),
    error(
        "rfc5280_policy_mappings_form",
        "RFC 5280 4.2.1.5",
        "policyMappings is not empty and does not map from or to anyPolicy.",
    )
    .on(All, Content(mappings)),
    error(
        "rfc5280_policy_constraints_not_empty",
        "RFC 5280 4.2.1.11",
        "policyConstraints says something.",
    )
    .on(All, Content(constraints_not_empty)),
];

fn policies<'a, 'v>(view: &'v View<'a>) -> &'v [Policy<'a>] {
    view.extensions.policies.as_deref().unwrap_or_default()
}

/// Qualifiers of one kind.
fn qualifiers<'a, 'v>(view: &'v View<'a>, kind: Oid) -> impl Iterator<Item = &'v Tlv<'a>> {
    policies(view)
        .iter()
        .flat_map(|policy| &policy.qualifiers)
        .filter(move |(found, _)| oid::is(found, kind))
        .map(|(_, value)| value)
}

fn not_empty(view: &View<'_>) -> Verdict {
    let empty = view.extensions.policies.as_ref().is_some_and(Vec::is_empty);
    let hollow = policies(view).iter().any(|policy| policy.has_empty_qualifiers);
    require(!empty && !hollow, || {
        "certificatePolicies holds an empty list; leave it out".to_owned()
    })
}

fn distinct(view: &View<'_>) -> Verdict {
    match repeated(policies(view).iter().map(|policy| policy.oid)) {
        None => Ok(()),
        Some(policy) => Err(format!("policy {} appears more than once", oid::dotted(policy))),
    }
}

fn any_policy_qualifiers(view: &View<'_>) -> Verdict {
    let allowed = |kind: &[u8]| oid::is(kind, oid::CPS) || oid::is(kind, oid::USER_NOTICE);
    let stray = policies(view)
        .iter()
        .filter(|policy| oid::is(policy.oid, oid::ANY_POLICY))
        .flat_map(|policy| &policy.qualifiers)
        .any(|(kind, _)| !allowed(kind));
    require(!stray, || "anyPolicy has other qualifiers".to_owned())
}

fn cps_uri(view: &View<'_>) -> Verdict {
    let is_web =
        |uri: Uri<'_>| (uri.has_scheme("http") || uri.has_scheme("https")) && uri.check_host().is_ok();
    let holds = |value: &Tlv<'_>| value.tag == tag::IA5_STRING && Uri::of(value.content).is_ok_and(is_web);
    require(qualifiers(view, oid::CPS).all(holds), || {
        "a CPS pointer is something else".to_owned()
    })
}

fn explicit_text(view: &View<'_>) -> Verdict {
    for notice in qualifiers(view, oid::USER_NOTICE) {
        let broken = |_| "a user notice is malformed".to_owned();
        let mut fields = Reader::new(notice.expect(tag::SEQUENCE).map_err(broken)?);
        fields.optional(tag::SEQUENCE).map_err(broken)?;
        if fields.is_empty() {
            continue;
        }
        let text = fields.any().map_err(broken)?;
        let characters = match text.tag {
            tag::UTF8_STRING => String::from_utf8_lossy(text.content).chars().count(),
            tag::VISIBLE_STRING => text.content.len(),
            tag::BMP_STRING => text.content.len() / 2,
            _ => return Err("the text of a user notice is of another string type".to_owned()),
        };
        require(characters <= 200, || {
            format!("the text of a user notice has {characters} characters")
        })?;
    }
    Ok(())
}

fn no_user_notice(view: &View<'_>) -> Verdict {
    require(qualifiers(view, oid::USER_NOTICE).next().is_none(), || {
        "a policy has a user notice".to_owned()
    })
}

fn present(view: &View<'_>) -> Verdict {
    require(view.extensions.policies.is_some(), || {
        "there are no certificatePolicies".to_owned()
    })
}

const FOR_CAS: [(Oid, &str); 3] = [
    (oid::POLICY_MAPPINGS, "policyMappings"),
    (oid::POLICY_CONSTRAINTS, "policyConstraints"),
    (oid::INHIBIT_ANY_POLICY, "inhibitAnyPolicy"),
];

fn ca_only(view: &View<'_>) -> Verdict {
    match FOR_CAS.iter().find(|(oid, _)| view.extension(*oid).is_some()) {
        None => Ok(()),
        Some((_, name)) => Err(format!("there is {name}")),
    }
}

fn is_critical(view: &View<'_>, oid: Oid) -> Verdict {
    let critical = view
        .extension(oid)
        .is_none_or(|extension| extension.is_critical());
    require(critical, || {
        format!("{} is not critical", name_of(oid.as_bytes()).unwrap_or_default())
    })
}

fn critical(view: &View<'_>) -> Verdict {
    is_critical(view, oid::POLICY_CONSTRAINTS)?;
    is_critical(view, oid::INHIBIT_ANY_POLICY)
}

fn mappings(view: &View<'_>) -> Verdict {
    let Some(mappings) = &view.extensions.mappings else {
        return Ok(());
    };
    let maps_any = mappings
        .iter()
        .flatten()
        .any(|policy| oid::is(policy, oid::ANY_POLICY));
    require(!mappings.is_empty() && !maps_any, || {
        "policyMappings is empty, or maps anyPolicy".to_owned()
    })
}

fn constraints_not_empty(view: &View<'_>) -> Verdict {
    require(view.extensions.policy_constraints != Some([None, None]), || {
        "policyConstraints has no field".to_owned()
    })
}
