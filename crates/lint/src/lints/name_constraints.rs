//! nameConstraints, and names under an issuer that has them (RFC 5280 section 4.2.1.10, RFC 9549 section 2.2).

use x509::DistinguishedName;

use crate::catalogue::Check::{Content, Link};
use crate::catalogue::Scope::{All, EndEntity, Issued};
use crate::catalogue::{Lint, Verdict, error, warn};
use crate::context::Issuer;
use crate::lints::require;
use crate::text::{shown, shown_octets};
use crate::tlv::{Tlv, tag};
use crate::view::View;
use crate::view::extensions::Subtree;
use crate::view::name::Name;
use crate::{oid, syntax};

pub(super) const LINTS: &[Lint] = &[
    error(
        "rfc5280_name_constraints_only_in_ca",
        "RFC 5280 4.2.1.10",
        "Only CAs have nameConstraints.",
    )
    .on(EndEntity, Content(absent)),
    error(
        "rfc5280_name_constraints_critical",
        "RFC 5280 4.2.1.10",
        "nameConstraints is critical.",
    )
    .on(All, Content(critical)),
    error(
        "rfc5280_name_constraints_not_empty",
        "RFC 5280 4.2.1.10",
        "nameConstraints permits or excludes something, and neither list is empty.",
    )
    .on(All, Content(not_empty)),
    error(
        "rfc5280_name_constraints_no_distance",
        "RFC 5280 4.2.1.10",
        "Subtrees have minimum 0 and no maximum.",
    )
    .on(All, Content(no_distance)),
    error(
        "rfc5280_name_constraints_ip",
        "RFC 5280 4.2.1.10; RFC 4632",
        "Address ranges have 8 or 32 octets, a mask of leading ones, and no bit outside the mask.",
    )
    .on(All, Content(|view| bases(view, tag::IP_ADDRESS, ip_range))),
    error(
        "rfc5280_name_constraints_directory_name",
        "RFC 5280 4.2.1.10",
        "Directory subtrees are names.",
    )
    .on(
        All,
        Content(|view| bases(view, tag::DIRECTORY_NAME, directory_name)),
    ),
    error(
        "rfc5280_name_constraints_host",
        "RFC 5280 4.2.1.10; RFC 9549 2.2",
        "Subtrees of host names, mailboxes and URIs are host names in A-labels, or mailboxes.",
    )
    .on(All, Content(hosts)),
    warn(
        "rfc5280_name_constraints_dns_no_dot",
        "RFC 5280 4.2.1.10",
        "Subtrees of host names do not begin with a dot: verifiers do not agree on what it means.",
    )
    .on(All, Content(|view| bases(view, tag::DNS_NAME, no_leading_dot))),
    error(
        "rfc5280_names_within_issuer_constraints",
        "RFC 5280 4.2.1.10, 6.1.4",
        "Subject and alternative names are within the name constraints of the issuer.",
    )
    .on(Issued, Link(within_issuer)),
];

fn subtrees<'a, 'v>(view: &'v View<'a>) -> impl Iterator<Item = &'v Subtree<'a>> {
    view.extensions
        .name_constraints
        .iter()
        .flat_map(|constraints| constraints.subtrees())
}

/// Passes if `check` does for all bases of a kind.
fn bases(view: &View<'_>, kind: u8, check: impl Fn(&[u8]) -> syntax::Problem) -> Verdict {
    for Tlv { content, .. } in subtrees(view)
        .map(|tree| tree.base)
        .filter(|base| base.tag == kind)
    {
        check(content).map_err(|problem| match kind {
            tag::DNS_NAME | tag::RFC822_NAME | tag::URI => format!("`{}`: {problem}", shown_octets(content)),
            _ => problem.to_owned(),
        })?;
    }
    Ok(())
}

fn absent(view: &View<'_>) -> Verdict {
    require(view.extension(oid::NAME_CONSTRAINTS).is_none(), || {
        "there are nameConstraints".to_owned()
    })
}

fn critical(view: &View<'_>) -> Verdict {
    let critical = view
        .extension(oid::NAME_CONSTRAINTS)
        .is_none_or(|extension| extension.is_critical());
    require(critical, || "nameConstraints is not critical".to_owned())
}

fn not_empty(view: &View<'_>) -> Verdict {
    let Some(constraints) = &view.extensions.name_constraints else {
        return Ok(());
    };
    let lists = [&constraints.permitted, &constraints.excluded];
    let hollow = lists.into_iter().flatten().any(Vec::is_empty);
    require(!hollow && constraints.subtrees().next().is_some(), || {
        "nameConstraints is empty, or one of its lists is; leave it out".to_owned()
    })
}

fn no_distance(view: &View<'_>) -> Verdict {
    let plain = |tree: &Subtree<'_>| matches!(tree.minimum, None | Some([0])) && tree.maximum.is_none();
    require(subtrees(view).all(plain), || {
        "a subtree has another minimum, or a maximum".to_owned()
    })
}

fn ip_range(octets: &[u8]) -> syntax::Problem {
    let (address, mask) = octets.split_at_checked(octets.len() / 2).unwrap_or_default();
    if !matches!(octets.len(), 8 | 32) {
        return Err("a range has another length");
    }
    let number = |octets: &[u8]| {
        octets
            .iter()
            .fold(0u128, |sum, octet| sum << 8 | u128::from(*octet))
    };
    let width = u32::try_from(mask.len() * 8).unwrap_or(128);
    // Shifted to the top, so that ones that lead are the only ones.
    let (address, mask) = (number(address) << (128 - width), number(mask) << (128 - width));
    if mask.leading_ones() != mask.count_ones() {
        return Err("a mask has zeros between ones");
    }
    if address & !mask != 0 {
        return Err("an address has bits outside its mask");
    }
    Ok(())
}

fn directory_name(der: &[u8]) -> syntax::Problem {
    Name::from_der(der)
        .map(drop)
        .map_err(|_| "a directory subtree is not a name")
}

/// Empty means every name; a leading dot means all hosts below.
fn host_or_below(base: &[u8]) -> syntax::Problem {
    let host = base.strip_prefix(b".").unwrap_or(base);
    if base.is_empty() {
        return Ok(());
    }
    if host.contains(&b'*') {
        return Err("wildcards mean nothing here");
    }
    syntax::host(host).and_then(|()| syntax::a_labels(host))
}

fn hosts(view: &View<'_>) -> Verdict {
    let mailbox = |base: &[u8]| {
        if base.contains(&b'@') {
            syntax::mailbox(base)
        } else {
            host_or_below(base)
        }
    };
    bases(view, tag::DNS_NAME, host_or_below)?;
    bases(view, tag::URI, host_or_below)?;
    bases(view, tag::RFC822_NAME, mailbox)
}

fn no_leading_dot(base: &[u8]) -> syntax::Problem {
    if base.starts_with(b".") {
        Err("it begins with a dot")
    } else {
        Ok(())
    }
}

fn within_issuer(view: &View<'_>, issuer: &Issuer<'_>) -> Verdict {
    let Some(constraints) = issuer.name_constraints else {
        return Ok(());
    };
    let unreadable = |part: &str| format!("{part} cannot be read, so the constraints cannot be judged");
    let subject = DistinguishedName::from_der(view.subject.der).map_err(|_| unreadable("the subject"))?;
    let sans = match view.extension(oid::SUBJECT_ALT_NAME) {
        None => Vec::new(),
        Some(extension) => {
            x509::san::decode_lenient(extension.value).map_err(|_| unreadable("the alternative names"))?
        }
    };
    constraints
        .permits(&subject, &sans)
        .map_err(|violation| shown(&violation.to_string()))
}
