//! How long an installation has an admin.

use time::OffsetDateTime;

/// When a key stops opening anything by itself. Ordered: what never ends is later than any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// From this moment on it is void.
    At(OffsetDateTime),
    /// Only a revocation ends it.
    Never,
}

impl End {
    /// Whether it is over at `now`.
    pub(crate) fn is_over(self, now: OffsetDateTime) -> bool {
        matches!(self, Self::At(end) if end <= now)
    }

    /// The moment, if there is one.
    pub(crate) fn time(self) -> Option<OffsetDateTime> {
        match self {
            Self::At(end) => Some(end),
            Self::Never => None,
        }
    }
}

impl From<Option<OffsetDateTime>> for End {
    fn from(end: Option<OffsetDateTime>) -> Self {
        end.map_or(Self::Never, Self::At)
    }
}

/// Whether an installation whose keys may make keys until `before` can do with keys that may until `after`: it never has
/// an admin for a shorter time than it had. A key of a few seconds does not replace one without an end, and whichever
/// key leaves, one that lives at least as long stays.
pub(crate) fn keeps_an_admin(before: Option<End>, after: Option<End>, now: OffsetDateTime) -> bool {
    match before {
        None => true,
        Some(end) => end.is_over(now) || after >= before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_is_kept_for_as_long_as_there_was_one() {
        let now = time::macros::datetime!(2027-01-02 03:04:05 UTC);
        let at = |seconds| Some(End::At(now + time::Duration::seconds(seconds)));
        for (before, after, kept) in [
            (Some(End::Never), Some(End::Never), true),
            (Some(End::Never), at(1_000_000), false),
            (Some(End::Never), None, false),
            (at(60), at(60), true),
            (at(60), at(61), true),
            (at(60), at(59), false),
            (at(60), None, false),
            // There was no admin before.
            (at(0), None, true),
            (at(-1), at(-2), true),
            (None, None, true),
        ] {
            assert_eq!(keeps_an_admin(before, after, now), kept, "{before:?} {after:?}");
        }
    }
}
