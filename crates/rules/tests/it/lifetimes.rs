//! First and last second.

use std::time::Duration;

use proptest::prelude::*;
use rules::duration::{days, hours};
use rules::{Approved, Denied, Profile, Request, approve, field};
use time::OffsetDateTime;
use x509::Validity;

use crate::world::{Ca, NOW, SECOND, p256, profile, request, serial};

fn asked() -> Request {
    request("", &["dns:a.test"], p256())
}

fn ask(request: Request) -> Result<Validity, Denied> {
    Ca::issuing()
        .approve(&profile("tls-server"), request)
        .map(|approved: Approved| approved.validity())
}

fn after(duration: Duration) -> OffsetDateTime {
    SECOND + duration
}

#[test]
fn a_lifetime_is_granted_exactly_or_refused() {
    for life in [
        days(1),
        days(90),
        days(397),
        hours(5),
        Duration::from_secs(10),
        Duration::from_secs(1),
    ] {
        let granted = ask(asked().with_validity(life)).unwrap();
        assert_eq!(granted.duration(), time::Duration::try_from(life).unwrap());
        assert!(granted.contains(NOW), "{life:?}");
    }
    for (life, says) in [
        (days(398), "over the 397d"),
        (days(397) + Duration::from_secs(1), "over the 397d"),
        (Duration::ZERO, "positive"),
        (Duration::from_millis(1500), "whole seconds"),
        (Duration::MAX, "whole seconds"),
        (Duration::from_secs(u64::MAX), "over the 397d"),
    ] {
        let refused = ask(asked().with_validity(life)).unwrap_err();
        assert_eq!(refused.field, field::VALIDITY);
        assert!(refused.detail.contains(says), "{refused}");
    }
}

#[test]
fn backdating_never_eats_more_than_a_tenth_of_a_life() {
    let start = |life| ask(asked().with_validity(life)).unwrap().not_before;
    assert_eq!(start(days(90)), SECOND - hours(1));
    assert_eq!(start(hours(1)), SECOND - Duration::from_secs(360));
    assert_eq!(start(Duration::from_secs(10)), SECOND - Duration::from_secs(1));
    assert_eq!(start(Duration::from_secs(9)), SECOND);
}

#[test]
fn first_and_last_second_are_granted_exactly_or_refused() {
    let between = |not_before, not_after| {
        ask(Request {
            not_before,
            not_after,
            ..asked()
        })
    };
    let exact = between(Some(after(hours(1))), Some(after(days(30)))).unwrap();
    assert_eq!(
        exact,
        Validity {
            not_before: after(hours(1)),
            not_after: after(days(30))
        }
    );
    let ends = between(None, Some(after(days(397)) - Duration::from_secs(1))).unwrap();
    assert_eq!(ends.not_after, after(days(397)) - Duration::from_secs(1));
    assert_eq!(ends.not_before, SECOND, "no room for backdating");
    for (not_before, not_after) in [
        (Some(after(hours(49))), None),
        (Some(after(hours(2))), Some(after(hours(1)))),
        (None, Some(SECOND - hours(1))),
        (None, Some(SECOND - days(10))),
        (None, Some(after(days(398)))),
        (Some(SECOND), Some(after(days(397)))),
        (Some(OffsetDateTime::UNIX_EPOCH), None),
    ] {
        let refused = between(not_before, not_after).unwrap_err();
        assert_eq!(
            refused.field,
            field::VALIDITY,
            "{not_before:?} {not_after:?}: {refused}"
        );
    }
    let both = Request {
        not_after: Some(after(days(1))),
        ..asked().with_validity(days(1))
    };
    assert!(ask(both).unwrap_err().detail.contains("give one"));
}

#[test]
fn a_start_before_the_issuers_is_refused_and_a_default_one_is_moved() {
    let ca = Ca::issuing();
    let explicit = Request {
        not_before: Some(SECOND - hours(2)),
        ..asked()
    };
    let granted = ca.approve(&profile("tls-server"), explicit);
    // The CA started an hour back; what was asked for cannot be granted exactly.
    assert_eq!(granted.unwrap_err().field, field::VALIDITY);
    let long_before = Profile {
        backdate: hours(48),
        ..profile("tls-server")
    };
    let moved = ca.approve(&long_before, asked()).unwrap().validity();
    assert_eq!(moved.not_before, ca.certificate.not_before());
    assert_eq!(moved.duration(), time::Duration::days(90));
}

#[test]
fn a_certificate_ends_with_its_issuer_at_the_latest() {
    let ca = Ca::issuing();
    let end = ca.certificate.not_after();
    let late = end - time::Duration::days(10);
    let at = |request: Request| approve(&profile("tls-server"), request, &ca.issuer(), serial(), late);
    assert_eq!(
        at(asked()).unwrap().validity().not_after,
        end,
        "the default is cut"
    );
    let refused = at(asked().with_validity(days(30))).unwrap_err();
    assert_eq!(refused.field, field::VALIDITY);
    assert!(refused.detail.contains("ask for less"), "{refused}");
    let refused = at(Request {
        not_after: Some(end + time::Duration::SECOND),
        ..asked()
    })
    .unwrap_err();
    assert_eq!(refused.field, field::VALIDITY);
    assert_eq!(
        at(Request {
            not_after: Some(end),
            ..asked()
        })
        .unwrap()
        .validity()
        .not_after,
        end,
        "the last second is the issuer's"
    );
}

proptest! {
    #[test]
    fn whatever_is_granted_keeps_all_bounds(
        life in proptest::option::of(0_u64..500 * 86_400),
        before in proptest::option::of(-200_000_i64..200_000),
        after in proptest::option::of(-100_000_i64..40_000_000),
        ahead in 0_i64..3700 * 86_400,
    ) {
        thread_local!(static CA: Ca = Ca::issuing());
        CA.with(|ca| {
            let now = NOW + time::Duration::seconds(ahead);
            let moment = |seconds| SECOND + time::Duration::seconds(ahead + seconds);
            let request = Request {
                validity: life.map(Duration::from_secs),
                not_before: before.map(moment),
                not_after: after.map(moment),
                ..asked()
            };
            let profile = profile("tls-server");
            if let Ok(approved) = approve(&profile, request, &ca.issuer(), serial(), now) {
                let granted = approved.validity();
                prop_assert!(granted.is_within(&ca.certificate.validity()));
                prop_assert!(granted.duration() <= time::Duration::try_from(profile.max_validity).unwrap());
                prop_assert!(granted.not_after >= now - time::Duration::SECOND);
                prop_assert!((granted.not_before - now).abs() <= time::Duration::hours(48) + time::Duration::SECOND);
                if let Some(life) = life {
                    prop_assert_eq!(granted.duration(), time::Duration::seconds(life.try_into().unwrap()));
                }
                if let Some(before) = before {
                    prop_assert_eq!(granted.not_before, moment(before));
                }
                if let Some(after) = after {
                    prop_assert_eq!(granted.not_after, moment(after));
                }
            }
            Ok(())
        })?;
    }
}
