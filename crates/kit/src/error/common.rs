//! What goes wrong in every service.

use std::sync::Arc;

use store::StoreError;
use vocabulary::ProblemType;

use super::{Fault, Invalid, Kind, Shown};
use crate::{config, dry_run, jobs, page};

/// What goes wrong in every service, and is answered by all of them alike. A service's error has it as one variant, and
/// [`common_errors!`](crate::common_errors) for the way there.
#[derive(Debug, thiserror::Error)]
pub enum Common {
    /// A field of the request is not of its form.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The cursor is not one of this list.
    #[error(transparent)]
    Cursor(#[from] page::InvalidCursor),
    /// The same Idempotency-Key came with another request before.
    #[error("this Idempotency-Key was used for another request; use a new key for a new request")]
    IdempotencyConflict,
    /// The request does not hold to its preview.
    #[error(transparent)]
    Preview(#[from] dry_run::Refusal),
    /// Too much is being read for this caller, or for all.
    #[error(transparent)]
    Busy(#[from] page::Busy),
    /// The job was not accepted.
    #[error(transparent)]
    Job(#[from] jobs::NotStored),
    /// A setting that cannot be used.
    #[error(transparent)]
    Config(#[from] config::SettingFault),
    /// The database.
    #[error("the database did not answer as it should")]
    Store(#[from] StoreError),
    /// What several requests waited for failed; each of them gets this.
    #[error(transparent)]
    Shared(Arc<dyn Fault>),
    /// A state that the code rules out: a bug, or a damaged machine or database.
    #[error("internal: {0}")]
    Internal(String),
}

impl Fault for Common {
    fn shown(&self) -> Shown<'_> {
        match self {
            Self::Invalid(invalid) => invalid.shown(),
            Self::Cursor(invalid) => invalid.shown(),
            Self::IdempotencyConflict => Shown::of(Kind::Conflict).typed(ProblemType::IdempotencyConflict),
            Self::Preview(refusal) => refusal.shown(),
            Self::Busy(busy) => busy.shown(),
            Self::Job(refusal) => refusal.shown(),
            Self::Store(error) => error.shown(),
            Self::Shared(fault) => fault.shown(),
            Self::Config(_) | Self::Internal(_) => Shown::of(Kind::Internal),
        }
    }
}

/// Lets `?` make the error of a service, which has a variant for [`Common`](crate::error::Common), of what goes wrong in
/// every service, and gives it the two constructors that every service needs.
#[macro_export]
macro_rules! common_errors {
    ($error:ident) => {
        $crate::common_errors!(@from $error:
            $crate::error::Invalid,
            $crate::page::InvalidCursor,
            $crate::page::Busy,
            $crate::dry_run::Refusal,
            $crate::jobs::NotStored,
            $crate::config::SettingFault,
            ::store::StoreError,
        );

        impl $error {
            /// That field of the request is not of its form: what is wrong, and what is expected.
            pub(crate) fn invalid(field: &'static str, detail: impl ::std::fmt::Display) -> Self {
                $crate::error::Invalid::new(field, detail).into()
            }

            /// A state that the code rules out. The text is for the log.
            pub(crate) fn internal(what: impl ::std::fmt::Display) -> Self {
                $crate::error::Common::Internal(what.to_string()).into()
            }
        }
    };
    (@from $error:ident: $($common:ty,)*) => {
        $(impl From<$common> for $error {
            fn from(error: $common) -> Self {
                $crate::error::Common::from(error).into()
            }
        })*
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Error {
        #[error(transparent)]
        Common(#[from] Common),
    }

    crate::common_errors!(Error);

    impl Fault for Error {
        fn service(&self) -> &'static str {
            "sample"
        }

        fn shown(&self) -> Shown<'_> {
            match self {
                Self::Common(common) => common.shown(),
            }
        }
    }

    fn store_error(driver: sqlx::Error) -> Error {
        StoreError::from(driver).into()
    }

    #[test]
    fn a_service_is_named_where_it_failed_and_says_nothing_of_the_cause() {
        let failed = "sample failed; its log has the cause";
        let setting = config::SettingFault::hiding("sample.secret", "is \"hunter2\"");
        for internal in [
            Error::internal("the stored key cannot be read"),
            store_error(sqlx::Error::RowNotFound),
            dry_run::Refusal::Store(StoreError::Corrupt("a secret".to_owned())).into(),
            setting.into(),
        ] {
            assert_eq!((internal.kind(), &*internal.public()), (Kind::Internal, failed));
        }
    }

    #[test]
    fn a_database_that_does_not_answer_is_told_alike_however_it_was_met() {
        let told = "the database of sample does not answer; try again";
        let down = || StoreError::from(sqlx::Error::PoolTimedOut);
        for unavailable in [
            down().into(),
            dry_run::Refusal::Store(down()).into(),
            jobs::NotStored::Store(down()).into(),
            Error::from(Common::Shared(Arc::new(Error::from(down())))),
        ] {
            assert_eq!(
                (unavailable.kind(), &*unavailable.public()),
                (Kind::Unavailable, told)
            );
            assert!(unavailable.shown().retry_after.is_some());
        }
    }

    #[test]
    fn faults_of_the_caller_are_told_in_their_own_words() {
        let invalid = Error::invalid("limit", "takes 1 to 200");
        assert_eq!(invalid.public(), "limit: takes 1 to 200");
        assert_eq!(invalid.shown().field, Some("limit"));
        let conflict = Error::from(Common::IdempotencyConflict);
        assert_eq!(conflict.shown().problem, ProblemType::IdempotencyConflict);
        assert_eq!(conflict.public(), conflict.to_string());
    }
}
