//! Whether a list is believed, and what it says of a certificate (RFC 5280 section 6.3.3).

use time::{Duration, OffsetDateTime};

use super::ReceivedCrl;
use crate::crl::{CrlEntry, CrlError, Reason};
use crate::extension::{CrlScope, DistributionPoint, oids};
use crate::{Oid, ReceivedSerial};

/// What a relying party asks a list about, and when.
#[derive(Clone, Copy, Debug)]
pub struct CrlExpected<'a> {
    /// The point of the certificate by which the list was found.
    pub point: &'a DistributionPoint,
    /// Whether the certificate is that of a CA.
    pub is_ca: bool,
    /// The time of the check.
    pub now: OffsetDateTime,
    /// How far the clocks of issuer and relying party may be apart, zero or more.
    pub tolerance: Duration,
}

impl ReceivedCrl {
    /// The entry of a serial number that was asked for; of a delta, one that removes it too.
    #[must_use]
    pub fn find(&self, serial: &ReceivedSerial) -> Option<&CrlEntry<ReceivedSerial>> {
        self.found.get(serial)
    }

    /// The entry by which a certificate is revoked or on hold, by this complete list and a delta of it.
    #[must_use]
    pub fn revocation<'a>(
        &'a self,
        delta: Option<&'a Self>,
        serial: &ReceivedSerial,
    ) -> Option<&'a CrlEntry<ReceivedSerial>> {
        match delta.and_then(|delta| delta.find(serial)) {
            Some(entry) if entry.reason == Some(Reason::RemoveFromCrl) => None,
            Some(entry) => Some(entry),
            None => self.find(serial),
        }
    }

    /// Whether this is a complete list that covers the certificate and is in force.
    ///
    /// # Errors
    /// [`CrlError`] names the first reason.
    pub fn check(&self, expected: &CrlExpected<'_>) -> Result<(), CrlError> {
        if self.summary.extensions.is_delta() {
            return Err(CrlError::Delta);
        }
        self.check_extensions()?;
        Self::check_point(expected)?;
        self.check_scope(expected)?;
        self.check_period(expected)
    }

    /// Whether this is a delta in force that may be applied to that complete list. `false`: it may, and is older than that list, so
    /// that it has nothing new.
    ///
    /// # Errors
    /// [`CrlError`] names the first reason.
    pub fn check_delta(&self, complete: &Self, expected: &CrlExpected<'_>) -> Result<bool, CrlError> {
        let extensions = &self.summary.extensions;
        let numbers = (extensions.base_crl_number(), extensions.crl_number());
        let (Some(base), Some(number)) = numbers else {
            return Err(CrlError::NotADelta);
        };
        let Some(complete_number) = complete.summary.extensions.crl_number() else {
            return Err(CrlError::NoNumber);
        };
        self.check_extensions()?;
        Self::check_point(expected)?;
        let scope = |list: &Self| {
            let point = list.summary.extensions.find(oids::ISSUING_DISTRIBUTION_POINT);
            point.map(|point| point.value_der().to_vec())
        };
        if scope(self) != scope(complete) {
            return Err(CrlError::Scope(
                "the delta is of another scope than the complete list",
            ));
        }
        self.check_period(expected)?;
        if base > complete_number {
            return Err(CrlError::Base {
                base,
                complete: complete_number,
            });
        }
        Ok(number >= complete_number)
    }

    fn check_extensions(&self) -> Result<(), CrlError> {
        const KNOWN: [Oid; 5] = [
            oids::AUTHORITY_KEY_IDENTIFIER,
            oids::CRL_NUMBER,
            oids::DELTA_CRL_INDICATOR,
            oids::ISSUING_DISTRIBUTION_POINT,
            oids::FRESHEST_CRL,
        ];
        let mut all = self.summary.extensions.as_slice().iter();
        match all.find(|extension| extension.critical() && !KNOWN.contains(&extension.oid())) {
            Some(strange) => Err(CrlError::CriticalExtension(strange.name())),
            None => Ok(()),
        }
    }

    /// Whether the point is one of complete lists of the certificate's issuer (section 6.3.3 (b) (1) and (d)).
    fn check_point(expected: &CrlExpected<'_>) -> Result<(), CrlError> {
        if expected.point.has_crl_issuer {
            return Err(CrlError::Scope(
                "by the certificate its CRL is of another issuer (cRLIssuer), which is not supported",
            ));
        }
        if expected.point.only_some_reasons {
            return Err(CrlError::Scope(
                "by the certificate this CRL is for some reasons only, which is not supported",
            ));
        }
        Ok(())
    }

    /// Section 6.3.3 (b).
    fn check_scope(&self, expected: &CrlExpected<'_>) -> Result<(), CrlError> {
        let point = self.summary.extensions.issuing_distribution_point();
        let point = point.map_err(|_| CrlError::Scope("issuingDistributionPoint is malformed"))?;
        let Some(point) = point else { return Ok(()) };
        let covers = match point.scope {
            CrlScope::All => true,
            CrlScope::Users => !expected.is_ca,
            CrlScope::Authorities => expected.is_ca,
            CrlScope::Attributes => false,
        };
        if !covers {
            return Err(CrlError::Scope("it lists certificates of another kind"));
        }
        if point.indirect || point.only_some_reasons {
            return Err(CrlError::Scope(
                "it is indirect, or for some reasons only, which is not supported",
            ));
        }
        if !point.names.is_empty() && !point.names.meets(&expected.point.names) {
            return Err(CrlError::Scope("it covers certificates that point elsewhere"));
        }
        Ok(())
    }

    /// Both ends are inclusive, and widened by the tolerance.
    fn check_period(&self, expected: &CrlExpected<'_>) -> Result<(), CrlError> {
        let CrlExpected { now, tolerance, .. } = *expected;
        let header = &self.summary.header;
        if header.this_update > now.saturating_add(tolerance) {
            return Err(CrlError::NotYetValid {
                this_update: header.this_update,
                now,
            });
        }
        match header.next_update {
            None => Err(CrlError::NoNextUpdate),
            Some(next_update) if next_update < now.saturating_sub(tolerance) => {
                Err(CrlError::Stale { next_update, now })
            }
            Some(_) => Ok(()),
        }
    }
}
