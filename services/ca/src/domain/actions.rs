//! What a caller may do with a certificate: answered by the very functions that decide when it is asked for.

use time::OffsetDateTime;
use x509::crl::Reason;

use super::lifecycle::{self, Wish};
use super::{Brief, Capacity, Issued};

const RENEW: &str = "renew";
const HOLD: &str = "hold";
const RELEASE: &str = "release";
const REVOKE: &str = "revoke";
/// All of them.
pub(crate) const ALL: [&str; 4] = [RENEW, HOLD, RELEASE, REVOKE];

/// What a caller's permissions come to, for one certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Powers {
    /// Whether a renewal would be issued to them.
    pub(crate) renews: bool,
    /// In what capacity they hold, release and revoke it; `None` where they may not.
    pub(crate) decides: Option<Capacity>,
}

/// What there is to know beside the certificate itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) now: OffsetDateTime,
    /// Whether its key is recorded as compromised.
    pub(crate) key_is_compromised: bool,
    /// Whether it is revoked for a compromise that would be recorded of its key now, and was not.
    pub(crate) records_key: bool,
}

/// The verbs of the REST surface that would not be refused now, in the order of a certificate's life. `revoke` stands for any
/// reason, and so is there for a revoked certificate whose key may still be said to be compromised, or be recorded as that.
pub(crate) fn allowed(certificate: &Issued, powers: Powers, known: Circumstances) -> Vec<&'static str> {
    let mut actions = Vec::new();
    if powers.renews {
        actions.push(RENEW);
    }
    let Some(by) = powers.decides else {
        return actions;
    };
    let revoked_for = certificate.revocation.map(|there| there.reason);
    let worst = Wish {
        reason: revoked_for
            .filter(|reason| lifecycle::is_compromise(*reason))
            .unwrap_or(Reason::KeyCompromise),
        invalidity: None,
        records_key: known.records_key,
    };
    let decided = [
        (HOLD, lifecycle::hold(certificate, by, known.now)),
        (
            RELEASE,
            lifecycle::release(certificate, by, known.key_is_compromised),
        ),
        (
            REVOKE,
            lifecycle::revoke(&Brief::from(certificate), worst, by, known.now),
        ),
    ];
    let possible = decided.into_iter().filter(|(_, decision)| decision.is_ok());
    actions.extend(possible.map(|(action, _)| action));
    actions
}
