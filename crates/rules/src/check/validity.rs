//! First and last second. What was asked for is granted exactly or refused; what was not asked for is cut to fit the
//! issuer.

use std::time::Duration;

use time::OffsetDateTime;
use x509::rfc3339;
use x509::validity::Validity;

use crate::denied::Denied;
use crate::duration::{self, format};
use crate::issuer::Issuer;
use crate::profile::{MAX_BACKDATE, Profile};
use crate::request::Request;

/// The largest part of its life that a certificate may have behind it when it is signed.
const BACKDATED_PART: u32 = 10;

pub(crate) fn settle(
    profile: &Profile,
    request: &Request,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Validity, Denied> {
    let now = now.replace_nanosecond(0).unwrap_or(now);
    check_issuer(issuer, now)?;
    check_wishes(profile, request, now)?;
    let validity = fit(issuer, request, wanted(profile, request, issuer, now)?)?;
    if validity.not_after < now {
        let end = rfc3339(validity.not_after);
        return Err(Denied::validity(format!(
            "the certificate would end at {end}, in the past"
        )));
    }
    if validity.duration() > signed(profile.max_validity) {
        return Err(too_long(
            profile,
            &format!("up to {}", rfc3339(validity.not_after)),
        ));
    }
    Ok(validity)
}

/// A CA cannot be renewed by this version, so the way out is the clock or another CA.
fn check_issuer(issuer: &Issuer, now: OffsetDateTime) -> Result<(), Denied> {
    let Some(period) = issuer.validity().filter(|period| !period.contains(now)) else {
        return Ok(());
    };
    let way_out = match now < period.not_before {
        true => {
            "if the clock of this machine is wrong, set it; if it was wrong when the CA was made, make a new CA"
        }
        false => "if the clock of this machine is wrong, set it; else make a new CA",
    };
    Err(Denied::ca(format!(
        "the CA's certificate is valid from {} to {}, and it is {}; {way_out}, for `gigvault up` in another data directory",
        rfc3339(period.not_before),
        rfc3339(period.not_after),
        rfc3339(now)
    )))
}

/// The period by request and profile alone, but for a default start before the issuer's own.
fn wanted(
    profile: &Profile,
    request: &Request,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Validity, Denied> {
    let earliest = issuer.validity().map(|period| period.not_before);
    let start = request.not_before.unwrap_or_else(|| {
        earliest
            .into_iter()
            .fold(default_start(profile, request, now), OffsetDateTime::max)
    });
    match request.not_after {
        Some(end) => Validity::new(start, end),
        None => Validity::starting(start, signed(life(profile, request))),
    }
    .map_err(|error| Denied::validity(error.to_string()))
}

/// Within the issuer's period: a default end is cut, a wish is not.
fn fit(issuer: &Issuer, request: &Request, wanted: Validity) -> Result<Validity, Denied> {
    let Some(ours) = issuer.validity().filter(|ours| !wanted.is_within(ours)) else {
        return Ok(wanted);
    };
    let by_default = request.validity.is_none() && request.not_after.is_none();
    if by_default && wanted.not_before >= ours.not_before && wanted.not_before <= ours.not_after {
        return Ok(Validity {
            not_after: ours.not_after,
            ..wanted
        });
    }
    Err(Denied::validity(format!(
        "the CA itself is valid from {} to {}; ask for less",
        rfc3339(ours.not_before),
        rfc3339(ours.not_after)
    )))
}

fn check_wishes(profile: &Profile, request: &Request, now: OffsetDateTime) -> Result<(), Denied> {
    if request.validity.is_some() && request.not_after.is_some() {
        return Err(Denied::validity(
            "a lifetime and a last second are both given; give one",
        ));
    }
    let life = life(profile, request);
    if life.is_zero() || life.subsec_nanos() != 0 {
        return Err(Denied::validity(
            "the lifetime must be a positive number of whole seconds",
        ));
    }
    if life > profile.max_validity {
        return Err(too_long(profile, &format!("of {}", format(life))));
    }
    let near = |moment: OffsetDateTime| (moment - now).unsigned_abs() <= MAX_BACKDATE;
    match request.not_before {
        Some(moment) if !near(moment) => Err(Denied::validity(format!(
            "the first second asked for, {}, is more than {} away from now",
            rfc3339(moment),
            format(MAX_BACKDATE)
        ))),
        _ => Ok(()),
    }
}

fn too_long(profile: &Profile, what: &str) -> Denied {
    Denied::validity(format!(
        "a lifetime {what} is over the {} that profile {} allows",
        format(profile.max_validity),
        profile.name
    ))
}

fn life(profile: &Profile, request: &Request) -> Duration {
    request.validity.unwrap_or(profile.default_validity)
}

/// A little before now, but never so far that a short life is mostly over, or one that ends at a given second is
/// longer than allowed.
fn default_start(profile: &Profile, request: &Request, now: OffsetDateTime) -> OffsetDateTime {
    let (life, room) = match request
        .not_after
        .map(|end| Duration::try_from(end - now).unwrap_or_default())
    {
        Some(ahead) => (
            ahead,
            profile.max_validity.saturating_sub(ahead + duration::SECOND),
        ),
        None => (life(profile, request), Duration::MAX),
    };
    let backdate = profile.backdate.min(life / BACKDATED_PART).min(room);
    now.checked_sub(signed(Duration::from_secs(backdate.as_secs())))
        .unwrap_or(now)
}

/// Lifetimes stay far below the range of either type; profiles and wishes were bounded when they were read.
fn signed(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}
