//! The checks of [`approve`](crate::approve), one a file. Those named `settle` also give the form that is certified.

mod accounts;
mod claims;
pub(crate) mod grant;
pub(crate) mod key;
pub(crate) mod names;
pub(crate) mod path;
pub(crate) mod sans;
pub(crate) mod size;
mod spiffe;
pub(crate) mod subject;
pub(crate) mod validity;
