//! What is judged of one certificate, and of a whole path.

use super::{PathError, Purpose, shown};
use crate::asn1::{DerError, Reader, tag, unsigned};
use crate::extension::oids;
use crate::{Certificate, Eku, KeyUsageFlags};

/// What can be said of one certificate by itself.
pub(super) fn judge_alone(certificate: &Certificate, purpose: &Purpose) -> Result<(), PathError> {
    if !certificate.validity().contains(purpose.time) {
        return Err(PathError::Validity {
            subject: shown(certificate),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            time: purpose.time,
        });
    }
    let unknown =
        |extension: &&crate::Extension| extension.critical() && !UNDERSTOOD.contains(&extension.oid());
    if let Some(extension) = certificate.extensions().iter().find(unknown) {
        return Err(PathError::Critical {
            subject: shown(certificate),
            extension: extension.name(),
        });
    }
    if let Some(problem) = malformed(certificate) {
        let subject = shown(certificate);
        return Err(PathError::Malformed { subject, problem });
    }
    match (purpose.usage, certificate.eku()) {
        (Some(wanted), Some(listed)) if !listed.contains(&wanted) && !listed.contains(&Eku::ANY) => {
            Err(PathError::NotForPurpose {
                subject: shown(certificate),
                purpose: wanted.to_string(),
            })
        }
        _ => Ok(()),
    }
}

/// Extensions that are judged here, or that a verifier without policies may pass over though they are critical.
const UNDERSTOOD: [crate::Oid; 8] = [
    oids::BASIC_CONSTRAINTS,
    oids::KEY_USAGE,
    oids::EXTENDED_KEY_USAGE,
    oids::SUBJECT_ALT_NAME,
    oids::SUBJECT_KEY_IDENTIFIER,
    oids::AUTHORITY_KEY_IDENTIFIER,
    oids::NAME_CONSTRAINTS,
    oids::CERTIFICATE_POLICIES,
];

/// A whole path, leaf first: purposes, path lengths and names, from the anchor down.
pub(super) fn judge(path: &[Certificate], purpose: &Purpose) -> Result<(), PathError> {
    path.iter()
        .try_for_each(|certificate| judge_alone(certificate, purpose))?;
    if let Some(leaf) = path.first().filter(|leaf| requires_policy(leaf, 0)) {
        return Err(PathError::ExplicitPolicy { subject: shown(leaf) });
    }
    let anchor = path.len().saturating_sub(1);
    for (at, ca) in path.iter().enumerate().skip(1) {
        let below = path.get(..at).unwrap_or_default();
        // Self-issued CA certificates do not count, nor are their names judged (sections 6.1.3 (b) and 6.1.4 (l)).
        let counted = below
            .iter()
            .skip(1)
            .filter(|between| !between.is_self_issued())
            .count();
        if at < anchor && requires_policy(ca, at) {
            return Err(PathError::ExplicitPolicy { subject: shown(ca) });
        }
        if ca.path_len().is_some_and(|length| counted > usize::from(length)) {
            return Err(PathError::PathLength { subject: shown(ca) });
        }
        let Some(constraints) = ca.name_constraints() else {
            continue;
        };
        let judged = below.iter().enumerate();
        let judged = judged.filter(|(at, certificate)| *at == 0 || !certificate.is_self_issued());
        for (at, certificate) in judged {
            constraints
                .allows(certificate.subject(), certificate.sans(), at == 0)
                .map_err(|violation| PathError::NameConstraints {
                    issuer: shown(ca),
                    subject: shown(certificate),
                    violation: Box::new(violation),
                })?;
        }
    }
    Ok(())
}

/// The leaf by itself: also whether its key may do what the purpose needs (RFC 5280 section 4.2.1.12).
pub(super) fn judge_leaf(leaf: &Certificate, purpose: &Purpose) -> Result<(), PathError> {
    judge_alone(leaf, purpose)?;
    let in_tls = KeyUsageFlags::DIGITAL_SIGNATURE | KeyUsageFlags::KEY_AGREEMENT;
    let (wanted, name) = match purpose.usage {
        Some(Eku::ServerAuth) => (in_tls | KeyUsageFlags::KEY_ENCIPHERMENT, Eku::ServerAuth),
        Some(Eku::ClientAuth) => (in_tls, Eku::ClientAuth),
        _ => return Ok(()),
    };
    match leaf.key_usage() {
        Some(usages) if usages.without(wanted) == usages => Err(PathError::KeyUsage {
            subject: shown(leaf),
            purpose: name.to_string(),
            wanted,
        }),
        _ => Ok(()),
    }
}

/// Whether requireExplicitPolicy takes effect on a certificate of the path with this many below it (sections 6.1.4 (i) and
/// 6.1.5 (b)). One that cannot be read does.
fn requires_policy(certificate: &Certificate, below: usize) -> bool {
    let Some(extension) = certificate.extension(oids::POLICY_CONSTRAINTS) else {
        return false;
    };
    let skipped = || {
        let mut fields = Reader::within(extension.value_der(), tag::SEQUENCE)?;
        let skip = fields.optional(tag::context(0))?.map(unsigned).transpose()?;
        fields.optional(tag::context(1))?;
        fields.finish()?;
        Ok::<_, DerError>(skip)
    };
    match skipped() {
        Ok(skipped) => {
            skipped.is_some_and(|skipped| usize::try_from(skipped).is_ok_and(|skip| skip <= below))
        }
        Err(_) => true,
    }
}

/// What breaks the form of RFC 5280 so that verifiers would come to different answers.
fn malformed(certificate: &Certificate) -> Option<&'static str> {
    const LISTS: [(crate::Oid, &str); 4] = [
        (oids::SUBJECT_ALT_NAME, "its subjectAltName is an empty list"),
        (oids::EXTENDED_KEY_USAGE, "its extKeyUsage is an empty list"),
        (oids::NAME_CONSTRAINTS, "its nameConstraints are an empty list"),
        (
            oids::CERTIFICATE_POLICIES,
            "its certificatePolicies are an empty list",
        ),
    ];
    let empty = |(oid, _): &&(_, _)| {
        certificate
            .extension(*oid)
            .is_some_and(|extension| extension.value_der() == [tag::SEQUENCE, 0])
    };
    if let Some((_, problem)) = LISTS.iter().find(empty) {
        return Some(problem);
    }
    if certificate.extensions().is_empty() && has_extension_field(certificate) {
        return Some("its extensions are an empty list");
    }
    if certificate.key_usage().is_some_and(KeyUsageFlags::is_empty) {
        return Some("its keyUsage names no usage");
    }
    let broken = |constraints: &crate::NameConstraints| constraints.has_broken_address();
    if certificate.name_constraints().is_some_and(broken) {
        return Some("its nameConstraints have an address and mask of the wrong length");
    }
    let names = [certificate.subject(), certificate.issuer()];
    names
        .iter()
        .any(|name| name.has_broken_utf8())
        .then_some("a UTF8String in its names is not UTF-8")
}

/// Whether the optional field is there at all.
fn has_extension_field(certificate: &Certificate) -> bool {
    let Ok(mut fields) = Reader::within(certificate.tbs_der(), tag::SEQUENCE) else {
        return false;
    };
    std::iter::from_fn(|| fields.any().ok()).any(|field| field.tag == tag::context_constructed(3))
}
