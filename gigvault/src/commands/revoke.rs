//! `cert revoke SERIAL`: one certificate, and with `--same-key` the others of its compromised key.

pub(super) mod descendants;

use anyhow::Context;
use client::{Certificate, Client, OtherCertificate, RevokedCertificate, SameKey};
use x509::crl::Reason;

use super::{Unattended, cert, confirm, now, preview, revoke_all, revoke_many, times};
use crate::cli;
use crate::exit::Done;
use crate::output::{Output, shorten_middle};

/// `Revoke certificate 3f21…9ab4 (CN=a) with reason key-compromise?`
fn question(certificate: &Certificate, reason: Reason, arguments: &cli::Revoke) -> String {
    const SHORT: usize = 9;
    let whose = match certificate.subject.is_empty() {
        true => cert::first_names(&certificate.san),
        false => certificate.subject.clone(),
    };
    let serial = shorten_middle(&certificate.serial, SHORT);
    let others = match arguments.same_key {
        true => " and all others of its key",
        false => "",
    };
    let descendants = match arguments.descendants {
        true => " and what was issued to who showed it",
        false => "",
    };
    format!("Revoke certificate {serial} ({whose}){others}{descendants} with reason {reason}?")
}

/// The request, for one certificate or for many.
fn request(arguments: &cli::Revoke) -> anyhow::Result<(Reason, client::Revoke)> {
    let reason: Reason = arguments
        .reason
        .parse()
        .map_err(|error| crate::exit::Usage(format!("--reason: {error}")))?;
    let instead = match reason {
        Reason::CertificateHold => Some("a hold is not a revocation: use `gigvault cert hold SERIAL`"),
        Reason::RemoveFromCrl => Some("use `gigvault cert release SERIAL`"),
        Reason::Unspecified
        | Reason::KeyCompromise
        | Reason::CaCompromise
        | Reason::AffiliationChanged
        | Reason::Superseded
        | Reason::CessationOfOperation
        | Reason::PrivilegeWithdrawn
        | Reason::AaCompromise => None,
    };
    if let Some(instead) = instead {
        return Err(crate::exit::Usage(format!("--reason {reason}: {instead}")).into());
    }
    let since = arguments.invalid_since.as_deref();
    let invalidity_time = since
        .map(|text| times::point("--invalid-since", text, now()))
        .transpose()?;
    let compromise = matches!(reason, Reason::KeyCompromise | Reason::CaCompromise);
    if arguments.same_key && !compromise {
        let text = "--same-key is for --reason key-compromise: other reasons say nothing about the key";
        return Err(crate::exit::Usage(text.to_owned()).into());
    }
    let request = client::Revoke {
        reason: reason.to_string(),
        invalidity_time,
        same_key: arguments.same_key,
        descendants: arguments.descendants,
    };
    Ok((reason, request))
}

pub(super) async fn run(client: &Client, arguments: &cli::Revoke, output: Output) -> anyhow::Result<()> {
    let (reason, request) = request(arguments)?;
    let serial = match (&arguments.serial, arguments.filters.ca.as_slice()) {
        (Some(serial), _) if arguments.filters == cli::Filters::default() => serial,
        (None, [ca]) if arguments.all && revoke_many::is_ca_alone(&arguments.filters) => {
            return revoke_all::run(client, ca, &request, arguments, output).await;
        }
        _ => return revoke_many::run(client, &request, arguments, output).await,
    };
    if arguments.dry_run.dry_run {
        return preview::show(&client.dry_run().revoke(serial, &request).await?, output);
    }
    let certificate = client.certificates().get(serial).await?;
    let unattended = match arguments.same_key || arguments.descendants {
        true => Unattended::Refuse,
        false => Unattended::Proceed,
    };
    confirm(
        &question(&certificate, reason, arguments),
        arguments.yes,
        unattended,
    )?;
    let revoked = send(client, serial, &request).await?;
    let mut fields = cert::fields(&revoked.certificate);
    if let Some(same_key) = &revoked.same_key {
        fields.push(("same key, revoked too", list(&same_key.revoked)));
        fields.push(("same key, not revoked", list(&same_key.remaining)));
        let damaged = same_key.damaged.iter();
        let damaged: Vec<String> = damaged
            .map(|one| format!("{} ({})", one.serial, one.problem))
            .collect();
        fields.push(("same key, not revoked because damaged", damaged.join("\n")));
    }
    if let Some(descendants) = &revoked.descendants {
        fields.extend(descendants::fields(descendants));
    }
    let shown = output
        .one(&revoked, &fields)
        .with_context(|| Done::unshown(&format!("certificate {serial} was revoked")));
    let same_key = revoked.same_key.as_ref();
    let descendants = revoked.descendants.as_ref();
    let warnings = [
        same_key.and_then(|same_key| warning(serial, reason, same_key)),
        descendants.and_then(|descendants| descendants::warning(serial, reason, descendants)),
    ];
    for warning in warnings.into_iter().flatten() {
        crate::exit::say(&warning);
    }
    shown
}

