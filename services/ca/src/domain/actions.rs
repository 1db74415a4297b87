//! What a caller may do with a certificate: answered by the very functions that decide when it is asked for.

use time::OffsetDateTime;
use x509::crl::Reason;

use super::lifecycle::{self, Wish};
use super::{Brief, Capacity, Issued, standing};

/// What a caller's permissions come to, for one certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Powers {
    /// Whether they may renew it.
    pub(crate) renews: bool,
    /// In what capacity they hold, release and revoke it; `None` where they may not.
    pub(crate) decides: Option<Capacity>,
}

/// What there is to know beside the certificate itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) now: OffsetDateTime,
    pub(crate) key_is_compromised: bool,
    /// Whether its CA issues, which a suspended one does not.
    pub(crate) ca_issues: bool,
}

/// The verbs of the REST surface that would not be refused now, in the order of a certificate's life. `revoke` stands for any
/// reason, and so is there for a revoked certificate whose key may still be said to be compromised.
pub(crate) fn allowed(certificate: &Issued, powers: Powers, known: Circumstances) -> Vec<&'static str> {
    let renews = powers.renews
        && known.ca_issues
        && !known.key_is_compromised
        && standing::renewable(certificate, known.now).is_ok();
    let mut actions = Vec::new();
    if renews {
        actions.push("renew");
    }
    let Some(by) = powers.decides else {
        return actions;
    };
    let worst = Wish {
        reason: Reason::KeyCompromise,
        invalidity: None,
        records_key: false,
    };
    let decided = [
        ("hold", lifecycle::hold(certificate, by, known.now)),
        (
            "release",
            lifecycle::release(certificate, by, known.key_is_compromised),
        ),
        (
            "revoke",
            lifecycle::revoke(&Brief::from(certificate), worst, by, known.now),
        ),
    ];
    let possible = decided.into_iter().filter(|(_, decision)| decision.is_ok());
    actions.extend(possible.map(|(action, _)| action));
    actions
}
