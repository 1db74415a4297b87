//! Whether those who are to sign can sign: what became of the last signature of each key.
//!
//! A certificate that is valid says nothing of its key, which may be gone from keymgr, damaged, or not allowed to sign. So each key
//! signs once when this process begins to use it, before anybody relies on it. What requests meet later is noted here, too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kit::error::{Fault as _, Kind, chain};
use kit::grpc::RemoteFault;
use x509::ReceivedSerial;
use x509::ocsp::{CertId, CertStatus, HashAlgorithm};

use super::App;
use crate::domain::{Issuer, Signer};
use crate::error::Error;

/// Keys for which keymgr does not answer, until the others are left for the next look.
const UNANSWERED: usize = 3;

/// What became of the last signature of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trial {
    /// None was asked for yet.
    #[default]
    Untried,
    /// It was made, and is by the key of the certificate.
    Signed,
    /// Not made, which may have nothing to do with the key: keymgr did not answer.
    Unanswered {
        cause: String,
        /// Whether the key has signed before.
        has_signed: bool,
    },
    /// Refused for a request. The next look at the responders tries the key again.
    Doubtful { cause: String },
    /// Refused when it was tried: the key is not used.
    Refused { cause: String },
}

impl Trial {
    /// Whether answers may be expected of the key.
    pub(crate) const fn is_proven(&self) -> bool {
        match self {
            Self::Signed | Self::Doubtful { .. } => true,
            Self::Unanswered { has_signed, .. } => *has_signed,
            Self::Untried | Self::Refused { .. } => false,
        }
    }

    /// Why the last signature was not made.
    pub(crate) fn cause(&self) -> Option<&str> {
        match self {
            Self::Untried => Some("it was not tried yet"),
            Self::Signed => None,
            Self::Unanswered { cause, .. } | Self::Doubtful { cause } | Self::Refused { cause } => {
                Some(cause)
            }
        }
    }
}

/// By name of the key. Keys are few: one for each CA, and another for each that was replaced.
#[derive(Default)]
pub(super) struct Trials(Mutex<BTreeMap<String, Trial>>);

impl Trials {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Trial>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn of(&self, key_name: &str) -> Trial {
        self.lock().get(key_name).cloned().unwrap_or_default()
    }

    pub(super) fn is_refused(&self, key_name: &str) -> bool {
        matches!(self.lock().get(key_name), Some(Trial::Refused { .. }))
    }

    /// Notes it, and answers what was there.
    fn note(&self, key_name: &str, trial: Trial) -> Trial {
        let mut all = self.lock();
        match all.get_mut(key_name) {
            Some(there) => std::mem::replace(there, trial),
            None => all.insert(key_name.to_owned(), trial).unwrap_or_default(),
        }
    }
}

impl App {
    /// Notes what became of a signature for a request.
    ///
    /// # Errors
    /// Its failure; a refusal as [`Error::Refused`].
    pub(super) fn noted<T>(&self, signer: &Signer, made: Result<T, Error>) -> Result<T, Error> {
        let key_name = &signer.key_name;
        let before = self.0.trials.of(key_name);
        let error = match made {
            Ok(made) => {
                if before != Trial::Signed {
                    self.0.trials.note(key_name, Trial::Signed);
                }
                return Ok(made);
            }
            Err(error) => error,
        };
        let cause = chain(&error);
        if !is_refusal(&error) {
            let has_signed = before.is_proven();
            let unanswered = Trial::Unanswered { cause, has_signed };
            self.0.trials.note(key_name, unanswered);
            return Err(error);
        }
        if !matches!(before, Trial::Doubtful { .. } | Trial::Refused { .. }) {
            let doubtful = Trial::Doubtful { cause: cause.clone() };
            self.0.trials.note(key_name, doubtful);
            self.0.changed.notify_one();
        }
        let key_name = key_name.clone();
        Err(Error::Refused { key_name, cause })
    }

    /// Has signers that are not known to be able to sign do so; all of them if `all`. False: keymgr does not answer for some.
    pub(super) async fn try_signers(&self, issuers: &[Issuer], all: bool) -> bool {
        let now = self.0.clock.now();
        let mut unanswered = 0;
        for issuer in issuers {
            let usable = issuer.signer.as_ref().filter(|signer| signer.is_usable(now));
            let Some(signer) = usable.filter(|signer| !self.is_revoked(issuer, signer.serial())) else {
                continue;
            };
            let before = self.0.trials.of(&signer.key_name);
            if before == Trial::Signed && !all {
                continue;
            }
            match self.try_signer(issuer, signer).await {
                Ok(()) if matches!(before, Trial::Refused { .. }) => {
                    tracing::info!(
                        issuer = &*issuer.name,
                        key = signer.key_name,
                        "OCSP responder signs again"
                    );
                }
                Ok(()) => {}
                Err(Error::Refused { key_name, cause }) => {
                    if !matches!(before, Trial::Refused { .. }) {
                        tracing::error!(
                            issuer = &*issuer.name,
                            key = key_name,
                            cause,
                            "an OCSP responder cannot sign with its key"
                        );
                    }
                    self.0.trials.note(&signer.key_name, Trial::Refused { cause });
                }
                Err(_) => unanswered += 1,
            }
            if unanswered == UNANSWERED {
                break;
            }
        }
        unanswered == 0
    }

    /// Signs that nothing is known of serial number 0, which no CA here issues. The response is given to no client.
    ///
    /// # Errors
    /// [`Error::Refused`]; any other where the key was not asked.
    pub(super) async fn try_signer(&self, issuer: &Issuer, signer: &Arc<Signer>) -> Result<(), Error> {
        let zero = ReceivedSerial::Odd([0].into());
        let id = CertId::new(issuer.ids(), HashAlgorithm::Sha256, &zero);
        let signed = self.sign_with(signer, vec![(id, CertStatus::Unknown)], None);
        signed.await.map(drop)
    }
}

/// Whether keymgr was asked and did not sign, or not with that key. What a transport says is about the deployment, and not about the
/// key.
fn is_refusal(error: &Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error
            .downcast_ref::<RemoteFault>()
            .is_some_and(RemoteFault::is_of_transport)
        {
            return false;
        }
        next = error.source();
    }
    error.kind() != Kind::Unavailable
}