fn list(others: &[OtherCertificate]) -> String {
    // Identities of services have no subject.
    let one = |other: &OtherCertificate| match other.subject.as_str() {
        "" => format!("{} (CA {})", other.serial, other.ca),
        subject => format!("{} ({subject}, CA {})", other.serial, other.ca),
    };
    others.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// One request, and with `same_key` as many more as there are certificates for.
async fn send(client: &Client, serial: &str, request: &client::Revoke) -> anyhow::Result<RevokedCertificate> {
    let mut revoked = client.certificates().revoke(serial, request).await?;
    while let Some(before) = &revoked.same_key
        && request.same_key
        && before.more
    {
        let (before, issued) = (before.revoked.clone(), revoked.descendants.take());
        let mut next = client.certificates().revoke(serial, request).await?;
        let progress = next
            .same_key
            .as_ref()
            .is_some_and(|others| !others.revoked.is_empty());
        if let Some(others) = &mut next.same_key {
            others.revoked.splice(0..0, before);
        }
        next.descendants = descendants::of_both(issued, next.descendants);
        revoked = next;
        if !progress {
            break;
        }
    }
    Ok(revoked)
}

/// Says what is still valid for a key that others have.
fn warning(serial: &str, reason: Reason, same_key: &SameKey) -> Option<String> {
    let mut left = Vec::new();
    match (same_key.remaining.len(), same_key.more) {
        (0, false) => {}
        (0, true) => left.push("more certificates of this compromised key may be valid".to_owned()),
        (n, more) => {
            let n = if more {
                format!("more than {n}")
            } else {
                n.to_string()
            };
            left.push(format!(
                "{n} other certificates of this compromised key are still valid or on hold; revoke them with `gigvault \
                 cert revoke {serial} --reason {reason} --same-key`"
            ));
        }
    }
    if !same_key.damaged.is_empty() {
        let named: Vec<&str> = same_key.damaged.iter().map(|one| one.serial.as_str()).collect();
        left.push(format!(
            "certificates of this compromised key of which the database cannot be read were not revoked: {}; restore them from a \
             backup as `gigvault doctor` says, then revoke them with the same command",
            named.join(" ")
        ));
    }
    if same_key.of_others > 0 {
        left.push(format!(
            "{} more belong to others; tell an operator",
            same_key.of_others
        ));
    }
    if same_key.unconfirmed {
        left.push(format!(
            "others have certificates over this key, so it is not recorded as compromised yet and can still be certified; an \
             operator confirms with `gigvault cert revoke {serial} --reason {reason}`"
        ));
    }
    (!left.is_empty()).then(|| format!("warning: {}", left.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_the_key_that_cannot_be_read_are_named() {
        let same_key = serde_json::json!({
            "revoked": [], "remaining": [], "of_others": 0, "unconfirmed": false, "more": false,
            "damaged": [{"serial": "0a1b", "problem": "not_after cannot be read"}],
        });
        let same_key: SameKey = serde_json::from_value(same_key).unwrap();
        let said = warning("00ab", Reason::KeyCompromise, &same_key).unwrap();
        assert!(said.contains("were not revoked: 0a1b; restore them"), "{said}");
        assert_eq!(warning("00ab", Reason::KeyCompromise, &SameKey::default()), None);
    }
}
